package proxy

import (
	"net/netip"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func newWaiting(total int) *waiting {
	w := &waiting{}
	w.set(total, 50)
	return w
}

// slow counts n answers that c does not read.
func (w *waiting) slow(t *testing.T, c netip.Addr, n int) (all []*reader) {
	t.Helper()
	for range n {
		r := &reader{by: c}
		if over := w.add(r); over != nil {
			t.Fatalf("an answer of %s is one too many", over.by)
		}
		all = append(all, r)
	}
	return all
}

func TestWhoDoesNotReadWaitsAndOthersDoNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaiting(10)
		w.slow(t, ann, 5)
		start := time.Now()
		if !w.admit(t.Context(), bob) || time.Since(start) > 0 {
			t.Error("bob waits for ann")
		}
		if w.admit(t.Context(), ann) || time.Since(start) != admitIn {
			t.Errorf("ann has all of her share, and goes on after %v", time.Since(start))
		}
		if n := len(w.by[ann].queue); n > 0 {
			t.Errorf("%d wait that have gone", n)
		}
	})
}

func TestAShareIsOfNoMoreAnswersThanAGigabyteHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaiting(mostUnread)
		w.slow(t, ann, mostUnreadOfOne/2-1)
		if !w.admit(t.Context(), ann) {
			t.Error("ann waits, and has some of her share left")
		}
		w.slow(t, ann, 1)
		if w.admit(t.Context(), ann) {
			t.Error("ann has all of her share, and goes on")
		}
		w.slow(t, bob, mostUnreadOfOne/2)
	})
}

func TestWhoReadsGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWaiting(4)
		first := w.slow(t, ann, 2)
		var went atomic.Int32
		for range 6 {
			go func() {
				if w.admit(t.Context(), ann) {
					went.Add(1)
				}
			}()
		}
		for i, step := range []struct {
			do   func()
			want int32
		}{
			{func() {}, 0},
			{func() { w.remove(first[0]) }, 1},
			{func() { w.remove(first[0]) }, 1}, // once is enough
			{func() { w.remove(first[1]) }, 2},
			{func() { time.Sleep(admitFor) }, 4}, // those that went on have not proved slow
			{func() { time.Sleep(admitFor) }, 6},
			{func() { time.Sleep(admitFor) }, 6},
		} {
			step.do()
			synctest.Wait()
			if n := went.Load(); n != step.want {
				t.Errorf("after step %d, %d went on, want %d", i, n, step.want)
			}
		}
		if w.answers.Len() != 0 || len(w.by) != 0 {
			t.Error("something is counted when all is over")
		}
	})
}

func TestTheSlowestOfWhoHasTooManyIsCut(t *testing.T) {
	w := newWaiting(10)
	w.slow(t, bob, 1)
	anns := w.slow(t, ann, 9)
	if over := w.add(&reader{by: bob}); over != anns[0] {
		t.Errorf("%+v is cut, want ann's first", over)
	}
	w.remove(anns[0])
	if w.answers.Len() != 10 || w.by[ann].answers != 8 || w.by[bob].answers != 2 {
		t.Errorf("%d are counted, %d of ann, %d of bob", w.answers.Len(), w.by[ann].answers, w.by[bob].answers)
	}
}

func TestTheSlowestIsCutWhereNobodyHasTooMany(t *testing.T) {
	w := newWaiting(10)
	bobs := w.slow(t, bob, 5)
	w.slow(t, ann, 5)
	if over := w.add(&reader{by: netip.MustParseAddr("10.0.0.3")}); over != bobs[0] {
		t.Errorf("%+v is cut, want bob's first", over)
	}
}
