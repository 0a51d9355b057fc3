package proxy

import (
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestARushHasProcessorsToSpare(t *testing.T) {
	n := runtime.GOMAXPROCS(runtime.NumCPU())
	defer runtime.GOMAXPROCS(n)
	synctest.Test(t, func(t *testing.T) {
		all, s := runtime.NumCPU(), new(spare)
		want := func(title string, n int) {
			t.Helper()
			if got := runtime.GOMAXPROCS(0); got != n {
				t.Errorf("%s: %d processors, want %d", title, got, n)
			}
			if got := s.processors(); got != all {
				t.Errorf("%s: %d without the spare ones, want %d", title, got, all)
			}
		}
		s.rush(time.Now())
		want("at once", 2*all)
		time.Sleep(calmAfter / 2)
		s.rush(time.Now())
		time.Sleep(calmAfter/2 + 1)
		want("after another rush", 2*all)
		time.Sleep(calmAfter / 2)
		want("when it is calm", all)
		s.rush(time.Now())
		want("in the next", 2*all)
		time.Sleep(calmAfter + 1)
		want("after that", all)
	})
}

func TestWhoHasFewerProcessorsThanThereAreKeepsToThem(t *testing.T) {
	if runtime.NumCPU() == 1 {
		t.Skip("there is one processor, and nobody can have fewer")
	}
	n := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(n)
	new(spare).rush(time.Now())
	if got := runtime.GOMAXPROCS(0); got != 1 {
		t.Errorf("%d processors", got)
	}
}

func TestProcessorsAreSpareWhenSeveralClientsRush(t *testing.T) {
	calmed()
	defer calmed()
	n := runtime.GOMAXPROCS(runtime.NumCPU())
	defer runtime.GOMAXPROCS(n)
	var over atomic.Bool
	defer over.Store(true)
	for range 64 * runtime.NumCPU() {
		go func() {
			for !over.Load() {
				runtime.Gosched()
			}
		}()
	}
	look := func(w *rush) {
		for w.look(time.Now()); !w.here.Load(); w.look(time.Now()) {
			runtime.Gosched()
		}
	}
	look(new(rush))
	if n := runtime.GOMAXPROCS(0); n != runtime.NumCPU() {
		t.Errorf("%d processors for a single client", n)
	}
	now := time.Now()
	look(&rush{last: [2]came{{visitor, now}, {office, now}}})
	if n := runtime.GOMAXPROCS(0); n != 2*runtime.NumCPU() {
		t.Errorf("%d processors for two", n)
	}
}

// calmed has the process's spare processors go, as if nobody had rushed.
func calmed() {
	spares.mu.Lock()
	spares.rushed = time.Time{}
	spares.mu.Unlock()
	spares.calm()
}
