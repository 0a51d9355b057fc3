package proxy

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

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
	by map[seat]seekers
}

// seat is whose request it is, and where it goes.
type seat struct {
	of     netip.Addr
	origin hosts.Authority
}

// seekers is how many look, and who waits until one of them has found.
type seekers struct {
	n     int
	queue []chan struct{} // empty where n is less than seekAtOnce
}

// enter waits until one more of at's may look, but no longer than ctx and most.
// If it returns nil, leave follows.
func (s *seeking) enter(ctx context.Context, at seat, most time.Duration) error {
	turn := s.ask(at)
	if turn == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		s.give(at, turn)
		return fmt.Errorf("wait for a connection to %s: %w", at.origin, ctx.Err())
	}
}

// ask returns what to wait for; nil where there is room.
func (s *seeking) ask(at seat) (turn chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by == nil {
		s.by = map[seat]seekers{}
	}
	here := s.by[at]
	if here.n < seekAtOnce {
		here.n++
	} else {
		turn = make(chan struct{})
		here.queue = append(here.queue, turn)
	}
	s.by[at] = here
	return turn
}

// give gives up a turn that may have come meanwhile.
func (s *seeking) give(at seat, turn chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	here := s.by[at]
	if i := slices.Index(here.queue, turn); i >= 0 {
		here.queue = slices.Delete(here.queue, i, i+1)
		s.by[at] = here
		return
	}
	s.next(at)
}

// leave says that one of at's has found a connection, or ended without.
func (s *seeking) leave(at seat) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next(at)
}

func (s *seeking) next(at seat) {
	here := s.by[at]
	if len(here.queue) > 0 {
		close(here.queue[0])
		here.queue = here.queue[1:]
	} else {
		here.n--
	}
	if here.n == 0 {
		delete(s.by, at)
		return
	}
	s.by[at] = here
}
