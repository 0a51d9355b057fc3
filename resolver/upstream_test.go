package resolver

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// says answers every question with the records of text.
func says(t testing.TB, change func(*dns.Msg), text ...string) dns.HandlerFunc {
	t.Helper()
	var all []dns.RR
	for _, s := range text {
		all = append(all, must(dns.NewRR(s))(t))
	}
	return func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		for _, rr := range all {
			m.Answer = append(m.Answer, dns.Copy(rr))
		}
		if change != nil {
			change(m)
		}
		_ = w.WriteMsg(m)
	}
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

const honest = "www.example.com. 300 IN A 192.0.2.5"

// guesses sends what somebody aside could, then the honest answer.
func guesses(t testing.TB, forge func(*dns.Msg)) dns.HandlerFunc {
	forged := says(t, forge, "www.example.com. 300 IN A 203.0.113.66")
	return func(w dns.ResponseWriter, q *dns.Msg) {
		for range 3 {
			forged(w, q)
		}
		says(t, nil, honest)(w, q)
	}
}

func TestNoAnswerButTheUpstreamsIsBelieved(t *testing.T) {
	overUDP := func(answer dns.HandlerFunc) dns.HandlerFunc {
		return func(w dns.ResponseWriter, q *dns.Msg) {
			if w.LocalAddr().Network() == "udp" {
				answer(w, q)
				return
			}
			says(t, nil, honest)(w, q)
		}
	}
	raw := func(b []byte) dns.HandlerFunc {
		return func(w dns.ResponseWriter, q *dns.Msg) { _, _ = w.Write(b); says(t, nil, honest)(w, q) }
	}
	for name, answer := range map[string]dns.HandlerFunc{
		"another number":       guesses(t, func(m *dns.Msg) { m.Id++ }),
		"another name":         guesses(t, func(m *dns.Msg) { m.Question[0].Name = "www.example.net." }),
		"another type":         guesses(t, func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeAAAA }),
		"another class":        guesses(t, func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS }),
		"no question":          guesses(t, func(m *dns.Msg) { m.Question = nil }),
		"two questions":        guesses(t, func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) }),
		"a question back":      guesses(t, func(m *dns.Msg) { m.Response = false }),
		"another opcode":       guesses(t, func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify }),
		"one octet":            raw([]byte{0}),
		"garbage":              raw([]byte(strings.Repeat("\xff\x80garbage", 40))),
		"a name in lower case": overUDP(guesses(t, func(m *dns.Msg) { m.Question[0].Name = strings.ToLower(m.Question[0].Name) })),
		"truncated":            overUDP(guesses(t, func(m *dns.Msg) { m.Truncated = true })),
	} {
		t.Run(name, func(t *testing.T) {
			up := newImitation(t, answer)
			_, addr := serve(t, rules(t, nil, up.addr), nil)
			in := ask(t, "udp", addr, "www.example.com", dns.TypeA, nil)
			if got := data(in.Answer); got != "192.0.2.5" || in.Rcode != dns.RcodeSuccess {
				t.Errorf("%s %q", dns.RcodeToString[in.Rcode], got)
			}
		})
	}
}

func TestOnlyRecordsThatTheQuestionIsAboutAreKept(t *testing.T) {
	up := newImitation(t, says(t, func(m *dns.Msg) {
		m.Ns = []dns.RR{must(dns.NewRR("example.com. 300 IN NS ns.evil.example."))(t)}
		m.Extra = []dns.RR{must(dns.NewRR("login.microsoftonline.com. 300 IN A 203.0.113.66"))(t)}
	}, "www.bank.example. 300 IN A 203.0.113.66", honest, "www.example.com. 300 CH A 203.0.113.66", "www.example.com. 300 IN TXT extra"))
	up2 := up.addr
	_, addr := serve(t, rules(t, nil, up2), nil)
	in := ask(t, "udp", addr, "www.example.com", dns.TypeA, nil)
	if got := data(in.Answer); got != "192.0.2.5" || len(in.Ns) != 0 || len(in.Extra) != 0 {
		t.Errorf("the answer is %v", in)
	}
}

