package directory

import (
	"sync"
	"time"
)

// Questions to all sources together: a burst, then a steady rate. A client
// that makes up hosts must not make the proxy flood Microsoft.
const (
	askBurst     = 100
	askPerSecond = 20
)

// bucket is a token bucket.
type bucket struct {
	now func() time.Time

	mu   sync.Mutex
	left float64
	at   time.Time
}

func newBucket(now func() time.Time) *bucket {
	return &bucket{now: now, left: askBurst, at: now()}
}

// take tells whether one more question may be asked now.
func (b *bucket) take() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if passed := now.Sub(b.at).Seconds(); passed > 0 {
		b.left = min(b.left+passed*askPerSecond, askBurst)
	}
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}
