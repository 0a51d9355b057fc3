package resolver

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/miekg/dns"
)

// Which questions are told to Server.Asked.
const (
	NoEvents      = "none"
	SteeredEvents = "steered" // those that were steered or withheld
	AllEvents     = "all"
)

// Question is one question and what became of it.
type Question struct {
	From      netip.AddrPort
	Transport string // udp, tcp
	Name      string // in lower case; may be hostile text
	Type      string // A, AAAA, HTTPS, …
	Result    string // as in metrics
	Code      string // NOERROR, NXDOMAIN, …
	Refused   bool   // the client was not told what there is
	Took      time.Duration
}

// asker is whom a question comes from, and since when it is worked on.
type asker struct {
	from      netip.AddrPort
	transport string
	began     time.Time
}

// done counts what became of a question, and tells it where that is wanted.
func (s *Server) done(r *Rules, a *asker, q *query, answer *reply) {
	s.metrics.count(answer.result)
	made := answer.result == resultSteered || answer.result == resultWithheld
	wanted := r.events == AllEvents || r.events == SteeredEvents && made
	if s.Asked == nil || !wanted || len(q.question) == 0 {
		return
	}
	s.Asked(Question{
		From: netip.AddrPortFrom(a.from.Addr().Unmap(), a.from.Port()), Transport: a.transport,
		Name: q.name, Type: typeName(q.qtype), Code: dns.RcodeToString[answer.rcode],
		Result: resultNames[answer.result], Refused: refusals[answer.result], Took: s.clock().Sub(a.began),
	})
}

// refusals are the results that keep something from who asked.
var refusals = [results]bool{resultWithheld: true, resultRefused: true, resultLimited: true, resultMalformed: true}

// typeName is the name of a type, or its number as RFC 3597 section 5 has it.
func typeName(n uint16) string {
	if s, ok := dns.TypeToString[n]; ok {
		return s
	}
	return "TYPE" + strconv.Itoa(int(n))
}
