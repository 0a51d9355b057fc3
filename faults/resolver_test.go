package faults_test

import (
	"slices"
	"strings"
	"sync"
	"time"
)

// moods are the ways in which a resolver fails, and how a request to a new
// host ends then.
var moods = []struct {
	name  string
	mood  mood
	wants []string
}{
	{"SERVFAIL", failing, []string{"refused: 502 origin-unreachable"}},
	{"no message", nonsense, []string{"refused: 502 origin-unreachable", "refused: 504 origin-timeout"}},
	{"an answer to another question", wrongName, []string{"refused: 502 origin-unreachable", "refused: 504 origin-timeout"}},
	{"truncated, whole over TCP", long, []string{"ok"}},
	{"truncated, nothing over TCP", cut, []string{"refused: 502 origin-unreachable", "refused: 504 origin-timeout"}},
	{"slow", slow, []string{"ok"}},
	{"silent", silent, []string{"refused: 502 origin-unreachable", "refused: 504 origin-timeout"}},
}

// R17: whom the proxy has a connection to is served, whom it has not is
// refused with a reason, and the next question is asked anew.
func brokenResolver(s *stage) {
	s.run(settings{})
	for _, m := range moods {
		if !s.scale.full && (m.mood == nonsense || m.mood == wrongName || m.mood == cut || m.mood == silent) {
			continue // as long as the dialer is patient
		}
		s.zone.is(m.mood)
		asked, began := s.zone.asked.Load(), time.Now()
		s.refused(m.name, m.wants...)
		s.Logf("%s: %v", m.name, time.Since(began).Round(time.Millisecond))
		s.under(0.5)
		if s.zone.asked.Load() == asked {
			s.Errorf("%s: the resolver was not asked", m.name)
		}
		s.zone.is(well)
		s.works()
	}
	s.onlyFailed(fresh, tunnel)
}

// R27: the resolver is away, and back.
func resolverRestarts(s *stage) {
	s.run(settings{})
	for range 3 {
		s.zone.stop()
		s.refused("no resolver", "refused: 502 origin-unreachable", "refused: 504 origin-timeout")
		s.under(0.5)
		s.zone.start()
		s.works()
	}
	s.onlyFailed(fresh, tunnel)
}

// refused asks for a new host in each way, and wants one of these outcomes.
func (s *stage) refused(what string, wants ...string) {
	s.Helper()
	var all sync.WaitGroup
	for i := range 4 {
		c := s.load.client(i)
		c.Timeout = patience
		all.Go(func() {
			_, got, event := s.load.ask(unheard, c)
			c.CloseIdleConnections()
			if !slices.Contains(wants, got) {
				s.Errorf("%s: %s, want one of %q", what, got, wants)
			}
			if strings.HasPrefix(got, "refused") && event == "" {
				s.Errorf("%s: refused without an event", what)
			}
		})
	}
	all.Wait()
}

// onlyFailed fails if other kinds of request failed than these.
func (s *stage) onlyFailed(these ...kind) {
	s.Helper()
	s.load.mu.Lock()
	defer s.load.mu.Unlock()
	for k, outcomes := range s.load.counts {
		excused := k == "held back"
		for _, this := range these {
			excused = excused || k == this
		}
		for outcome, n := range outcomes {
			if outcome != "ok" && !excused {
				s.Errorf("%d times %s: %s", n, k, outcome)
			}
		}
	}
}
