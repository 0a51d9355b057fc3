// Package pac writes the PAC file and proves where it sends each host.
//
// A restricted host is never sent DIRECT, not even as the last resort, unless
// fail_open says so: a client that cannot reach a proxy must fail, or whoever
// blocks the proxy is free. What is not restricted is always DIRECT.
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
	// Exempt are hosts that are never decrypted, beside Restricted's own
	// exceptions. They go DIRECT although Restricted may cover them.
	Exempt hosts.Set
	// ExemptToProxy sends the exempt hosts to a proxy, which tunnels them.
	ExemptToProxy bool
	// Bypass are hosts that go DIRECT whatever else covers them.
	Bypass hosts.Set
	// FailOpen lets restricted hosts go DIRECT when no proxy answers.
	FailOpen bool
	// Client spreads clients over the proxies instead of hosts: the address of
	// whom the file is for.
	Client string
}

// direct is the answer for what needs no proxy (Netscape's format).
const direct = "DIRECT"

// compiled is a Script whose every string is known to be canonical.
type compiled struct {
	direct, proxied hosts.Set
	proxies         []proxy
	key             string // decides the order of the proxies; empty: the host does
	last            string // what is tried when no proxy answers
}

func compile(s Script) (compiled, error) {
	if s.Restricted.Empty() {
		return compiled{}, errors.New("write PAC: no host is restricted")
	}
	if len(s.Proxies) == 0 {
		return compiled{}, errors.New("write PAC: no proxy to send restricted hosts to")
	}
	proxies, err := parseProxies(s.Proxies)
	if err != nil {
		return compiled{}, fmt.Errorf("write PAC: %w", err)
	}
	c := compiled{proxies: proxies, key: s.Client}
	if s.FailOpen {
		c.last = "; " + direct
	}
	past := slices.Concat(s.Restricted.Exceptions(), s.Exempt.Patterns())
	here := s.Restricted.Patterns()
	if s.ExemptToProxy {
		here = append(here, s.Exempt.Patterns()...)
		past = slices.DeleteFunc(past, func(p string) bool { return within(p, s.Exempt.Patterns()) })
	}
	var err1, err2 error
	c.direct, err1 = hosts.ParseSet(append(past, s.Bypass.Patterns()...)...)
	c.proxied, err2 = hosts.ParseSet(here...)
	if err := errors.Join(err1, err2); err != nil {
		return compiled{}, fmt.Errorf("write PAC: %w", err)
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
	if c.direct.Has(n) || !c.proxied.Has(n) {
		return direct
	}
	key := c.key
	if key == "" {
		key = string(n)
	}
	return "PROXY " + strings.Join(order(c.proxies, key), "; PROXY ") + c.last
}
