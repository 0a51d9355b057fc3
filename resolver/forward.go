package resolver

import (
	"context"
	"errors"
	"slices"
	"time"
)

// flight is one question that upstreams are being asked; clients with the same
// question share it.
type flight struct {
	done  chan struct{}
	entry *entry // set before done is closed
}

// maxFlights bounds the questions that upstreams are asked at once.
const maxFlights = 1000

// ask answers q from an upstream, and waits for it.
func (s *Server) ask(r *Rules, q *query) reply {
	e := s.cache.get(q.key())
	if e != nil && !e.usable(s.clock()) {
		e = nil
	}
	if e != nil && e.failing(s.clock()) {
		return r.from(q, e, resultStale, s.clock())
	}
	f := s.join(r, q)
	if f == nil {
		return s.unanswered(r, q, e)
	}
	patience := s.wait.flight
	if e != nil {
		patience = s.wait.client
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-f.done:
		if !f.entry.failure {
			return r.from(q, f.entry, resultForwarded, s.clock())
		}
	case <-timer.C:
	case <-s.closing:
	}
	return s.unanswered(r, q, e)
}

// unanswered answers q where no upstream did: with what was true before, which
// may be nil.
func (s *Server) unanswered(r *Rules, q *query, e *entry) reply {
	if e == nil {
		return failure(s.clock()).reply(s.clock(), resultFailed)
	}
	return r.from(q, e, resultStale, s.clock())
}

// remembered answers q without an upstream.
func (s *Server) remembered(r *Rules, q *query) reply {
	e := s.cache.get(q.key())
	if e != nil && !e.usable(s.clock()) {
		e = nil
	}
	return s.unanswered(r, q, e)
}

// join returns the flight of q, which it starts if there is none; nil if too
// many are under way.
func (s *Server) join(r *Rules, q *query) *flight {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := q.key()
	if f := s.flights[k]; f != nil {
		return f
	}
	if s.closed || len(s.flights) >= maxFlights {
		return nil
	}
	f := &flight{done: make(chan struct{})}
	s.flights[k] = f
	s.running.Add(1)
	asked := *q
	asked.keep()
	go func() {
		defer s.running.Done()
		f.entry = s.fly(r, &asked)
		s.mu.Lock()
		delete(s.flights, k)
		s.mu.Unlock()
		close(f.done)
	}()
	return f
}

// fly asks the upstreams and remembers what they say.
func (s *Server) fly(r *Rules, q *query) *entry {
	ctx, cancel := context.WithTimeout(context.Background(), s.wait.flight)
	defer cancel()
	landed := make(chan struct{})
	defer close(landed)
	go func() {
		select {
		case <-s.closing:
			cancel()
		case <-landed:
		}
	}()
	e, err := s.consult(ctx, r, q)
	if err == nil {
		if slices.Equal(s.rules.Load().upstreams, r.upstreams) {
			s.cache.put(q.key(), e)
		}
		return e
	}
	now := s.clock()
	if old := s.cache.get(q.key()); old != nil && old.usable(now) {
		old.retry.Store(now.Add(s.wait.recovery).UnixNano())
		return failure(now)
	}
	e = failure(now)
	s.cache.put(q.key(), e)
	return e
}

// rounds is how often every upstream is asked: datagrams get lost.
const rounds = 2

// consult asks one upstream after the other, the one that answered last first.
func (s *Server) consult(ctx context.Context, r *Rules, q *query) (*entry, error) {
	first := int(r.preferred.Load())
	var all []error
	for i := range rounds * len(r.upstreams) {
		if ctx.Err() != nil {
			break
		}
		n := (first + i) % len(r.upstreams)
		u := r.upstreams[n]
		began := time.Now()
		e, err := u.answer(ctx, q, r.secure[u], s.wait.attempt, s.clock)
		s.metrics.asked(u, time.Since(began), err)
		if err == nil {
			r.preferred.Store(int32(n))
			return e, nil
		}
		all = append(all, err)
	}
	return nil, errors.Join(append(all, ctx.Err())...)
}
