// Package memory gives the garbage collector its pace and its limit.
package memory

import (
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// room is how much the heap may grow by between two collections, beside as
// much as is live. Live memory of the proxy is some tens of megabytes, and
// collecting that rarely saves about a tenth of the CPU of a request; with more
// room what is new finds no place in the processor's caches, and 64 MiB cost a
// twenty-fifth of a request (docs/performance.md). A percentage alone, large
// enough, would let a flood that holds a gigabyte for a second take five, and
// keep them.
const room = 16 << 20

// percentFor is what GOGC must be for room with so much live. At 400 the
// least heap that the runtime collects at all, 4 MiB at 100, is room.
func percentFor(live uint64) int {
	return int(min(400, 100+room*100/max(live, 1)))
}

// A flood's memory is garbage as soon as the flood is over, but what is live
// decides when it is collected: calm traffic needs minutes to allocate as much
// again, each page of it one that the kernel has to find and to clear.
const (
	flood = 64 << 20
	after = 5 * time.Second
)

// Pace sets GOGC for what is live, and again after each collection. While a
// flood's memory may be live, there is one each five seconds at least.
func Pace() { pace(pacer{again: time.AfterFunc(math.MaxInt64, runtime.GC)}) }

// pacer is what one collection leaves for the next.
type pacer struct {
	percent int // as it was set last
	again   *time.Timer
}

func pace(p pacer) {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	p.follow(live[0].Value.Uint64())
	collected := new(*byte) // a pointer: what has none is freed with its neighbours
	runtime.AddCleanup(collected, pace, p)
}

// follow leaves a little more or less than last time as it is: setting GOGC
// stops the world.
func (p *pacer) follow(live uint64) {
	percent := percentFor(live)
	if off := percent - p.percent; max(off, -off) > p.percent/8 {
		debug.SetGCPercent(percent)
		p.percent = percent
	}
	if p.again.Stop(); live > flood {
		p.again.Reset(after)
	}
}
