package proxy

import (
	"errors"
	"net"
	"net/http"
	"time"
)

// byFirstByte is a listener of the explicit proxy that keeps the connections
// of SOCKS clients: their first byte is 5, and no request of HTTP begins so.
type byFirstByte struct {
	*handover
	net.Listener
	s *Server
}

// Accept implements net.Listener.
func (l *byFirstByte) Accept() (net.Conn, error) { return l.handover.Accept() }

// Addr implements net.Listener.
func (l *byFirstByte) Addr() net.Addr { return l.Listener.Addr() }

// Close implements net.Listener.
func (l *byFirstByte) Close() error {
	_ = l.handover.Close()
	return l.Listener.Close()
}

// serveBoth serves HTTP and SOCKS clients of l.
func (s *Server) serveBoth(l net.Listener) error {
	both := &byFirstByte{newHandover(), l, s}
	s.front.RegisterOnShutdown(s.quiet.closeAll) // who has said nothing has nothing to finish
	go both.split()
	err := s.front.Serve(both)
	_ = both.Close() // Serve leaves it open where Shutdown was sooner
	if errors.Is(err, net.ErrClosed) && s.closed.Load() {
		return http.ErrServerClosed
	}
	return err
}

func (l *byFirstByte) split() {
	for {
		conn, err := l.Listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			_ = l.handover.Close()
			return
		case err != nil:
			l.s.log().Warn("accept connection", "err", err)
			<-time.After(50 * time.Millisecond) // out of descriptors: let some go
			continue
		}
		l.s.conns.Go(func() { l.s.sort(conn, l.handover) })
	}
}

// sort reads one byte and gives conn to who speaks that protocol.
func (s *Server) sort(conn net.Conn, front *handover) {
	var b [1]byte
	s.quiet.add(conn)
	_ = conn.SetReadDeadline(time.Now().Add(orDefault(s.HeaderTimeout, frontHeaderTimeout)))
	_, err := conn.Read(b[:])
	if s.quiet.remove(conn); err != nil {
		conn.Close()
		return
	}
	_ = conn.SetReadDeadline(time.Time{})
	again := &replay{Conn: conn, first: b[:]}
	if b[0] == socksVersion {
		defer s.hold(conn)()
		s.socks(again)
		return
	}
	if !front.push(again) {
		conn.Close()
	}
}