func TestTheNextUpstreamIsAskedWhereOneFails(t *testing.T) {
	fails := func(rcode int) dns.HandlerFunc {
		return func(w dns.ResponseWriter, q *dns.Msg) { _ = w.WriteMsg(new(dns.Msg).SetRcode(q, rcode)) }
	}
	broken := func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		b := must(m.Pack())(t)
		b[7] = 9 // nine answers that are not there
		_, _ = w.Write(b)
	}
	for name, answer := range map[string]dns.HandlerFunc{
		"SERVFAIL": fails(dns.RcodeServerFailure), "REFUSED": fails(dns.RcodeRefused), "NOTIMP": fails(dns.RcodeNotImplemented),
		"silent": func(dns.ResponseWriter, *dns.Msg) {}, "broken": broken,
	} {
		t.Run(name, func(t *testing.T) {
			bad, good := newImitation(t, answer), newImitation(t, zone(t))
			_, addr := serve(t, rules(t, nil, bad.addr, good.addr), nil)
			if got := data(ask(t, "udp", addr, "www.example.com", dns.TypeA, nil).Answer); got != "192.0.2.5" {
				t.Errorf("answer %q", got)
			}
			before := bad.udp.Load()
			ask(t, "udp", addr, "alias.example.com", dns.TypeA, nil)
			if bad.udp.Load() != before {
				t.Error("the upstream that failed was asked first again")
			}
		})
	}
}

func TestAnUpstreamCanBeAskedOverTCPAlone(t *testing.T) {
	up := newImitation(t, zone(t))
	_, addr := serve(t, rules(t, nil, "tcp://"+up.addr), nil)
	if got := data(ask(t, "udp", addr, "www.example.com", dns.TypeA, nil).Answer); got != "192.0.2.5" || up.udp.Load() != 0 || up.tcp.Load() != 1 {
		t.Errorf("answer %q after %d datagrams and %d connections", got, up.udp.Load(), up.tcp.Load())
	}
}

func TestWhatDoesNotFitComesOverTCP(t *testing.T) {
	var text []string
	for i := range 200 {
		text = append(text, fmt.Sprintf("www.example.com. 300 IN A 192.0.2.%d", i))
	}
	up := newImitation(t, func(w dns.ResponseWriter, q *dns.Msg) {
		says(t, func(m *dns.Msg) {
			if w.LocalAddr().Network() == "udp" {
				m.Truncate(udpSize)
			}
		}, text...)(w, q)
	})
	_, addr := serve(t, rules(t, nil, up.addr), nil)
	for _, size := range []uint16{0, 512, 4096} {
		in := ask(t, "udp", addr, "www.example.com", dns.TypeA, func(m *dns.Msg) {
			if size > 0 {
				m.SetEdns0(size, false)
			}
		})
		if !in.Truncated || len(in.Answer) != 0 || in.Len() > udpSize {
			t.Errorf("over UDP with %d octets: %d records, truncated: %v", size, len(in.Answer), in.Truncated)
		}
	}
	if in := ask(t, "tcp", addr, "www.example.com", dns.TypeA, nil); in.Truncated || len(in.Answer) != 200 {
		t.Errorf("over TCP: %d records, truncated: %v", len(in.Answer), in.Truncated)
	}
}

// G12: 300 clients with one question make one question, and more different
// questions than may be asked at once fail instead of piling up.
func TestAnUpstreamIsAskedOnceForManyClients(t *testing.T) {
	release := make(chan struct{})
	var most, now atomic.Int32
	up := newImitation(t, func(w dns.ResponseWriter, q *dns.Msg) {
		for n := now.Add(1); n > most.Load(); {
			most.Store(n)
		}
		<-release
		now.Add(-1)
		says(t, nil, honest)(w, q)
	})
	s := NewServer(rules(t, nil, up.addr), nil)
	s.wait.attempt, s.wait.flight = 5*time.Second, 20*time.Second
	defer s.Close()
	var all sync.WaitGroup
	failures := make(chan bool, 3300)
	question := func(name string) {
		q := must(parse(must(new(dns.Msg).SetQuestion(name, dns.TypeA).Pack())(t)))(t)
		all.Go(func() {
			a := s.ask(s.rules.Load(), &q)
			failures <- a.rcode != dns.RcodeSuccess
		})
	}
	for range 300 {
		question("www.example.com.")
	}
	for i := range 3000 {
		question(fmt.Sprintf("n%d.example.com.", i))
	}
	failed := 0
	for ; failed < 3001-maxFlights; failed++ { // everything beyond the bound fails, and nothing else ends
		if !<-failures {
			t.Error("a question ended well before its upstream answered")
		}
	}
	close(release)
	all.Wait()
	close(failures)
	for f := range failures {
		if f {
			failed++
		}
	}
	if failed > 3001-maxFlights+300 || most.Load() > maxFlights {
		t.Errorf("%d questions failed, at most %d were asked at once", failed, most.Load())
	}
}
