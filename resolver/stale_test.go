package resolver

import (
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// hand is a clock that is set by hand.
type hand struct {
	mu sync.Mutex
	at time.Time
}

func (h *hand) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.at
}

func (h *hand) add(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = h.at.Add(d)
}

func newHand() *hand { return &hand{at: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)} }

func first(t *testing.T, in *dns.Msg) (ttl uint32, text string) {
	t.Helper()
	if len(in.Answer) == 0 {
		return 0, dns.RcodeToString[in.Rcode]
	}
	return in.Answer[0].Header().Ttl, data(in.Answer)
}

func TestAnswersAreRememberedForTheirTime(t *testing.T) {
	up := newImitation(t, zone(t))
	clock := newHand()
	_, addr := serve(t, rules(t, nil, up.addr), func(s *Server) { s.clock = clock.now })
	for _, step := range []struct {
		after time.Duration
		ttl   uint32
		asked int32
	}{{0, 300, 1}, {100 * time.Second, 200, 1}, {199 * time.Second, 1, 1}, {time.Second, 300, 2}} {
		clock.add(step.after)
		ttl, text := first(t, ask(t, "udp", addr, "WWW.example.com", dns.TypeA, nil))
		if ttl != step.ttl || text != "192.0.2.5" || up.udp.Load() != step.asked {
			t.Errorf("after %v: %s for %d s, the upstream was asked %d times; want %d s, %d", step.after, text, ttl, up.udp.Load(), step.ttl, step.asked)
		}
	}
	for range 3 {
		ask(t, "udp", addr, "none.example.com", dns.TypeA, nil)
	}
	if n := up.udp.Load(); n != 3 {
		t.Errorf("a name that does not exist was asked for %d times", n-2)
	}
	clock.add(301 * time.Second)
	if ask(t, "udp", addr, "none.example.com", dns.TypeA, nil); up.udp.Load() != 4 {
		t.Error("a name is denied beyond its time")
	}
}

// H04: what was true is given while no upstream answers, for a day; then the
// question fails. It is never asked elsewhere.
func TestWhatWasTrueIsGivenWhileNoUpstreamAnswers(t *testing.T) {
	silent := dns.HandlerFunc(func(dns.ResponseWriter, *dns.Msg) {})
	fails := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		_ = w.WriteMsg(new(dns.Msg).SetRcode(q, dns.RcodeServerFailure))
	})
	for name, outage := range map[string]dns.HandlerFunc{"silent": silent, "SERVFAIL": fails} {
		t.Run(name, func(t *testing.T) {
			works := zone(t)
			up := newImitation(t, works)
			clock := newHand()
			_, addr := serve(t, rules(t, nil, up.addr), func(s *Server) { s.clock = clock.now })
			get := func() (uint32, string) {
				return first(t, ask(t, "udp", addr, "www.example.com", dns.TypeA, func(m *dns.Msg) { m.SetEdns0(1232, false) }))
			}
			get()
			up.answer.Store(&outage)
			clock.add(301 * time.Second)
			if ttl, text := get(); ttl != staleTTL || text != "192.0.2.5" {
				t.Errorf("during an outage: %s for %d s", text, ttl)
			}
			clock.add(23 * time.Hour)
			if ttl, text := get(); ttl != staleTTL || text != "192.0.2.5" {
				t.Errorf("after 23 hours of it: %s for %d s", text, ttl)
			}
			clock.add(time.Hour)
			if _, text := get(); text != "SERVFAIL" {
				t.Errorf("after a day of it: %s", text)
			}
			up.answer.Store(&works)
			clock.add(failureTTL)
			if ttl, text := get(); ttl != 300 || text != "192.0.2.5" {
				t.Errorf("after it: %s for %d s", text, ttl)
			}
		})
	}
}

func TestUpstreamsRestWhenTheyFailed(t *testing.T) {
	fails := dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		_ = w.WriteMsg(new(dns.Msg).SetRcode(q, dns.RcodeServerFailure))
	})
	up := newImitation(t, fails)
	clock := newHand()
	_, addr := serve(t, rules(t, nil, up.addr), func(s *Server) { s.clock = clock.now })
	for range 20 {
		if _, text := first(t, ask(t, "udp", addr, "www.example.com", dns.TypeA, nil)); text != "SERVFAIL" {
			t.Errorf("answer %s", text)
		}
	}
	if n := up.udp.Load(); n != rounds {
		t.Errorf("an upstream that fails was asked %d times for one name, want %d", n, rounds)
	}
}
