package proxy

// Listen is the listen section of the configuration: where clients arrive.
// An empty address turns a listener off.
type Listen struct {
	Proxy   string `yaml:"proxy"`   // explicit proxy: CONNECT and absolute-form
	Steered string `yaml:"steered"` // TLS by DNS steering or REDIRECT, routed by SNI
	DNS     string `yaml:"dns"`     // steering resolver
	Admin   string `yaml:"admin"`   // health, metrics, PAC and console

	SOCKS         SOCKS       `yaml:"socks"`          // whether Proxy speaks SOCKS5 too: none, anonymous, any
	Transparent   Transparent `yaml:"transparent"`    // how a firewall brings connections to Steered: none, redirect, tproxy
	ProxyProtocol []string    `yaml:"proxy_protocol"` // CIDRs of balancers that put a PROXY protocol header before every TCP connection
}

// DefaultListen returns the addresses of a configuration that names none.
func DefaultListen() Listen {
	return Listen{Proxy: "127.0.0.1:8080", Admin: "127.0.0.1:9090", Transparent: NotTransparent, SOCKS: NoSOCKS}
}

// Upstream is the upstream section of the configuration: how origins are reached.
type Upstream struct {
	Roots          string   `yaml:"roots"`           // PEM file of roots to trust beside the system's
	Resolver       string   `yaml:"resolver"`        // DNS server ip:port for dialling; empty is the system's
	Parent         string   `yaml:"parent"`          // http[s]://[user:pass@]host:port of a parent proxy
	AllowAddresses []string `yaml:"allow_addresses"` // CIDRs that the dial guard lets through
	Ports          []int    `yaml:"ports"`           // ports that CONNECT may name

	Parents []ParentRule `yaml:"parents"` // which hosts go another way than Parent
}

// DefaultUpstream returns the settings of a configuration that names none.
func DefaultUpstream() Upstream { return Upstream{Ports: []int{443}} }
