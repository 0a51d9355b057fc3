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
	fmt.Println("| attack | p99 idle | p99 attacked | ratio | new connections idle | attacked | ratio | served | CPU | goroutines | RSS | at rest after | |")
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

// suffer measures one attack and prints its row.
func (s *stand) suffer(ctx context.Context, g *good, a attack, window time.Duration, before sample, t *tally) error {
	idle := g.measure(ctx, window)
	first, err := s.proxy.sample()
	if err != nil {
		return err
	}
	c, err := s.start(ctx, "attacker", true, setup{Proxy: s.way.proxy, Roots: s.way.pem, Home: s.home, Sly: s.sly, Attack: a.name})
	if err != nil {
		return err
	}
	var peak sample
	done := make(chan struct{})
	go func() { defer close(done); peak = s.peak(window) }()
	under := g.measure(ctx, window)
	<-done
	last, err := s.proxy.sample()
	if err := errors.Join(err, c.stop()); err != nil {
		return err
	}
	rest, rested := s.rest(ctx, before)
	all0, fresh0 := idle.p99()
	all1, fresh1 := under.p99()
	ratio, ratioFresh := float64(all1)/float64(all0), float64(fresh1)/float64(fresh0)
	all := len(under.kept) + len(under.fresh)
	asked := int(window / pace)
	word := "holds"
	if !(ratio < bar) {
		word = "too slow"
	}
	fmt.Printf("| %s | %v | %v | %.2f | %v | %v | %.2f | %d of %d | %.0f %% | %.0f | %.0f MB | %v | %s |\n", a.name, round(all0), round(all1), ratio, round(fresh0), round(fresh1), ratioFresh,
		all, asked, 100*(last.cpu-first.cpu)/(window.Seconds()), peak.goroutines, peak.mb, rest.Round(100*time.Millisecond), word)
	if wrong := under.wrong(); wrong != "" {
		fmt.Fprintf(os.Stderr, "  %s: %s\n", a.name, wrong)
	}
	t.attacks++
	t.fair += truth(word == "holds")
	t.fresh += truth(ratioFresh < bar)
	t.served += truth(all >= asked)
	t.rested += truth(rested)
	t.cheats += idle.tried + under.tried
	t.passed += idle.passed + under.passed
	t.events = append(append(t.events, idle.events...), under.events...)
	return nil
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
