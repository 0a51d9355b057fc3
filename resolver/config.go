package resolver

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/tenantgate/tenantgate/setting"
)

// Config is the dns section of the configuration.
type Config struct {
	Answers   []string `yaml:"answers"`   // addresses of the steered listener as clients reach it; none: that of listen.steered
	Upstreams []string `yaml:"upstreams"` // the resolvers for everything else: ip:port, tcp://ip:port, tls://host:port, https://host/path; none: the system's
	Bootstrap []string `yaml:"bootstrap"` // ip:port of the resolvers that know the names of upstreams; none: the system's
	Clients   []string `yaml:"clients"`   // CIDRs of who may ask; none: loopback and private addresses
	Rate      int      `yaml:"rate"`      // questions a second from one client; 0: no limit
	WPAD      bool     `yaml:"wpad"`      // forward wpad.* instead of denying it
	Events    string   `yaml:"events"`    // which questions leave an event: none, steered, all
}

// Default returns what a configuration without a dns section means.
func Default() Config { return Config{Rate: 1000, Events: NoEvents} }

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
	_, err3 := c.bootstrap("")
	_, err4 := c.clients()
	return errors.Join(err1, err2, err3, err4, c.checkWords())
}

// checkWords checks what has no type of its own.
func (c Config) checkWords() error {
	var bad error
	if c.Rate < 0 {
		bad = setting.Errorf("rate", "write questions a second for one client, or 0 for no limit", "%d is negative", c.Rate)
	}
	switch c.Events {
	case "", NoEvents, SteeredEvents, AllEvents:
		return bad
	}
	return errors.Join(bad, setting.Errorf("events", "write none, steered or all", "%q says not which questions leave an event", c.Events))
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
