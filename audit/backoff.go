package audit

import (
	"math/rand/v2"
	"time"
)

// Patience between two attempts.
const (
	firstWait   = time.Second
	longestWait = time.Minute
	configWait  = 30 * time.Second // first wait where somebody must change something
	configMost  = 5 * time.Minute
	mostAsked   = 15 * time.Minute // of what Retry-After asks for
)

// wait is how long to wait after the n-th failure in a row, counted from 0:
// exponential, with full jitter, so that many proxies do not come back at
// once; and never less than the receiver asked for.
func (f *Failure) wait(n int) time.Duration {
	first, most := firstWait, longestWait
	if f.Class != Retry {
		first, most = configWait, configMost
	}
	upper := min(first<<min(n, 16), most)
	return max(rand.N(upper)+time.Millisecond, min(f.After, mostAsked))
}
