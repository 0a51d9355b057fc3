// Package main counts which small faults in a package its own tests notice.
//
// Every fault (a check dropped, a comparison off by one, an operand of && or ||
// ignored, an assignment left out …) is compiled into one test binary and
// switched on by a number in the environment: one build for a package, then
// one run for each mutant, of those tests only that get to it. The work tree
// is not touched, go test -overlay puts the other text in its place.
//
// A mutant is killed if a test fails, panics or does not end. One that no test
// gets to has survived. One that cannot be told from the original is in the
// list of equivalents, with its reason, and is not counted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"regexp"
	"runtime"
)

func main() {
	log.SetFlags(0)
	list := flag.String("equivalents", "", "file of mutants that are not counted, each with its reason")
	want := flag.Int("want", 0, "the exit code is 1 if less than this percentage is killed")
	var o options
	flag.BoolVar(&o.verbose, "v", false, "name the mutants that survived")
	flag.IntVar(&o.workers, "workers", runtime.NumCPU(), "test binaries at a time")
	flag.IntVar(&o.every, "every", 1, "only one of that many mutants, spread evenly")
	only := flag.String("only", "", "only mutants whose line in the list of equivalents matches this regular expression")
	flag.Parse()
	var err error
	if o.only, err = regexp.Compile(*only); err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	e, err := readEquivalents(*list)
	if err != nil {
		log.Fatal(err)
	}
	var sum count
	for _, dir := range flag.Args() {
		c, err := measure(ctx, dir, e, o)
		if err != nil {
			log.Fatalf("%s: %v", dir, err)
		}
		c.print(dir)
		sum.add(c)
	}
	sum.print("all")
	if sum.killed*100 < *want*sum.all {
		os.Exit(1)
	}
}

// options are how much is run and said.
type options struct {
	verbose        bool
	workers, every int
	only           *regexp.Regexp
}

// count is what became of mutants.
type count struct {
	all, killed       int
	endless           int // of the killed: had to be stopped
	unreached, equals int
}

func (c *count) add(d count) {
	c.all, c.killed, c.endless = c.all+d.all, c.killed+d.killed, c.endless+d.endless
	c.unreached, c.equals = c.unreached+d.unreached, c.equals+d.equals
}

func (c count) print(name string) {
	fmt.Printf("%s: killed %d of %d (%.1f %%); %d survived, %d of them in lines that no test gets to; %d endless; %d equivalent\n",
		name, c.killed, c.all, 100*float64(c.killed)/float64(max(c.all, 1)), c.all-c.killed, c.unreached, c.endless, c.equals)
}

// measure makes the mutants of the package in dir and runs its tests on each.
func measure(ctx context.Context, dir string, e *equivalents, o options) (count, error) {
	work, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return count{}, err
	}
	defer os.RemoveAll(work)
	p, err := load(dir)
	if err != nil {
		return count{}, err
	}
	p.mutate()
	b, err := build(ctx, p, work)
	if err != nil {
		return count{}, err
	}
	if err := b.trace(ctx, o.workers); err != nil {
		return count{}, err
	}
	var c count
	for _, m := range p.mutants {
		e.has(m)
	}
	b.run(ctx, p.some(o.every, o.only), e, o.workers, func(m *mutant) { c.note(m, o.verbose) })
	return c, errors.Join(ctx.Err(), e.unused(p.name))
}

// note counts one mutant.
func (c *count) note(m *mutant, verbose bool) {
	if m.fate == equivalent {
		c.equals++
		return
	}
	c.all++
	switch m.fate {
	case endless:
		c.endless++
		c.killed++
		return
	case killed:
		c.killed++
		return
	case unreached:
		c.unreached++
	}
	if verbose {
		fmt.Printf("%s: %s: %s\n", m.at, m.fate, m.key())
	}
}
