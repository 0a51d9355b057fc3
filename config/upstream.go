package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/proxy"
)

// checkUpstream checks the shape of upstream; whether a file can be read or a
// server answers is seen when the proxy is built.
func (d *document) checkUpstream(u proxy.Upstream) {
	d.checkResolver(u.Resolver)
	d.checkParents(u)
	for i, s := range u.AllowAddresses {
		d.checkCIDR(fmt.Sprintf("upstream.allow_addresses[%d]", i), s)
	}
	if len(u.Ports) == 0 {
		d.wrong("upstream.ports", "leave it out for [443]", "is empty: no CONNECT could be answered")
	}
	for i, port := range u.Ports {
		if port < 1 || port > 65535 {
			d.wrong(fmt.Sprintf("upstream.ports[%d]", i), "a port is a number from 1 to 65535", "%d is out of range", port)
		}
	}
}

func (d *document) checkResolver(s string) {
	if s == "" {
		return
	}
	const path = "upstream.resolver"
	if addr, err := netip.ParseAddr(s); err == nil {
		d.wrong(path, "write "+netip.AddrPortFrom(addr, 53).String(), "%s has no port", d.quote(path, s))
		return
	}
	if at, err := netip.ParseAddrPort(s); err != nil || at.Port() == 0 {
		d.wrong(path, "write an IP address and a port: 10.0.0.53:53", "%s is not the address of a DNS server", d.quote(path, s))
	}
}

// checkParents checks the one parent and the rules for some hosts.
func (d *document) checkParents(u proxy.Upstream) {
	if u.Parent == proxy.Direct {
		d.wrong("upstream.parent", "leave it out: hosts of no rule go direct then", "is no proxy")
	} else if u.Parent != "" {
		d.checkParent("upstream.parent", u.Parent)
	}
	for i, r := range u.Parents {
		if r.Parent != "" && r.Parent != proxy.Direct {
			d.checkParent(fmt.Sprintf("upstream.parents[%d].parent", i), r.Parent)
		}
	}
	if len(u.Parents) > 0 && u.Parent == "" && !slices.ContainsFunc(u.Parents, func(r proxy.ParentRule) bool { return r.Parent != proxy.Direct }) {
		d.wrong("upstream.parents", "name a parent in a rule, or in upstream.parent", "does nothing: every rule says direct, and so does upstream.parent")
	}
}

// checkParent never tells the value: a URL may hold a password.
func (d *document) checkParent(path, s string) {
	const hint = "write http://host:port, or https://user:${file:/path}@host:port"
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Opaque != "" || !strings.Contains(s, "://"):
		d.wrong(path, hint, "is not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		d.wrong(path, hint, "is not an http or https URL: a parent is spoken to with CONNECT")
	case u.Port() == "":
		d.wrong(path, hint, "has no port")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		d.wrong(path, hint, "has more than a host and a port")
	default:
		if _, err := hosts.ParseAuthority(u.Host, 0); err != nil {
			d.wrong(path, hint, "does not name a host and a port")
		}
	}
}

func (d *document) checkCIDR(path, s string) {
	if addr, err := netip.ParseAddr(s); err == nil {
		d.wrong(path, fmt.Sprintf("write %s/%d", s, addr.BitLen()), "%s is an address, want a range", d.quote(path, s))
		return
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		d.wrong(path, "write 10.0.0.0/8", "%s is not a range of addresses", d.quote(path, s))
		return
	}
	if p.Masked() != p {
		d.wrong(path, "write "+p.Masked().String(), "%s has bits set beyond its length", d.quote(path, s))
	}
}
