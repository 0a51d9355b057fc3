package resolver

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

var (
	errPack = errors.New("the answer cannot be packed again")
	errCut  = errors.New("the answer ends before all of its records")
)

// newEntry reads an upstream's answer to q. Kept are the records that the
// question is about: its name, the aliases that lead on from it, and what
// proves that something does not exist. Everything else in a message could be
// there to poison who believes it (RFC 5452 section 6).
func newEntry(q *query, in []byte, now time.Time) (*entry, error) {
	var m dns.Msg
	if err := m.Unpack(in); err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError {
		return nil, fmt.Errorf("the answer is %s", dns.RcodeToString[m.Rcode])
	}
	if len(m.Question) != 1 || m.Truncated {
		return nil, errTruncated
	}
	// Unpack takes a message that ends before all of its records.
	count := func(i int) int { return int(binary.BigEndian.Uint16(in[i:])) }
	if count(6) != len(m.Answer) || count(8) != len(m.Ns) || count(10) != len(m.Extra) {
		return nil, errCut
	}
	name := dns.CanonicalName(m.Question[0].Name)
	answer, targets := follow(name, q, m.Answer)
	found := slices.ContainsFunc(answer, func(rr dns.RR) bool { return rr.Header().Rrtype == q.qtype })
	found = found && m.Rcode == dns.RcodeSuccess
	proofs := proof(q, m.Ns, found)
	e := &entry{
		rcode: m.Rcode, answers: uint16(len(answer)), authority: uint16(len(proofs)),
		ad: m.AuthenticatedData, targets: targets, stored: now, ttl: lifetime(answer, proofs, found),
	}
	return e, e.pack(q, name, answer, proofs)
}

// maxAliases bounds the aliases that are followed.
const maxAliases = 16

// follow returns the records that answer q, and the names that they lead to.
func follow(name string, q *query, all []dns.RR) (kept []dns.RR, targets []string) {
	at := []string{name}
	for i := 0; i < len(at) && i < maxAliases; i++ {
		for _, rr := range all {
			if !q.about(at[i], rr) || slices.Contains(kept, rr) {
				continue
			}
			kept = append(kept, rr)
			to := target(rr)
			if to == "" {
				continue
			}
			targets = append(targets, strings.TrimSuffix(to, "."))
			if rr.Header().Rrtype == dns.TypeCNAME && !slices.Contains(at, to) {
				at = append(at, to)
			}
		}
	}
	return kept, targets
}

// about tells whether rr tells something of name that q wants to know: a
// record of its type, an alias, or their signatures.
func (q *query) about(name string, rr dns.RR) bool {
	h := rr.Header()
	owner := dns.CanonicalName(h.Name)
	switch {
	case !sound(rr):
		return false
	case h.Rrtype == dns.TypeDNAME && owner != name:
		return dns.IsSubDomain(owner, name)
	case owner != name:
		return false
	}
	return h.Rrtype == q.qtype || h.Rrtype == dns.TypeCNAME || h.Rrtype == dns.TypeRRSIG && q.do
}

// sound tells whether rr is a record of the internet with something in it.
// Unpack takes one without data, as dynamic updates have them (RFC 2136
// section 2.5.2), and Pack makes something else of it.
func sound(rr dns.RR) bool { return rr.Header().Class == dns.ClassINET && rr.Header().Rdlength > 0 }

// target is where rr leads; empty if nowhere else. A service's target can be
// written as a dot, its own name (RFC 9460 section 2.5).
func target(rr dns.RR) string {
	to := ""
	switch rr := rr.(type) {
	case *dns.CNAME:
		to = rr.Target
	case *dns.HTTPS:
		to = rr.Target
	case *dns.SVCB:
		to = rr.Target
	}
	if to == "" || to == "." {
		return ""
	}
	return dns.CanonicalName(to)
}

// proof returns the authority records that say why there is no answer, and,
// for who wants DNSSEC, their proofs.
func proof(q *query, all []dns.RR, found bool) []dns.RR {
	var kept []dns.RR
	for _, rr := range all {
		h := rr.Header()
		switch h.Rrtype {
		case dns.TypeSOA:
			if found {
				continue
			}
		case dns.TypeNSEC, dns.TypeNSEC3, dns.TypeRRSIG:
			if !q.do {
				continue
			}
		default:
			continue
		}
		if sound(rr) {
			kept = append(kept, rr)
		}
	}
	return kept
}

// lifetime is how long an answer is fresh: as long as the first of its records
// to end; without an answer what the SOA says (RFC 2308 section 5).
func lifetime(answer, proofs []dns.RR, found bool) time.Duration {
	ttl, most := time.Duration(0), maxNegative
	if found {
		most = maxTTL
	}
	for i, rr := range slices.Concat(answer, proofs) {
		t := time.Duration(rr.Header().Ttl) * time.Second
		if soa, ok := rr.(*dns.SOA); ok && !found {
			t = min(t, time.Duration(soa.Minttl)*time.Second)
		}
		if rr.Header().Ttl > 1<<31-1 {
			t = 0 // RFC 2181 section 8
		}
		if i == 0 || t < ttl {
			ttl = t
		}
	}
	return min(ttl, most)
}

// pack writes the records down as they follow the question, which they point
// to: every client's question has the same length.
func (e *entry) pack(q *query, name string, answer, proofs []dns.RR) error {
	for _, rr := range slices.Concat(answer, proofs) {
		h := rr.Header()
		h.Ttl = min(h.Ttl, uint32(maxTTL/time.Second))
		if dns.CanonicalName(h.Name) == name {
			h.Name = name
		}
	}
	m := dns.Msg{Compress: true, Question: []dns.Question{{Name: name, Qtype: q.qtype, Qclass: q.class}}, Answer: answer, Ns: proofs}
	b, err := m.Pack()
	if err != nil {
		return fmt.Errorf("%w: %w", errPack, err)
	}
	// Unpack takes a record whose data ends between two fields where the message
	// ends too, and Pack makes of it what nobody can read.
	if err := new(dns.Msg).Unpack(b); err != nil {
		return fmt.Errorf("%w: %w", errPack, err)
	}
	end := headerSize + len(q.question)
	if len(b) < end || !sameQuestion(b[headerSize:end], q.question) {
		return errPack
	}
	e.records = b[end:]
	for i := 0; i < len(e.records); {
		var ok bool
		if i, ok = skipName(e.records, i); !ok || i+10 > len(e.records) {
			return errPack
		}
		e.ttls = append(e.ttls, i+4)
		i += 10 + int(binary.BigEndian.Uint16(e.records[i+8:]))
	}
	return nil
}

// sameQuestion compares two questions but for the case of their names.
func sameQuestion(a, b []byte) bool {
	if len(a) != len(b) || len(a) < 5 {
		return false
	}
	for i := range a {
		x, y := a[i], b[i]
		if i < len(a)-4 && 'A' <= x && x <= 'Z' {
			x |= 0x20
		}
		if i < len(a)-4 && 'A' <= y && y <= 'Z' {
			y |= 0x20
		}
		if x != y {
			return false
		}
	}
	return true
}
