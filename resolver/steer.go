package resolver

import (
	"encoding/binary"
	"net/netip"

	"github.com/miekg/dns"
)

// madeTTL is how long, in seconds, clients may keep an answer that was made
// here: a change of address or of the restricted set reaches them within it.
const madeTTL = 60

// steer answers a question for a restricted name: A and AAAA with the proxy's
// addresses, everything else with nothing. In particular there is no HTTPS or
// SVCB record (RFC 9460): it would offer HTTP/3, encrypted client hellos and
// addresses that lead round the proxy.
func (r *Rules) steer(qtype uint16) reply {
	var to []netip.Addr
	switch qtype {
	case dns.TypeA:
		to = r.v4
	case dns.TypeAAAA:
		to = r.v6
	}
	if len(to) == 0 {
		return nothing(resultSteered)
	}
	one := reply{result: resultSteered, why: whyForged, answers: uint16(len(to)), records: make([]byte, 0, 28*len(to))}
	for _, a := range to {
		one.records = appendRecord(one.records, questionName, qtype, a.AsSlice())
	}
	return one
}

// nothing is an answer without records: the name exists, what was asked for
// does not (RFC 2308 section 2.2).
func nothing(res result) reply {
	return reply{result: res, why: whyForged, authority: 1, records: appendRecord(nil, questionName, dns.TypeSOA, authority)}
}

// denied says that the name does not exist.
func (q *query) denied(res result) reply {
	first, _ := q.label()
	r := nothing(res)
	r.rcode = dns.RcodeNameError
	// The authority is the name above, which can exist although this one does
	// not. Labels are escaped in first only where they hold a dot or a backslash.
	if len(q.question) > 5 && int(q.question[0]) == len(first) {
		binary.BigEndian.PutUint16(r.records, questionName+1+uint16(len(first)))
	}
	return r
}

// minimal answers ANY with one record of no use, RFC 8482 section 4.2: a
// question of a few octets never gets everything that there is.
func minimal() reply {
	return reply{result: resultWithheld, answers: 1, records: appendRecord(nil, questionName, dns.TypeHINFO, []byte("\x07RFC8482\x00"))}
}

// authority is the SOA of what is answered with nothing; its last field is how
// long that may be kept.
var authority = []byte("\x0atenantgate\x07invalid\x00" + "\x06nobody\x07invalid\x00" +
	"\x00\x00\x00\x01" + "\x00\x00\x0e\x10" + "\x00\x00\x02\x58" + "\x00\x01\x51\x80" + "\x00\x00\x00\x3c")

func appendRecord(b []byte, name uint16, rtype uint16, content []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, name)
	b = binary.BigEndian.AppendUint16(b, rtype)
	b = binary.BigEndian.AppendUint16(b, dns.ClassINET)
	b = binary.BigEndian.AppendUint32(b, madeTTL)
	b = binary.BigEndian.AppendUint16(b, uint16(len(content)))
	return append(b, content...)
}
