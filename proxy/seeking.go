package proxy

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/tenantgate/tenantgate/hosts"
)

// seekAtOnce is how many requests of one client look for a connection to one
// origin at once: less than one connection of HTTP/2 has room for.
const seekAtOnce = 64

// seeking is which requests look for a connection to their origin, while several
// clients rush. net/http gives a new one to all that wait for one, a thousand
// and more in a flood, and they find out behind one another, at a mutex that is
// everybody's, that it had room for the first hundred or two.
type seeking struct {
	mu sync.Mutex
	by map[seat]*seekers
}

// seat is whose request it is, and where it goes.
type seat struct {
	of     netip.Addr
	origin hosts.Authority
}

// seekers are those of one seat, in the order in which they came.
type seekers struct {
	room *semaphore.Weighted
	n    int // how many look or wait
}

// enter waits until one more of at's may look, but no longer than ctx and most.
// If it returns nil, leave follows.
func (s *seeking) enter(ctx context.Context, at seat, most time.Duration) error {
	room := s.come(at)
	if room.TryAcquire(1) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	if err := room.Acquire(ctx, 1); err != nil {
		s.gone(at)
		return fmt.Errorf("wait for a connection to %s: %w", at.origin, err)
	}
	return nil
}

// leave says that one of at's has found a connection, or ended without.
func (s *seeking) leave(at seat) {
	s.gone(at).Release(1)
}

// come counts one more, and returns where it waits.
func (s *seeking) come(at seat) *semaphore.Weighted {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by == nil {
		s.by = map[seat]*seekers{}
	}
	here := s.by[at]
	if here == nil {
		here = &seekers{room: semaphore.NewWeighted(seekAtOnce)}
		s.by[at] = here
	}
	here.n++
	return here.room
}

// gone counts one less; the last one takes the seat away.
func (s *seeking) gone(at seat) *semaphore.Weighted {
	s.mu.Lock()
	defer s.mu.Unlock()
	here := s.by[at]
	if here.n--; here.n == 0 {
		delete(s.by, at)
	}
	return here.room
}
