package resolver

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"

	"github.com/miekg/dns"
)

// malformed are messages that are no questions, and what they get.
var malformed = map[string]struct {
	change func([]byte) []byte
	rcode  int // -1: no answer
}{
	"short":            {func(b []byte) []byte { return b[:11] }, -1},
	"an answer":        {func(b []byte) []byte { b[2] |= 0x80; return b }, -1},
	"NOTIFY":           {func(b []byte) []byte { b[2] |= 4 << 3; return b }, dns.RcodeNotImplemented},
	"UPDATE":           {func(b []byte) []byte { b[2] |= 5 << 3; return b }, dns.RcodeNotImplemented},
	"no question":      {func(b []byte) []byte { b[5] = 0; return b }, dns.RcodeFormatError},
	"two questions":    {func(b []byte) []byte { b[5] = 2; return append(b, b[12:]...) }, dns.RcodeFormatError},
	"an answer inside": {func(b []byte) []byte { b[7] = 1; return b }, dns.RcodeFormatError},
	"octets behind":    {func(b []byte) []byte { return append(b, 0) }, dns.RcodeFormatError},
	"a name cut off":   {func(b []byte) []byte { return b[:15] }, dns.RcodeFormatError},
	"a type cut off":   {func(b []byte) []byte { return b[:len(b)-3] }, dns.RcodeFormatError},
	"a pointer":        {func(b []byte) []byte { b[12] = 0xC0; return b }, dns.RcodeFormatError},
	"a label too long": {func(b []byte) []byte { b[12] = 64; return b }, dns.RcodeFormatError},
	"a name too long":  {func(b []byte) []byte { return append(b[:12], bytes.Repeat([]byte("\x01a"), 200)...) }, dns.RcodeFormatError},
	"a record cut off": {func(b []byte) []byte { b[11] = 1; return append(b, 0, 0, 41) }, dns.RcodeFormatError},
	"a record missing": {func(b []byte) []byte { b[11] = 1; return b }, dns.RcodeFormatError},
	"two OPT": {func(b []byte) []byte {
		b[11] = 2
		return append(b, "\x00\x00\x29\x10\x00\x00\x00\x00\x00\x00\x00\x00\x00\x29\x10\x00\x00\x00\x00\x00\x00\x00"...)
	}, dns.RcodeFormatError},
	"OPT with a name": {func(b []byte) []byte {
		b[11] = 1
		return append(b, "\x01a\x00\x00\x29\x10\x00\x00\x00\x00\x00\x00\x00"...)
	}, dns.RcodeFormatError},
	"EDNS of tomorrow":    {func(b []byte) []byte { b[11] = 1; return append(b, "\x00\x00\x29\x10\x00\x00\x01\x00\x00\x00\x00"...) }, dns.RcodeBadVers},
	"class CHAOS":         {func(b []byte) []byte { b[len(b)-1] = 3; return b }, dns.RcodeRefused},
	"a zone transfer":     {func(b []byte) []byte { b[len(b)-3] = 252; return b }, dns.RcodeRefused},
	"type 0":              {func(b []byte) []byte { b[len(b)-3] = 0; return b }, dns.RcodeRefused},
	"a question, for one": {func(b []byte) []byte { return b }, dns.RcodeSuccess},
}

func TestWhatIsNoQuestionIsRefused(t *testing.T) {
	s := NewServer(rules(t, nil, "192.0.2.53"), nil)
	for name, row := range malformed {
		b := must(new(dns.Msg).SetQuestion("graph.microsoft.com.", dns.TypeA).Pack())(t)
		in := row.change(b)
		out := s.message(in, nil, netip.AddrPortFrom(loopback, 53))
		if row.rcode < 0 {
			if out != nil {
				t.Errorf("%s is answered", name)
			}
			continue
		}
		var m dns.Msg
		if err := m.Unpack(out); err != nil || m.Rcode != row.rcode || m.Id != uint16(in[0])<<8|uint16(in[1]) || !m.Response {
			t.Errorf("%s: %v, %v, want %s", name, m.MsgHdr, err, dns.RcodeToString[row.rcode])
		}
	}
}

