package resolver

import (
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// quick answers q for a client at from without asking anybody; false if an
// upstream must be asked. The order is:
//
//  1. who may not ask, or asks too often, is refused;
//  2. what is malformed, or no question for a resolver, is refused;
//  3. restricted names are steered;
//  4. names that would lead clients to another resolver are withheld;
//  5. what is remembered and fresh is answered from memory.
//
// A remembered answer says whether r has judged its name already: then 3 and 4
// are known to say nothing.
func (s *Server) quick(r *Rules, q *query, from netip.Addr, malformed error, now time.Time) (reply, bool) {
	switch {
	case !r.serves(from):
		return reply{result: resultRefused, rcode: dns.RcodeRefused, why: whyProhibited}, true
	case !s.limits.allow(from, r.rate, now):
		return reply{result: resultLimited, rcode: dns.RcodeRefused, why: whyProhibited}, true
	case malformed != nil:
		return reply{result: resultMalformed, rcode: rcodeOf(malformed)}, true
	case q.class != dns.ClassINET || meta(q.qtype):
		return reply{result: resultRefused, rcode: dns.RcodeRefused}, true
	}
	e := s.cache.get(q.key())
	if e != nil && e.passed.Load() == r.mark && e.fresh(now) {
		return e.reply(now, resultCached), true
	}
	if made, ok := r.made(q); ok {
		return made, true
	}
	if e != nil && e.fresh(now) {
		return r.from(q, e, resultCached, now), true
	}
	return reply{}, false
}

// made answers what no upstream is asked about.
func (r *Rules) made(q *query) (reply, bool) {
	switch {
	case r.steers(q.name):
		return r.steer(q.qtype), true
	case r.overlaps(q.name):
		return q.denied(resultMalformed), true
	}
	return r.special(q)
}

func rcodeOf(err error) int {
	switch {
	case errors.Is(err, errOpcode):
		return dns.RcodeNotImplemented
	case errors.Is(err, errVersion):
		return dns.RcodeBadVers
	}
	return dns.RcodeFormatError
}

// meta tells whether qtype asks for no record: zone transfers, and types that
// only stand beside questions (RFC 6895 section 3.1). ANY is answered.
func meta(qtype uint16) bool {
	return qtype == 0 || qtype == dns.TypeOPT || (qtype >= 128 && qtype < dns.TypeANY)
}

// special answers names that clients ask to find an encrypted resolver or a
// relay that would take them round this one.
func (r *Rules) special(q *query) (reply, bool) {
	if q.qtype == dns.TypeANY {
		return minimal(), true
	}
	if r.withholds(q.name) {
		return q.denied(resultWithheld), true
	}
	if discovery(q.name) {
		return nothing(resultWithheld), true
	}
	return reply{}, false
}

// canaries are names that keep a client with the network's resolver when they
// do not exist: Firefox's for DNS over HTTPS
// (support.mozilla.org/kb/canary-domain-use-application-dnsnet) and those of
// iCloud Private Relay
// (developer.apple.com/icloud/prepare-your-network-for-icloud-private-relay).
var canaries = []string{"use-application-dns.net", "mask.icloud.com", "mask-h2.icloud.com"}

// denies tells whether name is a canary, or would find a proxy by its name:
// whoever can register wpad in a search domain gets everybody's traffic.
func denies(name string, wpad bool) bool {
	for _, c := range canaries {
		if name == c || strings.HasSuffix(name, "."+c) {
			return true
		}
	}
	return !wpad && (name == "wpad" || strings.HasPrefix(name, "wpad."))
}

// discovery tells whether name is one that resolvers publish their encrypted
// siblings at: resolver.arpa, and _dns or _PORT._dns before a resolver's name
// (RFC 9462 sections 4 and 5, RFC 9461 section 2).
func discovery(name string) bool {
	if name == "resolver.arpa" || strings.HasSuffix(name, ".resolver.arpa") || strings.HasPrefix(name, "_dns.") {
		return true
	}
	port, rest, _ := strings.Cut(name, ".")
	return strings.HasPrefix(port, "_") && strings.Trim(port, "_0123456789") == "" && strings.HasPrefix(rest, "_dns.")
}

// from is the answer to q that e holds, unless it leads to a restricted name:
// then q is steered as if it were restricted itself.
func (r *Rules) from(q *query, e *entry, res result, now time.Time) reply {
	switch q.qtype {
	case dns.TypeA, dns.TypeAAAA, dns.TypeHTTPS, dns.TypeSVCB:
		if r.leads(q.name, e.targets) {
			return r.steer(q.qtype)
		}
	}
	e.passed.Store(r.mark)
	return e.reply(now, res)
}
