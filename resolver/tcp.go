package resolver

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

// Bounds of TCP clients: beyond them a connection is closed at once.
const (
	maxConns       = 1024
	maxConnsClient = 64
)

// pause is how long no connection is accepted after the system had none to give.
const pause = 20 * time.Millisecond

// ServeTCP answers the questions on the connections of l until Close.
func (s *Server) ServeTCP(l net.Listener) error {
	if !s.enter(l) {
		l.Close()
		return nil
	}
	defer s.leave(l)
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			s.admit(conn)
		case s.ended(err) == nil || !passing(err):
			return s.ended(err)
		default:
			select {
			case <-s.closing:
			case <-time.After(pause):
			}
		}
	}
}

// admit starts a conversation, if conn's client may have one more.
func (s *Server) admit(conn net.Conn) {
	peer := client(conn)
	from := peer.Addr()
	if !s.rules.Load().serves(from) || !s.hold(from) {
		s.metrics.count(resultRefused)
		conn.Close()
		return
	}
	if !s.enter(conn) {
		s.release(from)
		conn.Close()
		return
	}
	go func() {
		defer s.leave(conn)
		defer s.release(from)
		s.converse(conn, peer)
	}()
}

func client(conn net.Conn) netip.AddrPort {
	if a, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return netip.AddrPortFrom(a.AddrPort().Addr().Unmap(), uint16(a.Port))
	}
	return netip.AddrPort{}
}

func (s *Server) hold(from netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns >= maxConns || s.held[from] >= maxConnsClient {
		return false
	}
	s.conns++
	s.held[from]++
	return true
}

func (s *Server) release(from netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns--
	if s.held[from]--; s.held[from] == 0 {
		delete(s.held, from)
	}
}

// converse answers one question after the other (RFC 7766 section 6.2.1)
// until the client has none for a while, or writes something else.
func (s *Server) converse(conn net.Conn, from netip.AddrPort) {
	in, out := make([]byte, maxQuestion), make([]byte, 0, maxQuestion)
	for {
		if conn.SetDeadline(time.Now().Add(s.wait.idle)) != nil {
			return
		}
		if _, err := io.ReadFull(conn, in[:2]); err != nil {
			return
		}
		n := int(binary.BigEndian.Uint16(in))
		if n > len(in) {
			return
		}
		if _, err := io.ReadFull(conn, in[:n]); err != nil {
			return
		}
		answer := s.message(in[:n], append(out[:0], 0, 0), from)
		if answer == nil || conn.SetDeadline(time.Now().Add(s.wait.idle)) != nil {
			return
		}
		binary.BigEndian.PutUint16(answer, uint16(len(answer)-2))
		if _, err := conn.Write(answer); err != nil {
			return
		}
	}
}

// message appends the answer to in, which may take an upstream's time; nil if
// it gets none.
func (s *Server) message(in, out []byte, from netip.AddrPort) []byte {
	r := s.rules.Load()
	a := asker{from, "tcp", s.clock()}
	q, malformed := parse(in)
	if errors.Is(malformed, errIgnored) {
		s.metrics.count(resultMalformed)
		return nil
	}
	answer, ok := s.quick(r, &q, from.Addr(), malformed, a.began)
	if !ok {
		answer = s.ask(r, &q)
	}
	s.done(r, &a, &q, &answer)
	return q.write(out, &answer, dns.MaxMsgSize)
}
