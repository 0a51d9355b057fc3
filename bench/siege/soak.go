package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	sampledEvery = 10 * time.Second
	reloadEvery  = time.Minute
	warmUp       = 3 // one part in so many of the run is not looked at
)

// soak sends the mix for so long, samples the process, and tells what grew.
func (s *stand) soak(ctx context.Context, long time.Duration, file string) error {
	ctx, cancel := context.WithCancel(ctx) // no deadline: a dialer would end before ctx does
	defer cancel()
	defer time.AfterFunc(long, cancel).Stop()
	m := &mix{stand: s, wrong: map[string]int{}}
	m.clients()
	var all sync.WaitGroup
	for _, one := range mixed {
		all.Go(func() { m.repeat(ctx, one) })
	}
	for i := range keptOpen {
		all.Go(func() { m.keep(ctx, i) })
	}
	all.Go(func() { m.reloads(ctx) })
	samples, err := s.samples(ctx)
	cancel()
	all.Wait()
	if err != nil {
		return err
	}
	if err := write(file, samples); err != nil {
		return err
	}
	return m.report(samples, long)
}

// samples samples until ctx ends.
func (s *stand) samples(ctx context.Context) (all []sample, err error) {
	start, tick := time.Now(), time.NewTicker(sampledEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return all, nil
		case <-tick.C:
		}
		one, err := s.proxy.sample()
		if err != nil {
			return all, fmt.Errorf("after %v: %w", time.Since(start).Round(time.Second), err)
		}
		one.at = time.Since(start)
		all = append(all, one)
	}
}

func write(file string, samples []sample) error {
	if file == "" {
		return nil
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	fmt.Fprintln(f, "seconds,goroutines,descriptors,rss_mb,cpu_seconds")
	for _, one := range samples {
		fmt.Fprintf(f, "%.0f,%.0f,%.0f,%.2f,%.2f\n", one.at.Seconds(), one.goroutines, one.descriptors, one.mb, one.cpu)
	}
	return f.Close()
}

// report prints what was held, and the figures of the scorecard.
func (m *mix) report(samples []sample, long time.Duration) error {
	steady := lowest(samples[len(samples)/warmUp:])
	if len(steady) < 6 {
		return errors.New("too short: a soak needs at least ten minutes")
	}
	var steadyOnes int
	fmt.Println("| held | first third | last third | drift in an hour | of the run | allowed | |")
	fmt.Println("|---|--:|--:|--:|--:|--:|---|")
	for _, one := range held {
		d := one.drift(steady)
		word := "drifts"
		if d.none() {
			word = "steady"
			steadyOnes++
		}
		fmt.Printf("| %s | %.1f | %.1f | %+.2f (%+.2f %%) | %+.2f | %.2f | %s |\n", one.name, d.first, d.last, d.hourly, 100*d.hourly/d.first, d.grown, d.allowed, word)
	}
	last, seen := samples[len(samples)-1], seen{}
	var err error
	if seen, err = m.stand.seen(); err != nil {
		return err
	}
	fmt.Printf("%d attempts in %v, %.1f %% of a core; %d requests reached origins\n", m.tried.Load(), long, 100*(last.cpu-samples[0].cpu)/(last.at-samples[0].at).Seconds(), seen.Requests)
	m.mu.Lock()
	defer m.mu.Unlock()
	wrong := 0
	for what, n := range m.wrong {
		wrong += n
		fmt.Printf("%d × %s\n", n, what)
	}
	tried := int(m.tried.Load())
	fmt.Printf("scorecard: %v without drift, of goroutines, descriptors, RSS: %d of %d\n", long, steadyOnes, len(held))
	fmt.Printf("scorecard: attempts of the soak that ended as they must: %d of %d\n", tried-wrong, tried)
	if seen.Foreign+seen.Untagged > 0 {
		return fmt.Errorf("%d foreign credentials reached an origin, %d sign-ins untagged", seen.Foreign, seen.Untagged)
	}
	return nil
}

// mix is the traffic of a soak.
type mix struct {
	stand     *stand
	h1, h2    doer
	once      doer
	abandoned doer
	tried     atomic.Int64

	mu    sync.Mutex
	wrong map[string]int // by what was wrong
}

// repeat carries out one every now and then, whether or not the last is over.
func (m *mix) repeat(ctx context.Context, one trial) {
	tick := time.NewTicker(one.every)
	defer tick.Stop()
	var under sync.WaitGroup
	defer under.Wait()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		under.Go(func() { m.try(ctx, one.name, one.do) })
	}
}

// try counts an attempt and what was wrong with it, unless the run is over.
func (m *mix) try(ctx context.Context, name string, do func(context.Context, *mix) error) {
	one, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	err := do(one, m)
	if ctx.Err() != nil {
		return
	}
	m.tried.Add(1)
	if err != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.wrong[name+": "+short(err)]++
	}
}

// reloads puts the one and the other configuration in force in turn.
func (m *mix) reloads(ctx context.Context) {
	tick := time.NewTicker(reloadEvery)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		m.try(ctx, "reload", func(context.Context, *mix) error { return m.stand.proxy.reload([]string{partner, ""}[i%2]) })
	}
}
