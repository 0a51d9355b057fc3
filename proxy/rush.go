package proxy

import (
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// When the processors are crowded.
const (
	rushSampled = time.Millisecond // how often it is looked at
	aloneAfter  = time.Second      // that nobody else has come
)

// rush is whether there is more to be done than there are processors for, and
// whose it is.
type rush struct {
	looked atomic.Int64 // when, in Unix nanoseconds
	here   atomic.Bool

	mu   sync.Mutex
	last [2]came // who came last, and who else before
}

// came is a client, and when it came to one of the doors.
type came struct {
	who netip.Addr
	at  time.Time
}

// look tells whether more goroutines wait for a processor than there are, now or
// a moment ago.
func (w *rush) look(now time.Time) bool {
	at, last := now.UnixNano(), w.looked.Load()
	if (at-last >= int64(rushSampled) || at < last) && w.looked.CompareAndSwap(last, at) {
		here := sample("/sched/goroutines/runnable:goroutines") > uint64(runtime.GOMAXPROCS(0))
		w.here.Store(here)
		if here && w.several(now) {
			spares.rush(now)
		}
	}
	return w.here.Load()
}

// alone notes that c has come, and tells whether it is the only one of late.
func (w *rush) alone(c netip.Addr) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c != w.last[0].who {
		w.last[1] = w.last[0]
	}
	w.last[0] = came{c, time.Now()}
	return time.Since(w.last[1].at) > aloneAfter
}

// several tells whether more than one client has come of late.
func (w *rush) several(now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return now.Sub(w.last[1].at) <= aloneAfter
}
