package certs

import (
	"crypto/x509"
	"fmt"
	"net"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/tenantgate/tenantgate/hosts"
)

// subtrees are DNS name constraints. "x" stands for x and every name beneath
// it (RFC 5280, 4.2.1.10). ".x", which the RFC does not define for DNS names
// but other people's CAs have, stands for the names beneath alone, as Go and
// OpenSSL take it.
type subtrees map[string]struct{}

// cover tells whether name is in one of the subtrees.
func (s subtrees) cover(name string) bool {
	if _, ok := s[name]; ok {
		return true
	}
	for i := range len(name) {
		if name[i] != '.' {
			continue
		}
		if _, ok := s[name[i:]]; ok {
			return true
		}
		if _, ok := s[name[i+1:]]; ok {
			return true
		}
	}
	return false
}

// minimal returns the subtrees that no other one covers, sorted.
func (s subtrees) minimal() []string {
	var list []string
	for name := range s {
		if _, parent, ok := strings.Cut(name, "."); !ok || !s.cover(parent) {
			list = append(list, name)
		}
	}
	slices.Sort(list)
	return list
}

func newSubtrees(names []string) subtrees {
	s := make(subtrees, len(names))
	for _, n := range names {
		s[strings.ToLower(n)] = struct{}{}
	}
	return s
}

// limits are the DNS name constraints of one certificate. Without permitted
// subtrees every name is permitted that is not excluded, as in RFC 5280; only
// certificates above the authority's own may be like that.
type limits struct{ permitted, excluded subtrees }

func (l limits) permit(name string) bool {
	if len(l.permitted) > 0 && !l.permitted.cover(name) {
		return false
	}
	return !l.excluded.cover(name)
}

// deriveLimits turns a set of hosts into the constraints of a CA that may sign
// for it:
//
//  1. every pattern that is not itself an exception permits its subtree
//  2. every exception beneath a permitted subtree excludes its own subtree,
//     unless a pattern is in it: X.509 cannot permit what it excluded higher
//     up. Such an exception is left to Leaf and to the policy.
//  3. subtrees that others cover are left out
func deriveLimits(s hosts.Set) (permitted, excluded []string, err error) {
	live := subtrees{}
	for _, p := range s.Patterns() {
		if base := subtree(p); !excepted(s, p) {
			if err := checkWidth(base); err != nil {
				return nil, nil, err
			}
			live[base] = struct{}{}
		}
	}
	if len(live) == 0 {
		return nil, nil, fmt.Errorf("no host to permit: a CA without name constraints could sign for any")
	}
	out := subtrees{}
	for _, e := range s.Exceptions() {
		base := subtree(e)
		if live.cover(base) && !anyWithin(live, base) {
			out[base] = struct{}{}
		}
	}
	return live.minimal(), out.minimal(), nil
}

// subtree returns the DNS constraint that covers a pattern of package hosts.
func subtree(pattern string) string { return strings.TrimPrefix(pattern, "*.") }

// excepted tells whether a pattern of s is wholly taken out by its exceptions.
func excepted(s hosts.Set, pattern string) bool {
	base, wild := strings.CutPrefix(pattern, "*.")
	if !wild {
		return !s.Has(hosts.Name(base))
	}
	above := subtrees{}
	for _, e := range s.Exceptions() {
		if rest, ok := strings.CutPrefix(e, "*."); ok {
			above[rest] = struct{}{}
		}
	}
	return above.cover(base)
}

func anyWithin(names subtrees, base string) bool {
	within := subtrees{base: {}}
	for n := range names {
		if within.cover(n) {
			return true
		}
	}
	return false
}

// checkWidth refuses a subtree under which strangers register names: a
// top-level domain, or a suffix of the public list's ICANN part such as co.uk.
// The private part (blob.core.windows.net) is fine: its owner is one company.
func checkWidth(name string) error {
	base := strings.TrimPrefix(name, ".")
	if _, err := hosts.Parse(base); err != nil {
		return fmt.Errorf("name constraint %q: %w", name, err)
	}
	suffix, icann := publicsuffix.PublicSuffix(base)
	if !strings.Contains(base, ".") || (icann && suffix == base) {
		return fmt.Errorf("name constraint %q is too wide: anybody can register a name beneath it (name the hosts below it)", name)
	}
	return nil
}

// readLimits reads the constraints back from a certificate. The authority's
// own must bound every form of name that a TLS server can have.
func readLimits(c *x509.Certificate, own bool) (limits, error) {
	l := limits{newSubtrees(c.PermittedDNSDomains), newSubtrees(c.ExcludedDNSDomains)}
	if _, all := l.excluded[""]; all {
		return limits{}, fmt.Errorf("certificate %q excludes every DNS name", c.Subject)
	}
	if !own {
		return l, nil
	}
	if len(l.permitted) == 0 || !c.PermittedDNSDomainsCritical {
		return limits{}, fmt.Errorf("certificate %q has no critical name constraints that permit DNS names: its key could sign for any host", c.Subject)
	}
	for name := range l.permitted {
		if err := checkWidth(name); err != nil {
			return limits{}, fmt.Errorf("certificate %q: %w", c.Subject, err)
		}
	}
	if !excludesAddresses(c) {
		return limits{}, fmt.Errorf("certificate %q does not exclude 0.0.0.0/0 and ::/0: its key could sign for any IP address", c.Subject)
	}
	return l, nil
}

// everyAddress is excluded whole. A certificate that constrains DNS names
// alone may sign for any address: RFC 5280 leaves a form of name free when
// nothing of that form is constrained.
var everyAddress = []*net.IPNet{
	{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)},
	{IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)},
}

func excludesAddresses(c *x509.Certificate) bool {
	return !slices.ContainsFunc(everyAddress, func(want *net.IPNet) bool {
		return !slices.ContainsFunc(c.ExcludedIPRanges, func(n *net.IPNet) bool { return n.String() == want.String() })
	})
}

// Missing returns the patterns of restricted that the authority cannot sign
// for in full, sorted; none means that every restricted host can be
// intercepted. A host that an exception of restricted takes out is not missed.
func (a *Authority) Missing(restricted hosts.Set) []string {
	exceptions := subtrees{}
	for _, e := range restricted.Exceptions() {
		exceptions[subtree(e)] = struct{}{}
	}
	var missing []string
	for _, p := range restricted.Patterns() {
		if !excepted(restricted, p) && !a.coverPattern(p, exceptions) {
			missing = append(missing, p)
		}
	}
	return missing
}

// coverPattern tells whether the authority may sign for what p matches, less
// the exceptions.
func (a *Authority) coverPattern(p string, exceptions subtrees) bool {
	// No constraint has an asterisk, so "*.base" is as good as any name beneath.
	if !a.permits(p) {
		return false
	}
	base, wild := strings.CutPrefix(p, "*.")
	if !wild {
		return !a.exempt.Has(hosts.Name(base))
	}
	for _, l := range a.limits {
		for name := range l.excluded {
			name = strings.TrimPrefix(name, ".")
			if (subtrees{base: {}}).cover(name) && !exceptions.cover(name) {
				return false
			}
		}
	}
	return true
}