// FuzzServe feeds raw messages to a resolver whose upstream cannot be reached:
// whatever comes, the answer is a message, answers the question, is no longer
// than the client takes, and steers exactly the restricted names.
func FuzzServe(f *testing.F) {
	for _, r := range table(f) {
		m := new(dns.Msg).SetQuestion(dns.Fqdn(r.name), r.qtype)
		f.Add(must(m.Pack())(f))
		f.Add(must(m.SetEdns0(4096, true).Pack())(f))
	}
	for _, row := range malformed {
		f.Add(row.change(must(new(dns.Msg).SetQuestion("graph.microsoft.com.", dns.TypeA).Pack())(f)))
	}
	r := rules(f, func(c *Config) { c.Rate = 0 }, "192.0.2.53")
	s := NewServer(r, nil)
	f.Fuzz(func(t *testing.T, in []byte) {
		before := bytes.Clone(in)
		q, malformed := parse(in)
		if errors.Is(malformed, errIgnored) {
			return
		}
		a, ok := s.quick(r, &q, loopback, malformed, s.clock())
		if !ok {
			a = failure(s.clock()).reply(s.clock(), resultFailed)
		}
		out := q.write(nil, &a, q.size)
		var m dns.Msg
		if err := m.Unpack(out); err != nil {
			t.Fatalf("the answer to %x is no message: %v", before, err)
		}
		if len(out) > q.size || !bytes.Equal(in, before) || !m.Response || !bytes.Equal(out[:2], in[:2]) {
			t.Fatalf("the answer to %x is %v", before, m)
		}
		if malformed == nil && (len(m.Question) != 1 || !bytes.Equal(out[headerSize:headerSize+len(q.question)], q.question)) {
			t.Fatalf("the answer to %x has the question %v", before, m.Question)
		}
		asked := malformed == nil && q.class == dns.ClassINET && !meta(q.qtype)
		if got := a.result == resultSteered; got != (asked && r.steers(q.name)) {
			t.Fatalf("%q is steered: %v", q.name, got)
		}
	})
}

// FuzzUpstream feeds raw messages as an upstream's answers.
func FuzzUpstream(f *testing.F) {
	q := question(f, "www.example.com.", dns.TypeA)
	m := new(dns.Msg).SetQuestion("www.example.com.", dns.TypeA)
	m.Response = true
	m.Answer = []dns.RR{must(dns.NewRR("www.example.com. 300 IN CNAME a.example.com."))(f), must(dns.NewRR("a.example.com. 300 IN A 192.0.2.1"))(f)}
	m.Ns = []dns.RR{soa("example.com.", 60)}
	f.Add(must(m.Pack())(f))
	m.Rcode, m.Answer = dns.RcodeNameError, nil
	f.Add(must(m.Pack())(f))
	f.Fuzz(func(t *testing.T, in []byte) {
		clock := newHand()
		e, err := newEntry(&q, in, clock.now())
		if err != nil {
			return
		}
		a := e.reply(clock.now(), resultForwarded)
		var m dns.Msg
		if err := m.Unpack(q.write(nil, &a, dns.MaxMsgSize)); err != nil {
			t.Fatalf("%x became no message: %v", in, err)
		}
		if e.ttl < 0 || e.ttl > maxTTL || len(m.Answer) != int(e.answers) || len(m.Ns) != int(e.authority) {
			t.Fatalf("%x became %v for %v", in, m, e.ttl)
		}
	})
}

func BenchmarkCached(b *testing.B) {
	up := newImitation(b, zone(b))
	r := rules(b, func(c *Config) { c.Rate = 0 }, up.addr)
	s := NewServer(r, nil)
	defer s.Close()
	in := must(new(dns.Msg).SetQuestion("WWW.example.com.", dns.TypeA).SetEdns0(1232, false).Pack())(b)
	benchmark(b, s, in, resultCached)
}

func BenchmarkSteered(b *testing.B) {
	s := NewServer(rules(b, nil, "192.0.2.53"), nil)
	benchmark(b, s, must(new(dns.Msg).SetQuestion("contoso.sharepoint.com.", dns.TypeA).Pack())(b), resultSteered)
}

func benchmark(b *testing.B, s *Server, in []byte, want result) {
	s.message(in, nil, netip.AddrPortFrom(loopback, 53))
	r := s.rules.Load()
	out := make([]byte, 0, udpSize)
	b.ReportAllocs()
	for b.Loop() {
		q, err := parse(in)
		a, ok := s.quick(r, &q, loopback, err, s.clock())
		if !ok || a.result != want && a.result != resultLimited {
			b.Fatalf("the answer is %+v", a)
		}
		out = q.write(out[:0], &a, q.size)
	}
}
