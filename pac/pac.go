// Package pac writes the PAC file and proves where it sends each host.
//
// A restricted host is never sent DIRECT, not even as the last resort: a
// client that cannot reach a proxy must fail, or whoever blocks the proxy is
// free. What is not restricted is always DIRECT.
package pac

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
)

// Script is what a PAC file is written from.
type Script struct {
	// Restricted are the hosts that go to a proxy. Empty is an error: the
	// file would send everything DIRECT.
	Restricted hosts.Set
	// Proxies are host:port as clients reach them, at least one. Hosts are
	// spread over them, each with the others to fall back on.
	Proxies []string
	// Exempt are hosts that go DIRECT although Restricted may cover them,
	// beside Restricted's own exceptions.
	Exempt hosts.Set
}

// The answers of a PAC file (Netscape's format; Chromium and Firefox agree).
const direct = "DIRECT"

// spread is the modulus of the hash that picks a host's first proxy: prime, and
// small enough that a PAC's numbers stay exact.
const spread = 65521

// compiled is a Script whose every string is known to be canonical.
type compiled struct {
	restricted hosts.Set
	routes     []string // routes[i] tries proxy i first, then those after it
}

func compile(s Script) (compiled, error) {
	if s.Restricted.Empty() {
		return compiled{}, errors.New("write PAC: no host is restricted")
	}
	if len(s.Proxies) == 0 {
		return compiled{}, errors.New("write PAC: no proxy to send restricted hosts to")
	}
	var proxies []string
	for _, p := range s.Proxies {
		a, err := hosts.ParseAuthority(p, 0)
		if err != nil {
			return compiled{}, fmt.Errorf("write PAC: proxy %q: %w", p, err)
		}
		if a.Addr.IsValid() && a.Addr.Unmap().IsUnspecified() {
			return compiled{}, fmt.Errorf("write PAC: proxy %q listens everywhere, but clients need a name or an address to reach it at", p)
		}
		if !slices.Contains(proxies, a.String()) {
			proxies = append(proxies, a.String())
		}
	}
	c := compiled{restricted: s.Restricted.Without(s.Exempt)}
	for i := range proxies {
		order := slices.Concat(proxies[i:], proxies[:i])
		c.routes = append(c.routes, "PROXY "+strings.Join(order, "; PROXY "))
	}
	return c, nil
}

// Route returns what the file that Write writes answers for n: "DIRECT", or
// the proxies to try in order.
func Route(s Script, n hosts.Name) (string, error) {
	c, err := compile(s)
	if err != nil {
		return "", err
	}
	return c.route(n), nil
}

func (c compiled) route(n hosts.Name) string {
	if !c.restricted.Has(n) {
		return direct
	}
	h := 0
	for i := range len(n) {
		h = (h*31 + int(n[i])) % spread
	}
	return c.routes[h%len(c.routes)]
}
