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

// crowdedDoor is one at which it is crowded, as far as is known at now.
func crowdedDoor() (d *door, now time.Time) {
	d, now = newDoor(), time.Now()
	d.crowded.Store(true)
	d.looked.Store(now.UnixNano())
	return d, now
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
	d.crowded.Store(false)
	d.pass(office, now)
}

func TestWhoComesLaterDoesNotOvertakeItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, now := crowdedDoor()
		d.enter(office)
		d.enter(office)
		d.crowded.Store(false)
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
			end()
		})
	}
	all.Wait()
	return time.Since(start)
}

func TestWhoFloodsLeavesOthersAsMuchTimeAsItTakes(t *testing.T) {
	for name, row := range map[string]struct {
		others bool
		n      int
		took   time.Duration
		paused time.Duration
	}{
		"beside others":         {true, inOneGo + 101, time.Millisecond, 100 * time.Millisecond},
		"alone":                 {false, inOneGo + 101, time.Millisecond, 0},
		"no more than a few":    {true, inOneGo + 1, time.Millisecond, 0},
		"but not for very long": {true, inOneGo + 6, 100 * time.Millisecond, 5 * longestPause},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, _ := crowdedDoor()
				if row.others {
					gone := make(chan struct{})
					defer close(gone)
					go func() {
						for here := time.NewTicker(alone / 2); ; {
							d.enter(visitor)
							select {
							case <-here.C:
							case <-gone:
								return
							}
						}
					}()
					synctest.Wait()
				}
				took, want := d.flood(office, row.n, row.took), time.Duration(row.n)*row.took+row.paused
				if took != want {
					t.Errorf("%d took %v, want %v", row.n, took, want)
				}
			})
		})
	}
}

func TestACrowdIsSeenWhenItIsLookedFor(t *testing.T) {
	d := newDoor()
	d.crowded.Store(true)
	synctest.Test(t, func(t *testing.T) {
		for d.look(time.Now()); d.crowded.Load(); d.look(time.Now()) { // what else runs here ends some day
			time.Sleep(2 * crowdSampled)
		}
	})
}
