package main

import (
	"slices"
	"time"
)

// quantity is something that a process holds, and how much of it may come
// together over a run and still be noise.
type quantity struct {
	name  string
	of    func(sample) float64
	share float64 // of what it was
	least float64
}

// What the mix holds at one moment differs by some tens of goroutines and
// descriptors: a sample meets more or fewer requests under way. One that leaks
// with each attempt, or each reload, grows by more within minutes. RSS also
// moves with the collector.
var held = []quantity{
	{"goroutines", func(s sample) float64 { return s.goroutines }, 0.02, 2},
	{"descriptors", func(s sample) float64 { return s.descriptors }, 0.02, 2},
	{"RSS, MiB", func(s sample) float64 { return s.mb }, 0.05, 0},
}

// together is how many samples one stands for, see lowest.
const together = 6

// lowest is the least of each quantity in each minute: what is under way at the
// moment of a sample comes and goes, with the load of the machine too, and what
// leaks stays.
func lowest(samples []sample) (all []sample) {
	for minute := range slices.Chunk(samples, together) {
		least := minute[0]
		for _, one := range minute {
			least.goroutines, least.descriptors, least.mb = min(least.goroutines, one.goroutines), min(least.descriptors, one.descriptors), min(least.mb, one.mb)
		}
		all = append(all, least)
	}
	return all
}

// drift is what became of a quantity.
type drift struct{ first, last, hourly, grown, allowed float64 }

func (d drift) none() bool { return d.grown <= d.allowed }

// drift fits a line through samples, by the median of the slopes between each
// two of them (Theil and Sen), which no single sample moves.
func (q quantity) drift(samples []sample) drift {
	var slopes, values []float64
	for i, a := range samples {
		values = append(values, q.of(a))
		for _, b := range samples[i+1:] {
			slopes = append(slopes, (q.of(b)-q.of(a))/(b.at-a.at).Hours())
		}
	}
	third := len(values) / 3
	d := drift{first: median(values[:third]), last: median(values[len(values)-third:]), hourly: median(slopes)}
	d.grown = d.hourly * (samples[len(samples)-1].at - samples[0].at).Hours()
	d.allowed = max(q.least, q.share*d.first)
	return d
}

func median(list []float64) float64 { return quantile(list, 0.5) }

// quantile is the value below which that share of list lies.
func quantile[T float64 | time.Duration](list []T, share float64) T {
	if len(list) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(list))
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}
