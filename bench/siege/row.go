package main

import (
	"fmt"
	"strings"
	"time"
)

// row is an attack's, and the idle moment before it.
type row struct {
	idle, under *figures
	cpu         float64 // seconds
	peak        sample
	rest        time.Duration
	rested      bool
	served      bool // every request of the good client
}

// ratio is how many times slower the good client was.
func (r *row) ratio() float64 {
	idle, _ := r.idle.p99()
	under, _ := r.under.p99()
	return float64(under) / float64(idle)
}

// fresh is the same on new connections alone.
func (r *row) fresh() float64 {
	_, idle := r.idle.p99()
	_, under := r.under.p99()
	return float64(under) / float64(idle)
}

func (r *row) disturbed() bool {
	return r.idle.lost.tooMuch() || r.under == nil || r.under.lost.tooMuch()
}

func (r *row) all() int { return len(r.under.kept) + len(r.under.fresh) }

// print prints the row, with the ratios of all rounds.
func (r *row) print(name string, window time.Duration, rounds []row) {
	all0, fresh0 := r.idle.p99()
	all1, fresh1 := r.under.p99()
	word := "holds"
	if !(r.ratio() < bar) {
		word = "too slow"
	}
	var ratios []string
	for _, one := range rounds {
		ratios = append(ratios, fmt.Sprintf("%.2f", one.ratio()))
	}
	fmt.Printf("| %s | %v | %v | %s | %v | %v | %.2f | %d of %d | %.0f %% | %.0f %%, %.0f %% | %.1f %%, %.1f %% | %.0f | %.0f MB | %v | %s |\n",
		name, round(all0), round(all1), strings.Join(ratios, ", "), round(fresh0), round(fresh1), r.fresh(), r.all(), window/pace, 100*r.cpu/window.Seconds(),
		100*r.idle.lost.stolen, 100*r.under.lost.stolen, 100*r.idle.lost.waited, 100*r.under.lost.waited, r.peak.goroutines, r.peak.mb, r.rest.Round(100*time.Millisecond), word)
}

func round(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }

func truth(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
