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
	done := make(chan error, 1)
	go func() {
		err := s.front.Shutdown(ctx)
		err = errors.Join(err, s.inner.Shutdown(ctx))
		s.conns.Wait()
		done <- err
	}()
	select {
	case err := <-done:
		s.cut()
		return err
	case <-ctx.Done():
		s.cut()
		s.open.closeAll()
		return errors.Join(ctx.Err(), s.front.Close(), s.inner.Close(), <-done)
	}
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
