package resolver

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/setting"
)

// usualPorts are those of the schemes of upstreams (RFC 1035, RFC 7858,
// RFC 8484).
var usualPorts = map[string]uint16{"udp": 53, "tcp": 53, "tls": 853, "https": 443}

const upstreamHint = "write ip:port, tcp://ip:port, tls://host:853 or https://host/dns-query"

// upstreams are the resolvers that are named; none may be who listens on
// listen.
func (c Config) upstreams(listen string) ([]upstream, error) {
	return parseAll("upstreams", c.Upstreams, listen, func(u upstream) error { return nil })
}

// bootstrap are the resolvers that know the names of upstreams.
func (c Config) bootstrap(listen string) ([]upstream, error) {
	return parseAll("bootstrap", c.Bootstrap, listen, func(u upstream) error {
		if u.encrypted() {
			return setting.Errorf("", "write ip:port", "%s would need a bootstrap itself", u)
		}
		return nil
	})
}

func parseAll(section string, list []string, listen string, check func(upstream) error) ([]upstream, error) {
	var all []upstream
	var bad error
	for i, s := range list {
		u, err := parseUpstream(s)
		if err == nil {
			err = check(u)
		}
		if err == nil && u.addr.IsValid() && Reaches(netip.AddrPortFrom(u.addr, u.port), listen) {
			err = setting.Errorf("", "name the resolvers that were asked before", "%s is this resolver itself", u)
		}
		if err != nil {
			bad = errors.Join(bad, setting.In(fmt.Sprintf("%s[%d]", section, i), err))
			continue
		}
		all = append(all, u)
	}
	return all, bad
}

// parseUpstream reads ip, ip:port, or a URL: udp:// and tcp:// with an address,
// tls:// and https:// with an address or a name, which certificates must have.
func parseUpstream(s string) (upstream, error) {
	if !strings.Contains(s, "://") {
		s = "udp://" + bracketed(s)
	}
	l, err := url.Parse(s)
	if err != nil || l.User != nil || l.RawQuery != "" || l.ForceQuery || l.Fragment != "" || l.Opaque != "" {
		return upstream{}, setting.Errorf("", upstreamHint, "%q is not the address of a resolver", s)
	}
	u := upstream{scheme: l.Scheme, port: usualPorts[l.Scheme], path: l.EscapedPath()}
	if u.port == 0 {
		return upstream{}, setting.Errorf("", upstreamHint, "%q has an unknown scheme", s)
	}
	if p := l.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return upstream{}, setting.Errorf("", upstreamHint, "%q is no port", p)
		}
		u.port = uint16(n)
	}
	if (u.scheme == "https") != (u.path != "" && u.path != "/") {
		return upstream{}, setting.Errorf("", upstreamHint, "%q has no path, or one that it needs not", s)
	}
	return u.at(l.Hostname())
}

// bracketed is s as a URL has it, where s may be an IPv6 address alone.
func bracketed(s string) string {
	if a, err := netip.ParseAddr(s); err == nil && a.Is6() {
		return "[" + s + "]"
	}
	return s
}

// at is u with its host.
func (u upstream) at(host string) (upstream, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		if a.IsUnspecified() || a.IsMulticast() {
			return upstream{}, setting.Errorf("", upstreamHint, "%s is no address to ask", a)
		}
		u.addr = a.Unmap()
		u.host = u.addr.WithZone("").String()
		return u, nil
	}
	if !u.encrypted() {
		return upstream{}, setting.Errorf("", upstreamHint+"; a name can only stand where its certificate is checked", "%q is not an address", host)
	}
	n, err := hosts.Parse(host)
	u.host = string(n)
	if err != nil {
		return upstream{}, setting.Errorf("", upstreamHint, "%q is not a host name", host)
	}
	return u, nil
}

// asked are the upstreams: those of cfg, else the system's. None may be the
// resolver itself.
func asked(cfg Config, listen string) ([]upstream, error) {
	if len(cfg.Upstreams) > 0 {
		return cfg.upstreams(listen)
	}
	all := others(listen)
	if len(all) == 0 {
		return nil, setting.Errorf("upstreams", "write the resolvers for everything that is not restricted as dns.upstreams: [10.0.0.53:53]", "%s names no resolver but this one", resolvConf)
	}
	return all, nil
}

// bootstrap are the addresses of who knows the names of upstreams; none where
// no upstream has a name.
func bootstrap(cfg Config, listen string, upstreams []upstream) ([]netip.AddrPort, error) {
	all, err := cfg.bootstrap(listen)
	if err != nil || !slices.ContainsFunc(upstreams, func(u upstream) bool { return !u.addr.IsValid() }) {
		return nil, err
	}
	if len(cfg.Bootstrap) == 0 {
		all = others(listen)
	}
	if len(all) == 0 {
		return nil, setting.Errorf("bootstrap", "write resolvers that know the names of upstreams as dns.bootstrap: [10.0.0.53]", "%s names no resolver but this one", resolvConf)
	}
	addrs := make([]netip.AddrPort, len(all))
	for i, u := range all {
		addrs[i] = netip.AddrPortFrom(u.addr, u.port)
	}
	return addrs, nil
}

// resolvConf is where the system's resolvers are written down.
const resolvConf = "/etc/resolv.conf"

// others are the system's resolvers but the one that listens on listen.
func others(listen string) []upstream {
	return slices.DeleteFunc(system(resolvConf), func(u upstream) bool { return Reaches(netip.AddrPortFrom(u.addr, u.port), listen) })
}

// System returns the resolvers that this machine asks.
func System() []netip.AddrPort {
	var all []netip.AddrPort
	for _, u := range system(resolvConf) {
		all = append(all, netip.AddrPortFrom(u.addr, u.port))
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
			all = append(all, upstream{scheme: "udp", addr: a.Unmap(), host: s, port: usualPorts["udp"]})
		}
	}
	return all
}
