package resolver

import (
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

// heard collects what Server.Asked is told.
type heard struct {
	mu  sync.Mutex
	all []Question
}

func (h *heard) hear(q Question) {
	h.mu.Lock()
	defer h.mu.Unlock()
	q.From = netip.AddrPortFrom(q.From.Addr(), 0)
	h.all = append(h.all, q)
}

func TestQuestionsAreToldAsTheSettingSays(t *testing.T) {
	one := func(name, qtype, res, code string, refused bool) Question {
		return Question{From: netip.AddrPortFrom(loopback, 0), Name: name, Type: qtype, Result: res, Code: code, Refused: refused}
	}
	made := []Question{
		one("contoso.sharepoint.com", "HTTPS", "steered", "NOERROR", false),
		one("mask.icloud.com", "A", "withheld", "NXDOMAIN", true),
		one("vanity.example.com", "A", "steered", "NOERROR", false),
	}
	rest := []Question{
		one("www.example.com", "A", "forwarded", "NOERROR", false),
		one("www.example.com", "A", "cached", "NOERROR", false),
		one("none.example.com", "TYPE65400", "forwarded", "NXDOMAIN", false),
		one("www.example.com", "AXFR", "refused", "REFUSED", true),
		one(`a\.b.example.com`, "A", "forwarded", "NXDOMAIN", false),
	}
	for setting, want := range map[string][]Question{"": nil, NoEvents: nil, SteeredEvents: made, AllEvents: append(made[:3:3], rest...)} {
		for _, network := range []string{"udp", "tcp"} {
			up := newImitation(t, zone(t))
			var h heard
			clock := newHand()
			s, addr := serve(t, rules(t, func(c *Config) { c.Events = setting }, up.addr), func(s *Server) { s.Asked, s.clock = h.hear, clock.now })
			for _, q := range append(made[:3:3], rest...) {
				qtype, ok := dns.StringToType[q.Type]
				if !ok {
					qtype = 65400
				}
				ask(t, network, addr, odd(q.Name), qtype, nil)
			}
			s.Close()
			for i := range h.all {
				if h.all[i].Transport != network {
					t.Errorf("%v was asked over %s", h.all[i], network)
				}
				h.all[i].Transport = ""
			}
			if diff := cmp.Diff(want, h.all, cmp.Comparer(func(a, b netip.AddrPort) bool { return a == b })); diff != "" {
				t.Errorf("%q over %s (-want +got):\n%s", setting, network, diff)
			}
		}
	}
}

func TestAQuestionIsToldWithTheTimeItTook(t *testing.T) {
	clock := newHand()
	up := newImitation(t, func(w dns.ResponseWriter, q *dns.Msg) {
		clock.add(40 * time.Millisecond)
		zone(t)(w, q)
	})
	var h heard
	s, addr := serve(t, rules(t, func(c *Config) { c.Events = AllEvents }, up.addr), func(s *Server) { s.Asked, s.clock = h.hear, clock.now })
	ask(t, "udp", addr, "www.example.com", dns.TypeA, nil)
	s.Close()
	if len(h.all) != 1 || h.all[0].Took != 40*time.Millisecond {
		t.Errorf("told: %v", h.all)
	}
}
