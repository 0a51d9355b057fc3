package resolver

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/tenantgate/tenantgate/setting"
)

// Config is the dns section of the configuration.
type Config struct {
	Answers   []string `yaml:"answers"`   // addresses of the steered listener as clients reach it; none: that of listen.steered
	Upstreams []string `yaml:"upstreams"` // ip:port of the resolvers for everything else, tcp://ip:port for TCP alone; none: the system's
	Clients   []string `yaml:"clients"`   // CIDRs of who may ask; none: loopback and private addresses
	Rate      int      `yaml:"rate"`      // questions a second from one client; 0: no limit
	WPAD      bool     `yaml:"wpad"`      // forward wpad.* instead of denying it
}

// Default returns what a configuration without a dns section means.
func Default() Config { return Config{Rate: 1000} }

// usualClients are loopback, link-local and private addresses (RFC 1918,
// RFC 3927, RFC 4193, RFC 4291).
var usualClients = []netip.Prefix{
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("fc00::/7"), netip.MustParsePrefix("fe80::/10"),
}

// Check reports what is wrong with c by itself.
func (c Config) Check() error {
	_, err1 := c.answers()
	_, err2 := c.upstreams("")
	_, err3 := c.clients()
	return errors.Join(err1, err2, err3, c.checkRate())
}

func (c Config) checkRate() error {
	if c.Rate < 0 {
		return setting.Errorf("rate", "write questions a second for one client, or 0 for no limit", "%d is negative", c.Rate)
	}
	return nil
}

// answers are the addresses that restricted names get.
func (c Config) answers() ([]netip.Addr, error) {
	var all []netip.Addr
	var bad error
	for i, s := range c.Answers {
		a, err := netip.ParseAddr(s)
		path := fmt.Sprintf("answers[%d]", i)
		switch {
		case err != nil || a.Zone() != "":
			bad = errors.Join(bad, setting.Errorf(path, "write an address such as 10.0.0.7, without a port", "%q is not an address", s))
		case a.IsUnspecified() || a.IsMulticast():
			bad = errors.Join(bad, setting.Errorf(path, "write the address that clients reach the proxy at", "%s is no address to connect to", s))
		default:
			all = append(all, a.Unmap())
		}
	}
	return all, bad
}

// upstreams are the resolvers that are named; none may be who listens on
// listen.
func (c Config) upstreams(listen string) ([]upstream, error) {
	var all []upstream
	var bad error
	for i, s := range c.Upstreams {
		path := fmt.Sprintf("upstreams[%d]", i)
		u, err := parseUpstream(path, s)
		if err == nil && Reaches(u.addr, listen) {
			err = setting.Errorf(path, "name the resolvers that were asked before", "%s is this resolver itself", u.addr)
		}
		if err != nil {
			bad = errors.Join(bad, err)
			continue
		}
		all = append(all, u)
	}
	return all, bad
}

// parseUpstream reads ip, ip:port, udp:// or tcp:// before either.
func parseUpstream(path, s string) (upstream, error) {
	scheme, rest, found := strings.Cut(s, "://")
	if !found {
		scheme, rest = "udp", s
	}
	switch scheme {
	case "udp", "tcp":
	case "tls", "https", "quic", "h3":
		return upstream{}, setting.Errorf(path, "name a resolver on a network that you trust: ip:port, or tcp://ip:port", "encrypted DNS (%s) to upstreams is not supported", scheme)
	default:
		return upstream{}, setting.Errorf(path, "write ip:port, or tcp://ip:port", "%q has an unknown scheme", s)
	}
	addr, err := netip.ParseAddrPort(rest)
	if a, e := netip.ParseAddr(strings.Trim(rest, "[]")); e == nil {
		addr, err = netip.AddrPortFrom(a, 53), nil
	}
	if err != nil || addr.Port() == 0 || addr.Addr().IsUnspecified() || addr.Addr().IsMulticast() {
		return upstream{}, setting.Errorf(path, "write ip:port such as 10.0.0.53:53; a name would need a resolver itself", "%q is not the address of a resolver", s)
	}
	return upstream{addr: netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port()), tcp: scheme == "tcp"}, nil
}

func (c Config) clients() ([]netip.Prefix, error) {
	if len(c.Clients) == 0 {
		return usualClients, nil
	}
	var all []netip.Prefix
	var bad error
	for i, s := range c.Clients {
		p, err := netip.ParsePrefix(s)
		if a, e := netip.ParseAddr(s); e == nil {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil || p.Addr().Is4In6() {
			bad = errors.Join(bad, setting.Errorf(fmt.Sprintf("clients[%d]", i), "write CIDRs such as 10.1.0.0/16", "%q is not a CIDR", s))
			continue
		}
		all = append(all, p.Masked())
	}
	return all, bad
}

// System returns the resolvers that this machine asks.
func System() []netip.AddrPort {
	var all []netip.AddrPort
	for _, u := range system(resolvConf) {
		all = append(all, u.addr)
	}
	return all
}

// system returns the resolvers of resolv.conf(5) at file.
func system(file string) []upstream {
	conf, err := dns.ClientConfigFromFile(file)
	if err != nil {
		return nil
	}
	var all []upstream
	for _, s := range conf.Servers {
		if a, err := netip.ParseAddr(s); err == nil {
			all = append(all, upstream{addr: netip.AddrPortFrom(a.Unmap(), 53)})
		}
	}
	return all
}

// Reaches tells whether asking a would reach who listens on listen.
func Reaches(a netip.AddrPort, listen string) bool {
	l, err := netip.ParseAddrPort(listen)
	if host, port, e := net.SplitHostPort(listen); e == nil && host == "" {
		l, err = netip.ParseAddrPort("[::]:" + port)
	}
	if err != nil || l.Port() != a.Port() {
		return false
	}
	if !l.Addr().IsUnspecified() {
		return l.Addr().Unmap() == a.Addr()
	}
	own, _ := net.InterfaceAddrs()
	return a.Addr().IsLoopback() || slices.ContainsFunc(own, func(n net.Addr) bool {
		p, err := netip.ParsePrefix(n.String())
		return err == nil && p.Addr().Unmap() == a.Addr()
	})
}
