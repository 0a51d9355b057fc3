package main

import (
	"testing"
	"time"
)

// hours returns samples of a run, one each ten seconds, whose goroutines are
// what of says.
func hours(n int, of func(i int) float64) (all []sample) {
	for i := range n {
		all = append(all, sample{at: time.Duration(i) * sampledEvery, goroutines: of(i)})
	}
	return all
}

func TestOneGoroutineLeakedWithEachReloadIsDrift(t *testing.T) {
	samples := hours(120, func(i int) float64 { return 100 + float64(i*7%13) + float64(i/6) })
	if d := held[0].drift(samples); d.none() {
		t.Errorf("%+v is said to be steady", d)
	}
}

func TestWhatComesAndGoesIsNoDrift(t *testing.T) {
	samples := hours(120, func(i int) float64 {
		if i%40 == 39 {
			return 900 // a burst
		}
		return 100 + float64(i*7%13)
	})
	if d := held[0].drift(samples); !d.none() {
		t.Errorf("%+v is said to drift", d)
	}
}

func TestOneOfAHundredIsWhatTheNinetyNinthPercentileShows(t *testing.T) {
	list := make([]time.Duration, 200)
	list[7], list[150] = time.Second, 2*time.Second
	if got := quantile(list, 0.99); got != time.Second {
		t.Errorf("two of 200 took a second and more, and the percentile is %v", got)
	}
	if got := quantile([]time.Duration{}, 0.99); got != 0 {
		t.Errorf("of nothing: %v", got)
	}
}
