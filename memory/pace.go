// Package memory gives the garbage collector its pace and its limit.
package memory

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
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

// Pace sets GOGC for what is live, and again after each collection.
func Pace() { pace(0) }

// pace leaves a little more or less than last time as it is: setting GOGC stops
// the world.
func pace(last int) {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	percent := percentFor(live[0].Value.Uint64())
	if off := percent - last; max(off, -off) > last/8 {
		debug.SetGCPercent(percent)
		last = percent
	}
	collected := new(*byte) // a pointer: what has none is freed with its neighbours
	runtime.AddCleanup(collected, pace, last)
}
