package proxy

import (
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

var office, visitor = netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")

// crowdedDoor is one at which it is crowded, as far as is known at now, and a
// visitor has come.
func crowdedDoor() (d *door, now time.Time) {
	w, now := new(rush), time.Now()
	w.here.Store(true)
	w.looked.Store(now.UnixNano())
	w.last[0] = came{visitor, now}
	return newDoor(w), now
}

func TestAClientsOwnComeOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _ := crowdedDoor()
		if d.enter(office) != nil {
			t.Fatal("nobody is there, and it has to wait")
		}
		var passed []int
		for i := range 3 {
			turn := d.enter(office)
			go func() {
				<-turn
				passed = append(passed, i)
			}()
		}
		for i := range 4 {
			synctest.Wait()
			if want := []int{0, 1, 2}[:i]; !slices.Equal(passed, want) {
				t.Errorf("%v passed, want %v", passed, want)
			}
			d.leave(office, 0)
		}
		if len(d.lines) != 0 || d.waiting.Load() != 0 {
			t.Error("left behind:", d.lines)
		}
	})
}

func TestAClientDoesNotWaitForAnother(t *testing.T) {
	d, now := crowdedDoor()
	d.enter(office)
	d.enter(office)
	d.pass(visitor, now)
}

func TestNobodyWaitsWhereProcessorsAreToSpare(t *testing.T) {
	d, now := crowdedDoor()
	d.enter(office) // as if it took very long
	d.rush.here.Store(false)
	d.pass(office, now)
}

func TestWhoComesLaterDoesNotOvertakeItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, now := crowdedDoor()
		d.enter(office)
		d.enter(office)
		d.rush.here.Store(false)
		passed := false
		go func() { d.pass(office, now); passed = true }()
		synctest.Wait()
		if passed {
			t.Error("it did")
		}
		d.leave(office, 0)
		d.leave(office, 0)
		synctest.Wait()
		if !passed {
			t.Error("it waits for ever")
		}
	})
}

func TestEverybodyPassesInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, now := crowdedDoor()
		var passed atomic.Int64
		for i := range 1000 {
			go func() {
				d.pass([]netip.Addr{office, visitor}[i%2], now)
				passed.Add(1)
			}()
		}
		synctest.Wait()
		if passed.Load() != 1000 || d.waiting.Load() != 0 || len(d.lines) != 0 {
			t.Errorf("%d passed, %d wait, %d lines are left", passed.Load(), d.waiting.Load(), len(d.lines))
		}
	})
}

// flood has n of c's come at once, each of which takes so long, and returns
// how long that was in all.
func (d *door) flood(c netip.Addr, n int, took time.Duration) time.Duration {
	start := time.Now()
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			end := d.turn(c, start)
			time.Sleep(took)
			if end != nil {
				end()
			}
		})
	}
	all.Wait()
	return time.Since(start)
}

func TestWhoFloodsLeavesOthersTwiceTheTimeItTakes(t *testing.T) {
	const ms = time.Millisecond
	for name, row := range map[string]struct {
		n          int
		took, want time.Duration
	}{
		"more than a few":       {inOneGo + 101, ms, (inOneGo + 101 + 200) * ms},
		"a few":                 {inOneGo + 1, ms, (inOneGo + 1) * ms},
		"but not for very long": {inOneGo + 6, 100 * ms, (inOneGo+6)*100*ms + 5*longestPause},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, _ := crowdedDoor()
				if took := d.flood(office, row.n, row.took); took != row.want {
					t.Errorf("%d took %v, want %v", row.n, took, row.want)
				}
			})
		})
	}
}

func TestWhoIsAloneHasAllProcessors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _ := crowdedDoor()
		time.Sleep(aloneAfter + 1) // the visitor has gone
		d.rush.looked.Store(time.Now().UnixNano())
		if took := d.flood(office, 1000, time.Second); took != time.Second {
			t.Errorf("%v, want all at once", took)
		}
	})
}

func TestACrowdIsSeenWhenItIsLookedFor(t *testing.T) {
	var w rush
	w.here.Store(true)
	synctest.Test(t, func(t *testing.T) {
		for w.look(time.Now()) { // what else runs here ends some day
			time.Sleep(2 * rushSampled)
		}
	})
}
