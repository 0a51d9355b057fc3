package audit

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// lastID is the time part of the newest ID, in 4096ths of a millisecond. It is
// the process's, because IDs must not go back in any of its logs.
var lastID atomic.Uint64

// NewID returns a UUIDv7 that sorts after every ID before it in this process,
// even when the clock is set back. The twelve bits after the milliseconds are a
// finer clock, as RFC 9562 section 6.2, method 3 allows; the rest is random.
func NewID() string { return newID(time.Now()) }

func newID(now time.Time) string {
	t := tick(now)
	var u [16]byte
	binary.BigEndian.PutUint64(u[:], t>>12<<16|0x7000|t&0xfff)
	binary.BigEndian.PutUint64(u[8:], rand.Uint64()>>2|1<<63)
	var s [36]byte
	hex.Encode(s[:8], u[:4])
	hex.Encode(s[9:13], u[4:6])
	hex.Encode(s[14:18], u[6:8])
	hex.Encode(s[19:23], u[8:10])
	hex.Encode(s[24:], u[10:])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}

// tick returns now in 4096ths of a millisecond, or the next one after lastID.
func tick(now time.Time) uint64 {
	ns := uint64(now.UnixNano())
	t := ns/1e6<<12 | ns%1e6<<12/1e6
	for {
		last := lastID.Load()
		t = max(t, last+1)
		if lastID.CompareAndSwap(last, t) {
			return t
		}
	}
}
