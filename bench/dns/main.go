// Package main measures the steering resolver beside Debian's unbound: the same
// zone behind both, the same questions, answers that both remember.
//
// Each resolver is a process of its own; the load and the zone share this one.
// What is compared is questions answered for a second of the process's CPU
// time. Rounds are interleaved, and the best of each resolver's is printed:
// what disturbs a round can only add to its CPU time.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"slices"
)

// contestants are what is compared, each with how it is started.
var contestants = []struct {
	name  string
	start func(context.Context, options) (*child, error)
}{
	{"unbound", startUnbound},
	{"tenantgate", startOurs},
}

// options are what a contestant is told.
type options struct {
	zone    string // address of the server that knows every name
	threads int
	profile string // file for a CPU profile of ours; may be empty
}

func main() {
	log.SetFlags(0)
	rounds := flag.Int("rounds", 7, "rounds of each cell")
	questions := flag.Int("n", 300_000, "questions of a cell")
	threads := flag.Int("threads", 2, "threads of each resolver")
	profile := flag.String("profile", "", "write a CPU profile of tenantgate to this file")
	role := flag.Bool("serve", false, "internal: serve as the resolver")
	flag.Parse()
	if *role {
		serve()
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *rounds, *questions, options{threads: *threads, profile: *profile}); err != nil {
		log.Fatal(err)
	}
}

// run measures every cell and prints the table.
func run(ctx context.Context, rounds, questions int, o options) error {
	results, err := measure(ctx, rounds, questions, o)
	if err != nil {
		return err
	}
	fmt.Println("| questions in flight | unbound | tenantgate | tenantgate / unbound | median ratio |")
	fmt.Println("|---|--:|--:|--:|--:|")
	for _, r := range results {
		fmt.Printf("| %s | %.0f | %.0f | %.2f | %.2f |\n", r.load, r.theirs, r.ours, r.ours/r.theirs, r.median)
	}
	return nil
}

// result is what came of one load: the best rate of each, and the median of the
// rounds' ratios of ours to theirs.
type result struct {
	load                 string
	theirs, ours, median float64
}

// measure measures every cell as often as there are rounds.
func measure(ctx context.Context, rounds, questions int, o options) ([]result, error) {
	z, err := newZone()
	if err != nil {
		return nil, err
	}
	defer z.close()
	o.zone = z.addr
	rates := map[string][]float64{}
	for round := range rounds {
		for _, load := range loads {
			for _, c := range contestants {
				fmt.Fprintf(os.Stderr, "\rround %d of %d: %-16s %-12s", round+1, rounds, load.name, c.name)
				rate, err := cell(ctx, c.start, o, load, questions)
				if err != nil {
					return nil, fmt.Errorf("%s, %s: %w", load.name, c.name, err)
				}
				rates[load.name+"/"+c.name] = append(rates[load.name+"/"+c.name], rate)
			}
		}
	}
	fmt.Fprintf(os.Stderr, "\r%60s\r", "")
	var all []result
	for _, load := range loads {
		theirs, ours := rates[load.name+"/unbound"], rates[load.name+"/tenantgate"]
		all = append(all, result{load.name, slices.Max(theirs), slices.Max(ours), median(theirs, ours)})
	}
	return all, nil
}

// median is that of the rounds' ratios of ours to theirs.
func median(theirs, ours []float64) float64 {
	ratios := make([]float64, len(theirs))
	for i := range theirs {
		ratios[i] = ours[i] / theirs[i]
	}
	slices.Sort(ratios)
	return ratios[len(ratios)/2]
}

// cell starts a resolver, lets it remember every name, and returns how many
// questions it answers for a second of its CPU time.
func cell(ctx context.Context, start func(context.Context, options) (*child, error), o options, l load, questions int) (rate float64, err error) {
	c, err := start(ctx, o)
	if err != nil {
		return 0, err
	}
	defer func() { c.stop() }()
	if err := c.remember(ctx); err != nil {
		return 0, err
	}
	if err := l.drive(ctx, c.addr, questions/10); err != nil {
		return 0, err
	}
	before, err := c.cpu()
	if err != nil {
		return 0, err
	}
	if err := l.drive(ctx, c.addr, questions); err != nil {
		return 0, err
	}
	after, err := c.cpu()
	if err != nil {
		return 0, err
	}
	return float64(questions) / (after - before), nil
}
