package proxy

import "time"

// What is read in bulk: a piece, as soon after the last.
const (
	bulkPiece = 32 << 10
	bulkSoon  = 10 * time.Millisecond
)

// bulk paces who reads from an origin. There is always more of a long answer, so
// its reader would have the processor for 10 ms each time, crowd or not; in a
// rush the pieces come one by one, those of all origins.
type bulk struct {
	door  *door // nil: as fast as it comes
	n     int   // bytes of the piece
	begun time.Time
}

// read says that n bytes were, and returns when it is the turn of more.
func (b *bulk) read(n int) {
	if b.n += n; b.n < bulkPiece || b.door == nil {
		return
	}
	now := time.Now()
	soon := now.Sub(b.begun) < bulkSoon
	b.n, b.begun = 0, now
	if soon {
		b.door.passBulk(now)
	}
}
