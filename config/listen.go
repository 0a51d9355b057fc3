package config

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/proxy"
)

// listener is an address to listen on. An invalid addr is a name.
type listener struct {
	path string
	host string
	addr netip.Addr
	port int
}

// checkListen checks the addresses, that no two are the same, and that there
// is a way in.
func (d *document) checkListen(l proxy.Listen) {
	var taken []listener
	for _, one := range []struct{ path, value string }{
		{"listen.proxy", l.Proxy}, {"listen.steered", l.Steered}, {"listen.dns", l.DNS}, {"listen.admin", l.Admin},
	} {
		if one.value == "" {
			continue
		}
		a, ok := d.address(one.path, one.value)
		if !ok {
			continue
		}
		for _, other := range taken {
			if a.clashes(other) {
				d.wrong(a.path, "give each listener a port of its own", "%s is the same address as %s", d.quote(a.path, one.value), other.path)
			}
		}
		taken = append(taken, a)
	}
	if l.SOCKS != proxy.NoSOCKS && l.Proxy == "" {
		d.wrong("listen.socks", "set listen.proxy, or write none", "is %s, and there is no proxy listener to speak it on", l.SOCKS)
	}
	d.checkTransparent(l)
	d.checkBalancers(l)
	if l.Proxy == "" && l.Steered == "" {
		d.wrong("listen.proxy", "set listen.proxy or listen.steered", "no client can connect: both ways in are off")
	}
}

// checkTransparent refuses what no firewall's rule could bring connections to.
func (d *document) checkTransparent(l proxy.Listen) {
	const path = "listen.transparent"
	if l.Transparent == proxy.NotTransparent {
		return
	}
	if l.Steered == "" {
		d.wrong(path, "set listen.steered, or write none", "is %s, and there is no steered listener to bring connections to", l.Transparent)
		return
	}
	host, _, _ := net.SplitHostPort(l.Steered)
	if a, err := netip.ParseAddr(host); err == nil && a.IsLoopback() && l.Transparent == proxy.Redirect {
		d.wrong("listen.steered", "listen on every address: 0.0.0.0:8443", "%s is never reached: a redirect rule delivers to the address of the interface that a connection came in by", host)
	}
}

// checkBalancers refuses to believe everybody: who may tell where a connection
// comes from is whoever else for every rule and every event.
func (d *document) checkBalancers(l proxy.Listen) {
	for i, s := range l.ProxyProtocol {
		path := fmt.Sprintf("listen.proxy_protocol[%d]", i)
		d.checkCIDR(path, s)
		if p, err := netip.ParsePrefix(s); err == nil && p.Bits() == 0 {
			d.wrong(path, "name the addresses of the balancers alone", "%s is everybody: any client could name any address as its own", d.quote(path, s))
		}
	}
}

// clashes tells whether a and b cannot both be listened on. Port 0 is any
// free port, and the unspecified address is every address.
func (a listener) clashes(b listener) bool {
	if a.port != b.port || a.port == 0 {
		return false
	}
	every := func(l listener) bool { return l.host == "" || l.addr.IsUnspecified() }
	return every(a) || every(b) || a.host == b.host || (a.addr.IsValid() && a.addr == b.addr)
}

// usualPort is the port that a hint suggests.
var usualPort = map[string]string{"listen.proxy": "8080", "listen.steered": "8443", "listen.dns": "53", "listen.admin": "9090"}

// address reads the address at path: host:port, where the host may be left out.
func (d *document) address(path, s string) (listener, bool) {
	what, hint, usual := "", "", usualPort[path]
	host, port, err := net.SplitHostPort(s)
	switch {
	case strings.Contains(s, "://"):
		what, hint = "is a URL", "write host:port alone"
	case isDigits(s):
		what, hint = "is a port without an address", "write 127.0.0.1:"+s+", or :"+s+" for every address"
	case err != nil && strings.Count(s, ":") > 1:
		what, hint = "is not host:port", "write an IPv6 address in brackets: [::1]:"+usual
	case err != nil:
		what, hint = "has no port", "write "+s+":"+usual
	}
	if what == "" {
		what, hint = badHostPort(host, port)
	}
	if what != "" {
		if d.secret[path] {
			hint = ""
		}
		d.wrong(path, hint, "%s %s", d.quote(path, s), what)
		return listener{}, false
	}
	addr, _ := netip.ParseAddr(host)
	n, _ := strconv.Atoi(port)
	return listener{path: path, host: strings.ToLower(host), addr: addr.Unmap(), port: n}, true
}

func badHostPort(host, port string) (what, hint string) {
	if n, err := strconv.Atoi(port); !isDigits(port) || err != nil || n > 65535 {
		return "has a port out of range", "a port is a number from 0, any free one, to 65535"
	}
	if host == "" {
		return "", ""
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return "", ""
	}
	if _, err := hosts.Parse(host); err != nil {
		return "has no valid host", "write an IP address, or nothing for every address"
	}
	return "", ""
}
