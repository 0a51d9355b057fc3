package proxy

import (
	queue "container/list"
	"context"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	admitIn  = 10 * time.Second // bounds how long a request waits for its client to read
	admitFor = time.Second      // a request that was let go on counts for as long as it may take to prove slow
)

// waiting is the budget of answers that wait for their readers. What such an
// answer has brought stays in memory until it is read.
//
// A client that has all of its share is not asked for more: its next requests
// wait until it reads. So whoever downloads more at once than its line carries
// goes on as fast as that does, and whoever does not read gets no further.
type waiting struct {
	taken atomic.Int64 // by all clients

	mu            sync.Mutex
	total, client int
	answers       queue.List // of *reader, the slowest first
	by            map[netip.Addr]*account
}

// account is what one client has in it.
type account struct {
	answers int             // that wait, and requests that were let go on
	queue   []chan struct{} // requests that wait; none where there is room
}

func (w *waiting) set(total, share int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.total, w.client, w.by = total, max(1, min(total, mostUnreadOfOne)*share/100), map[netip.Addr]*account{}
}

// admit waits while c has all of its share; false if that takes too long.
func (w *waiting) admit(ctx context.Context, c netip.Addr) bool {
	if w.taken.Load() == 0 {
		return true
	}
	w.mu.Lock()
	a := w.by[c]
	if a == nil || a.answers < w.client {
		w.mu.Unlock()
		return true
	}
	turn := make(chan struct{})
	a.queue = append(a.queue, turn)
	w.mu.Unlock()
	late := time.NewTimer(admitIn)
	defer late.Stop()
	select {
	case <-turn:
		return true
	case <-ctx.Done():
	case <-late.C:
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	a.queue = slices.DeleteFunc(a.queue, func(other chan struct{}) bool { return other == turn })
	return false
}

// add counts r. Where that is one too many in all, it returns the slowest of a
// client that has more than its share, or else the slowest of all.
func (w *waiting) add(r *reader) (over *reader) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a := w.by[r.by]
	if a == nil {
		a = &account{}
		w.by[r.by] = a
	}
	w.count(a, 1)
	r.place = w.answers.PushBack(r)
	if w.answers.Len() <= w.total {
		return nil
	}
	for e := w.answers.Front(); e != nil; e = e.Next() {
		if over = e.Value.(*reader); w.by[over.by].answers > w.client {
			w.drop(over)
			return over
		}
	}
	over = w.answers.Front().Value.(*reader)
	w.drop(over)
	return over
}

// remove counts r no longer.
func (w *waiting) remove(r *reader) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drop(r)
}

func (w *waiting) drop(r *reader) {
	if r.place == nil {
		return
	}
	w.answers.Remove(r.place)
	r.place = nil
	w.give(r.by, w.by[r.by])
}

// give takes one off a, which is c's, and lets a request go on in its place.
func (w *waiting) give(c netip.Addr, a *account) {
	w.count(a, -1)
	for a.answers < w.client && len(a.queue) > 0 {
		close(a.queue[0])
		a.queue = a.queue[1:]
		w.count(a, 1)
		time.AfterFunc(admitFor, func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.give(c, a)
		})
	}
	if a.answers == 0 {
		delete(w.by, c)
	}
}

func (w *waiting) count(a *account, n int) {
	a.answers += n
	w.taken.Add(int64(n))
}
