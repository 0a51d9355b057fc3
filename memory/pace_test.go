package memory

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheHeapGrowsByTheSameWhateverIsLive(t *testing.T) {
	const mb = 1 << 20
	for live, want := range map[uint64]int{0: 400, mb: 400, 8 * mb: 300, 16 * mb: 200, 64 * mb: 125, 1024 * mb: 101} {
		if got := percentFor(live); got != want {
			t.Errorf("%d MiB live: GOGC=%d, want %d", live/mb, got, want)
		}
	}
}

func TestGOGCFollowsWhatIsLive(t *testing.T) {
	percent := debug.SetGCPercent(100)
	defer debug.SetGCPercent(percent)
	Pace()
	now := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	followed := func(ok func(percent uint64) bool) {
		t.Helper()
		for range 1000 {
			if metrics.Read(now); ok(now[0].Value.Uint64()) {
				return
			}
			runtime.GC()
			runtime.Gosched()
		}
		t.Fatalf("GOGC is %d", now[0].Value.Uint64())
	}
	flood := make([]byte, 256<<20)
	followed(func(percent uint64) bool { return percent <= 107 })
	runtime.KeepAlive(flood)
	flood = nil
	followed(func(percent uint64) bool { return percent > 150 })
}

func TestAFloodsMemoryIsCollectedSoonAfterIt(t *testing.T) {
	percent := debug.SetGCPercent(100)
	defer debug.SetGCPercent(percent)
	synctest.Test(t, func(t *testing.T) {
		collections := 0
		p := pacer{again: time.AfterFunc(math.MaxInt64, func() { collections++ })}
		for _, row := range []struct {
			live uint64
			wait time.Duration
			want int
		}{
			{live: 1 << 20, wait: time.Hour, want: 0},
			{live: 1 << 30, wait: after - 1, want: 0},
			{live: 1 << 30, wait: after - 1, want: 0}, // there was one meanwhile
			{live: 1 << 30, wait: after, want: 1},
			{live: 1 << 30, wait: 0, want: 1},
			{live: 1 << 20, wait: time.Hour, want: 1},
		} {
			p.follow(row.live)
			time.Sleep(row.wait)
			synctest.Wait()
			if collections != row.want {
				t.Errorf("%v after %d MiB were live: %d collections, want %d", row.wait, row.live>>20, collections, row.want)
			}
		}
	})
}
