package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"time"
)

const (
	settling = 30 * time.Second // in which the proxy must be as it was
	bar      = 2                // how much slower the good client may be

	disturbed = 0.03 // of a processor, or of the time, lost from which a window is measured again
	tries     = 5
)

// siege measures the good client idle, then during each attack, each beside
// the idle figure of the moment before.
func (s *stand) siege(ctx context.Context, names *regexp.Regexp, window time.Duration) error {
	g := s.good()
	g.measure(ctx, 3*time.Second) // leaves, connections, caches
	before, err := s.proxy.sample()
	if err != nil {
		return err
	}
	fmt.Println("| attack | p99 idle | p99 attacked | ratio | new connections idle | attacked | ratio | served | CPU | taken by the host, idle and attacked | waiting for the disk | goroutines | RSS | at rest after | |")
	fmt.Println("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|")
	var total tally
	for _, a := range attacks {
		if !names.MatchString(a.name) || ctx.Err() != nil {
			continue
		}
		if err := s.suffer(ctx, g, a, window, before, &total); err != nil {
			return fmt.Errorf("%s: %w", a.name, err)
		}
	}
	prompt, longest, err := s.enforced(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("a change of the policy is in force on open connections after %v at the latest\n", round(longest))
	fmt.Printf("scorecard: changes of the policy in force within a second, none taken back: %d of %d\n", prompt, changes)
	return s.conclude(total)
}

// tally counts what the scorecard says.
type tally struct {
	attacks, fair, fresh, served, rested, cheats, passed int
	events                                               []string
}

// tokens counts the foreign tokens of a window.
func (t *tally) tokens(f *figures) {
	t.cheats += f.tried
	t.passed += f.passed
	t.events = append(t.events, f.events...)
}

// suffer measures one attack and prints its row. It is measured again where
// the machine stood for more than a little meanwhile: what was served and
// refused counts each time, how quickly the last.
func (s *stand) suffer(ctx context.Context, g *good, a attack, window time.Duration, before sample, t *tally) error {
	var r row
	rested, served := true, true
	for try := 1; try == 1 || r.disturbed() && try <= tries; try++ {
		idle := g.measure(ctx, window)
		if idle.lost.tooMuch() && try < tries {
			t.tokens(idle)
			r = row{idle: idle}
			continue
		}
		var err error
		if r, err = s.attacked(ctx, g, a, window); err != nil {
			return err
		}
		r.idle = idle
		r.rest, r.rested = s.rest(ctx, before)
		rested, served = rested && r.rested, served && r.all() >= int(window/pace)
		t.tokens(idle)
		t.tokens(r.under)
		if wrong := r.under.wrong(); wrong != "" {
			fmt.Fprintf(os.Stderr, "  %s: %s\n", a.name, wrong)
		}
	}
	all, fresh := r.print(a.name, window)
	t.attacks++
	t.fair += truth(all < bar)
	t.fresh += truth(fresh < bar)
	t.served += truth(served)
	t.rested += truth(rested)
	return nil
}

// row is an attack's, and the idle moment before it.
type row struct {
	idle, under *figures
	cpu         float64 // seconds
	peak        sample
	rest        time.Duration
	rested      bool
}

func (r *row) disturbed() bool {
	return r.idle.lost.tooMuch() || r.under == nil || r.under.lost.tooMuch()
}

func (r *row) all() int { return len(r.under.kept) + len(r.under.fresh) }

// attacked measures the good client during an attack.
func (s *stand) attacked(ctx context.Context, g *good, a attack, window time.Duration) (r row, err error) {
	first, err := s.proxy.sample()
	if err != nil {
		return r, err
	}
	c, err := s.start(ctx, "attacker", true, setup{Proxy: s.way.proxy, Roots: s.way.pem, Home: s.home, Sly: s.sly, Attack: a.name})
	if err != nil {
		return r, err
	}
	done := make(chan struct{})
	go func() { defer close(done); r.peak = s.peak(window) }()
	r.under = g.measure(ctx, window)
	<-done
	last, err := s.proxy.sample()
	r.cpu = last.cpu - first.cpu
	return r, errors.Join(err, c.stop())
}

// print returns how many times slower the good client was, in all and on new
// connections alone.
func (r *row) print(name string, window time.Duration) (all, fresh float64) {
	all0, fresh0 := r.idle.p99()
	all1, fresh1 := r.under.p99()
	all, fresh = float64(all1)/float64(all0), float64(fresh1)/float64(fresh0)
	word := "holds"
	if !(all < bar) {
		word = "too slow"
	}
	fmt.Printf("| %s | %v | %v | %.2f | %v | %v | %.2f | %d of %d | %.0f %% | %.0f %%, %.0f %% | %.1f %%, %.1f %% | %.0f | %.0f MB | %v | %s |\n", name, round(all0), round(all1), all, round(fresh0), round(fresh1), fresh,
		r.all(), window/pace, 100*r.cpu/window.Seconds(), 100*r.idle.lost.stolen, 100*r.under.lost.stolen, 100*r.idle.lost.waited, 100*r.under.lost.waited, r.peak.goroutines, r.peak.mb, r.rest.Round(100*time.Millisecond), word)
	return all, fresh
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }

func truth(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// peak samples during a window.
func (s *stand) peak(window time.Duration) (most sample) {
	for end := time.Now().Add(window - time.Second); time.Now().Before(end); time.Sleep(time.Second) {
		if one, err := s.proxy.sample(); err == nil {
			most.goroutines, most.mb = max(most.goroutines, one.goroutines), max(most.mb, one.mb)
		}
	}
	return most
}

// rest waits until the process holds about what it did before any attack.
func (s *stand) rest(ctx context.Context, before sample) (time.Duration, bool) {
	start := time.Now()
	for ctx.Err() == nil && time.Since(start) < settling {
		now, err := s.proxy.sample()
		if err == nil && now.goroutines < 2*before.goroutines+100 && now.descriptors < 2*before.descriptors+100 {
			return time.Since(start), true
		}
		time.Sleep(200 * time.Millisecond)
	}
	return time.Since(start), false
}

// conclude prints the figures of the scorecard.
func (s *stand) conclude(t tally) error {
	seen, err := s.seen()
	if err != nil {
		return err
	}
	fmt.Printf("scorecard: p99 of a good client under attack below twice idle: %d of %d\n", t.fair, t.attacks)
	fmt.Printf("scorecard: the same, of its new connections alone: %d of %d\n", t.fresh, t.attacks)
	fmt.Printf("scorecard: attacks in which every request of the good client was served: %d of %d\n", t.served, t.attacks)
	fmt.Printf("scorecard: attacks after which the proxy is at rest within 30 s: %d of %d\n", t.rested, t.attacks)
	fmt.Printf("scorecard: foreign tokens refused beside attacks: %d of %d\n", t.cheats-t.passed, t.cheats)
	found, lines, raw, err := s.evidence(t.events)
	if err != nil {
		return err
	}
	fmt.Printf("scorecard: refusals beside attacks that left their event: %d of %d\n", found, len(t.events))
	fmt.Printf("scorecard: lines of the events and the log without a raw credential: %d of %d\n", lines-raw, lines)
	if seen.Foreign+seen.Untagged > 0 {
		return fmt.Errorf("of %d requests that reached an origin, %d carried a foreign credential and %d sign-ins no tag", seen.Requests, seen.Foreign, seen.Untagged)
	}
	return nil
}
