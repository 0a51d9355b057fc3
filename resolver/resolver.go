// Package resolver is a DNS resolver that steers restricted hosts to the proxy.
//
// Whoever asks it for a restricted name is told the proxy's own address;
// everything else is forwarded to the upstream resolvers and remembered. It
// answers its configured clients and nobody else, and the proxy's own look-ups
// never come here: they would lead the proxy to itself.
package resolver

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Server answers questions over UDP and TCP by the Rules in force.
type Server struct {
	// Asked is told the questions that the rules want told, if it is set before
	// the first: at once and by whoever answers, so it must not wait.
	Asked func(Question)

	metrics *Metrics
	rules   atomic.Pointer[Rules]
	cache   *cache
	limits  *limits
	slots   chan struct{}    // one for each UDP question that waits for an upstream
	clock   func() time.Time // time.Now but in tests
	wait    waits

	closing chan struct{}
	running sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	open    map[closer]struct{}
	flights map[key]*flight
	conns   int                // TCP connections
	held    map[netip.Addr]int // the same by client
}

type closer interface{ Close() error }

// waits are how long the resolver is patient.
type waits struct {
	client   time.Duration // before a stale answer is given, RFC 8767 section 5
	attempt  time.Duration // for one upstream's answer
	flight   time.Duration // for all upstreams together
	idle     time.Duration // for a TCP client's next question
	recovery time.Duration // before upstreams are asked again for what they failed to answer, RFC 8767 section 5
}

var usualWaits = waits{
	client:   1800 * time.Millisecond,
	attempt:  1500 * time.Millisecond,
	flight:   6 * time.Second,
	idle:     10 * time.Second,
	recovery: 30 * time.Second,
}

// maxWaiting bounds the UDP questions that wait for an upstream at once.
const maxWaiting = 4096

// NewServer returns a Server that answers by r and counts in m, which may be
// nil.
func NewServer(r *Rules, m *Metrics) *Server {
	s := &Server{
		metrics: m, cache: newCache(maxEntries), limits: newLimits(maxClients), clock: time.Now, wait: usualWaits,
		slots: make(chan struct{}, maxWaiting), closing: make(chan struct{}),
		open: map[closer]struct{}{}, flights: map[key]*flight{}, held: map[netip.Addr]int{},
	}
	s.rules.Store(r)
	return s
}

// Use puts r in force, from the next question on. What was remembered is
// forgotten only where other upstreams are to be asked from now on. Connections
// to upstreams are made anew: another root may be trusted.
func (s *Server) Use(r *Rules) {
	old := s.rules.Swap(r)
	old.retire()
	if !slices.Equal(old.upstreams, r.upstreams) {
		s.cache.purge()
	}
}

// Close ends all listeners and connections and waits for what was started.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.closing)
	var err error
	for c := range s.open {
		if e := c.Close(); e != nil && !errors.Is(e, net.ErrClosed) {
			err = errors.Join(err, e)
		}
	}
	s.mu.Unlock()
	s.running.Wait()
	s.rules.Load().retire()
	return err
}

// enter adds c to what Close ends, and counts its user as running; false once
// the server is closed.
func (s *Server) enter(c closer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.open[c] = struct{}{}
	s.running.Add(1)
	return true
}

// leave undoes enter.
func (s *Server) leave(c closer) {
	c.Close()
	s.mu.Lock()
	delete(s.open, c)
	s.mu.Unlock()
	s.running.Done()
}

// ended is err, unless it only says that the server was closed.
func (s *Server) ended(err error) error {
	select {
	case <-s.closing:
		return nil
	default:
		return err
	}
}
