package memory

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
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
