package proxy

import (
	"context"
	"errors"
	"net"
	"sync"
)

// Shutdown stops accepting, lets requests and tunnels finish until ctx ends,
// then closes what is left, whatever it is waiting for.
func (s *Server) Shutdown(ctx context.Context) error {
	s.start()
	s.closed.Store(true)
	s.leaving.Store(true)
	done := make(chan error, 1)
	go func() {
		err := s.front.Shutdown(ctx)
		err = errors.Join(err, s.inner.Shutdown(ctx))
		s.conns.wait()
		done <- err
	}()
	select {
	case err := <-done:
		s.cut()
		s.open.closeAll() // whatever was accepted meanwhile
		return err
	case <-ctx.Done():
		s.cut()
		s.open.closeAll()
		return errors.Join(ctx.Err(), s.front.Close(), s.inner.Close(), <-done)
	}
}

// jobs counts what runs beside the HTTP servers: a sync.WaitGroup to which may
// be added while somebody waits, as a CONNECT that is under way does.
type jobs struct {
	mu      sync.Mutex
	n       int
	waiting chan struct{} // closed when n is 0; nil: nobody waits
}

// Go runs f as a job.
func (j *jobs) Go(f func()) {
	j.begin()
	go func() {
		defer j.end()
		f()
	}()
}

func (j *jobs) begin() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.n++
}

func (j *jobs) end() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.n--
	if j.n == 0 && j.waiting != nil {
		close(j.waiting)
		j.waiting = nil
	}
}

// wait returns when there is no job.
func (j *jobs) wait() {
	j.mu.Lock()
	if j.n == 0 {
		j.mu.Unlock()
		return
	}
	if j.waiting == nil {
		j.waiting = make(chan struct{})
	}
	none := j.waiting
	j.mu.Unlock()
	<-none
}

// openConns are the connections that Shutdown closes when its time is up.
type openConns struct {
	mu     sync.Mutex
	set    map[net.Conn]struct{}
	closed bool
}

// add keeps c, or closes it where it is too late to open anything.
func (o *openConns) add(c net.Conn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		c.Close()
		return
	}
	if o.set == nil {
		o.set = map[net.Conn]struct{}{}
	}
	o.set[c] = struct{}{}
}

func (o *openConns) remove(c net.Conn) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.set, c)
}

func (o *openConns) closeAll() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	for c := range o.set {
		c.Close()
	}
}
