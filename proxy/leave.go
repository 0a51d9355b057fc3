package proxy

import (
	"context"
	"net"
	"net/http"
	"time"
)

// Leave tells clients, with each answer they get from now on, to go on
// elsewhere: HTTP/1.1 with Connection: close, HTTP/2 with GOAWAY. Nobody is
// refused, and nothing ends that is under way. So a client that would send its
// next request on a connection that Shutdown is about to close has gone before
// (RFC 9112, 9.6). Leave returns when no client has a connection, or when ctx
// ends.
func (s *Server) Leave(ctx context.Context) {
	s.start()
	s.leaving.Store(true)
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for s.budgets.connections.taken() > 0 {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
	}
}

// late serves a connection whose handshake had begun before Shutdown and ended
// after the inner server took no more: its client's request is under way. It
// has one answer, or as long as Shutdown waits.
func (s *Server) late(c net.Conn) {
	one := newHandover()
	srv := s.newInner()
	srv.Handler = s.parting(srv.Handler)
	srv.SetKeepAlivesEnabled(false)
	srv.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed || state == http.StateHijacked {
			one.Close()
		}
	}
	go one.push(c)
	_ = srv.Serve(one)
}

// parting is h with the word of Leave.
func (s *Server) parting(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.leaving.Load() {
			w.Header().Set("Connection", "close") // net/http makes GOAWAY of it in HTTP/2
		}
		h.ServeHTTP(w, r)
	})
}
