package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"time"
)

const (
	settling = 30 * time.Second // in which the proxy must be as it was
	bar      = 2                // how much slower the good client may be

	disturbed = 0.03 // of a processor, or of the time, lost from which a window is measured again
	tries     = 5
)

// measuring is for how long an attack is measured, idle and attacked, and how
// often: an odd number, the middle ratio counts. A 99th percentile is the
// slowest few requests, and one hiccup of the machine is enough for those.
type measuring struct {
	window time.Duration
	rounds int
}

// siege measures the good client idle, then during each attack, each beside
// the idle figure of the moment before.
func (s *stand) siege(ctx context.Context, names *regexp.Regexp, m measuring) error {
	g := s.good()
	g.measure(ctx, 3*time.Second) // leaves, connections, caches
	before, err := s.proxy.sample()
	if err != nil {
		return err
	}
	fmt.Println("| attack | p99 idle | p99 attacked | ratio in each round, the middle one counts | new connections idle | attacked | ratio | served | CPU | taken by the host, idle and attacked | waiting for the disk | goroutines | RSS | at rest after | |")
	fmt.Println("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|")
	var total tally
	for _, a := range attacks {
		if !names.MatchString(a.name) || ctx.Err() != nil {
			continue
		}
		if err := s.suffer(ctx, g, a, m, before, &total); err != nil {
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

// suffer measures one attack in rounds and prints the one whose ratio is the
// median: what served, rested and let through counts in all of them.
func (s *stand) suffer(ctx context.Context, g *good, a attack, m measuring, before sample, t *tally) error {
	rows := make([]row, m.rounds)
	served, rested := true, true
	for i := range rows {
		r, err := s.round(ctx, g, a, m.window, before, t)
		if err != nil {
			return err
		}
		rows[i], served, rested = r, served && r.served, rested && r.rested
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.fresh(), b.fresh()) })
	fresh := rows[m.rounds/2].fresh()
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.ratio(), b.ratio()) })
	middle := rows[m.rounds/2]
	middle.print(a.name, m.window, rows)
	t.attacks++
	t.fair += truth(middle.ratio() < bar)
	t.fresh += truth(fresh < bar)
	t.served += truth(served)
	t.rested += truth(rested)
	return nil
}

// round measures one attack once, and again where the machine stood for more
// than a little meanwhile: what was served and refused counts each time, how
// quickly the last.
func (s *stand) round(ctx context.Context, g *good, a attack, window time.Duration, before sample, t *tally) (r row, err error) {
	rested, served := true, true
	for try := 1; try == 1 || r.disturbed() && try <= tries; try++ {
		idle := g.measure(ctx, window)
		if idle.lost.tooMuch() && try < tries {
			t.tokens(idle)
			r = row{idle: idle}
			continue
		}
		if r, err = s.attacked(ctx, g, a, window); err != nil {
			return r, err
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
	r.rested, r.served = rested, served
	return r, nil
}

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
