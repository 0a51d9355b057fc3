package resolver

import (
	"encoding/binary"

	"github.com/miekg/dns"
)

// reply is what a question gets. Its records point to the question's name, so
// that they spell it as the client did (0x20).
type reply struct {
	result             result
	rcode              int
	answers, authority uint16
	records            []byte
	ttls               []int  // where in records the TTLs are; none: they stay as they are
	age                uint32 // seconds to take off each TTL
	ttl                uint32 // unless 0, every TTL
	ad                 bool
	why                uint16 // an extended error, RFC 8914; 0: none
}

// The extended errors that are told where the client speaks EDNS.
const (
	whyStale      = dns.ExtendedErrorCodeStaleAnswer
	whyForged     = dns.ExtendedErrorCodeForgedAnswer
	whyProhibited = dns.ExtendedErrorCodeProhibited
	whyNobody     = dns.ExtendedErrorCodeNoReachableAuthority
)

// questionName points to the question's name.
const questionName = 0xC000 | headerSize

// write appends the message that answers q with r. What is longer than limit
// is left out and marked: the client asks again over TCP.
func (q *query) write(b []byte, r *reply, limit int) []byte {
	const optSize, whySize = 11, 6
	size := headerSize + len(q.question) + len(r.records)
	if q.edns {
		size += optSize + whySize
	}
	if size > limit {
		b = q.head(b, &reply{rcode: r.rcode}, bitTC)
		return q.opt(b, &reply{rcode: r.rcode})
	}
	b = q.head(b, r, 0)
	at := len(b)
	b = append(b, r.records...)
	r.date(b[at:])
	return q.opt(b, r)
}

// head appends the header and the question.
func (q *query) head(b []byte, r *reply, bits uint16) []byte {
	bits |= bitQR | bitRA | q.opcode<<11 | uint16(r.rcode&0xF)
	for _, flag := range []struct {
		on  bool
		bit uint16
	}{{q.rd, bitRD}, {q.cd, bitCD}, {r.ad && (q.ad || q.do), bitAD}} {
		if flag.on {
			bits |= flag.bit
		}
	}
	questions, additional := uint16(0), uint16(0)
	if len(q.question) > 0 {
		questions = 1
	}
	if q.edns {
		additional = 1
	}
	for _, word := range []uint16{q.id, bits, questions, r.answers, r.authority, additional} {
		b = binary.BigEndian.AppendUint16(b, word)
	}
	return append(b, q.question...)
}

// opt appends the OPT record that a client with EDNS wants back (RFC 6891
// section 7), with its DO bit.
func (q *query) opt(b []byte, r *reply) []byte {
	if !q.edns {
		return b
	}
	b = append(b, 0, 0, byte(dns.TypeOPT), udpSize>>8, udpSize&0xFF, byte(r.rcode>>4), 0, 0, 0)
	if q.do {
		b[len(b)-2] = 0x80
	}
	if r.why == 0 {
		return append(b, 0, 0)
	}
	b = append(b, 0, 6, 0, dns.EDNS0EDE, 0, 2)
	return binary.BigEndian.AppendUint16(b, r.why)
}

// date makes the TTLs in records, a copy of r's, those of now.
func (r *reply) date(records []byte) {
	for _, at := range r.ttls {
		ttl := binary.BigEndian.Uint32(records[at:])
		ttl -= min(ttl, r.age)
		if r.ttl != 0 {
			ttl = r.ttl
		}
		binary.BigEndian.PutUint32(records[at:], ttl)
	}
}
