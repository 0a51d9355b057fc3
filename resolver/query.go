package resolver

import (
	"encoding/binary"
	"errors"
	"strings"

	"github.com/miekg/dns"
)

// query is a question as a client asked it.
type query struct {
	id       uint16
	opcode   uint16
	rd, cd   bool
	ad       bool   // the client reads the AD bit, RFC 6840 section 5.7
	question []byte // name, type and class as the client spelled them; empty if there is no telling
	name     string // in lower case, without its last dot; labels that are no host's are escaped
	qtype    uint16
	class    uint16
	edns, do bool
	size     int // octets that the client takes over UDP
}

// What is wrong with a message, beside errIgnored, which gets no answer at all.
var (
	errIgnored = errors.New("not a question")
	errFormat  = errors.New("malformed")
	errOpcode  = errors.New("unknown kind of message")
	errVersion = errors.New("unknown version of EDNS")
)

const (
	headerSize = 12
	// udpSize is the largest UDP message either way: what passes every path
	// without fragments (DNS flag day 2020).
	udpSize = 1232
)

// Bits of the header's second word.
const (
	bitQR = 1 << 15
	bitTC = 1 << 9
	bitRD = 1 << 8
	bitRA = 1 << 7
	bitAD = 1 << 5
	bitCD = 1 << 4
)

// parse reads a message with one question and nothing else but OPT. The query
// keeps a part of p. With an error it is what an error message needs.
func parse(p []byte) (query, error) {
	q := query{size: dns.MinMsgSize}
	if len(p) < headerSize {
		return q, errIgnored
	}
	word := func(i int) uint16 { return binary.BigEndian.Uint16(p[i:]) }
	bits := word(2)
	if bits&bitQR != 0 {
		return q, errIgnored
	}
	q.id, q.rd, q.ad, q.cd = word(0), bits&bitRD != 0, bits&bitAD != 0, bits&bitCD != 0
	if q.opcode = bits >> 11 & 0xF; q.opcode != dns.OpcodeQuery {
		return q, errOpcode
	}
	if word(4) != 1 || word(6) != 0 || word(8) != 0 {
		return q, errFormat
	}
	name, end, ok := readName(p)
	if !ok || end+4 > len(p) {
		return q, errFormat
	}
	q.name, q.qtype, q.class = name, word(end), word(end+2)
	q.question = p[headerSize : end+4]
	return q, q.additional(p[end+4:], int(word(10)))
}

// readName reads the name behind the header, which nothing can point before.
func readName(p []byte) (name string, end int, ok bool) {
	var b [2 * maxWireName]byte
	text := b[:0]
	i := headerSize
	for {
		if i >= len(p) || i-headerSize >= maxWireName {
			return "", 0, false
		}
		n := int(p[i])
		i++
		if n == 0 {
			return string(text), i, true
		}
		if n > 63 || i+n >= len(p) {
			return "", 0, false
		}
		if len(text) > 0 {
			text = append(text, '.')
		}
		for _, c := range p[i : i+n] {
			if c == '.' || c == '\\' {
				text = append(text, '\\')
			}
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			text = append(text, c)
		}
		i += n
	}
}

// maxWireName is the longest name in a message, RFC 1035 section 2.3.4.
const maxWireName = 255

// additional reads n records behind the question: at most one OPT, and
// anything else for nobody.
func (q *query) additional(p []byte, n int) error {
	if n > 4 {
		return errFormat
	}
	version := byte(0)
	for range n {
		i, ok := skipName(p, 0)
		if !ok || i+10 > len(p) {
			return errFormat
		}
		end := i + 10 + int(binary.BigEndian.Uint16(p[i+8:]))
		if end > len(p) {
			return errFormat
		}
		if binary.BigEndian.Uint16(p[i:]) == dns.TypeOPT {
			if q.edns || i != 1 {
				return errFormat
			}
			q.edns, version, q.do = true, p[i+5], p[i+6]&0x80 != 0
			q.size = min(max(int(binary.BigEndian.Uint16(p[i+2:])), dns.MinMsgSize), udpSize)
		}
		p = p[end:]
	}
	switch {
	case len(p) > 0:
		return errFormat
	case version != 0:
		return errVersion
	}
	return nil
}

// skipName returns where the name at i ends.
func skipName(p []byte, i int) (int, bool) {
	for i < len(p) {
		switch n := int(p[i]); {
		case n == 0:
			return i + 1, true
		case n >= 0xC0:
			return i + 2, i+2 <= len(p)
		case n > 63:
			return 0, false
		default:
			i += 1 + n
		}
	}
	return 0, false
}

// key is what answers are remembered by.
type key struct {
	name   string
	qtype  uint16
	do, cd bool
}

func (q *query) key() key { return key{q.name, q.qtype, q.do, q.cd} }

// keep makes q independent of the buffer it was read from.
func (q *query) keep() { q.question = append([]byte(nil), q.question...) }

// label returns the first label of the name and the rest.
func (q *query) label() (first, rest string) {
	first, rest, _ = strings.Cut(q.name, ".")
	return first, rest
}
