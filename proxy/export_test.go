package proxy

import (
	"net"
	"net/netip"
	"time"

	"github.com/tenantgate/tenantgate/hosts"
)

// ReadSOCKS reads a SOCKS request, whatever authentication it offers.
func ReadSOCKS(c net.Conn) (hosts.Authority, error) {
	return (&Server{SOCKS: AnySOCKS}).readSOCKS(c)
}

// PeekHello reads the server name of a hello, and returns a connection that
// still has the hello.
func PeekHello(c net.Conn) (string, net.Conn, error) {
	peeked := &client{Conn: c}
	name, err := peekHello(peeked, time.Second)
	return name, peeked.Conn, err
}

// ServeDiverted serves what l accepts as if a firewall had diverted it here on
// its way to what to says; without that it takes a kernel, see TestDiverted… of
// cmd/tenantgate. It returns when l is closed.
func (s *Server) ServeDiverted(l net.Listener, to func() netip.AddrPort) {
	s.start()
	metered := s.meter(l)
	for {
		conn, err := metered.Accept()
		if err != nil {
			return
		}
		s.conns.Go(func() {
			defer s.hold(conn)()
			c := &client{Conn: conn, from: addrPort(conn.RemoteAddr()), way: silent{}, meant: to()}
			defer s.survive(c)
			s.route(c)
		})
	}
}

// Starve leaves a budget of a running server with little: n for each client.
func (s *Server) Starve(of string, n int) {
	s.start()
	switch of {
	case "handshakes":
		s.budgets.handshakes.set(float64(n), 50)
	case "leaf-mints":
		s.budgets.mints.set(float64(n), 50)
	case "bodies":
		s.budgets.bodies.set(2*n, 50)
	case "lookups":
		s.budgets.lookups.set(2*n, 50)
	case "requests":
		s.budgets.requests.set(2*n, 50)
	case "unread":
		s.budgets.unread.set(2*n, 50)
	}
}

// DialsAtOnce is how many connections to an origin of HTTP/2 are made at once.
const DialsAtOnce = dialsAtOnce

// UnderWay is how many requests of intercepted connections are.
func (s *Server) UnderWay() int {
	s.start()
	return s.budgets.requests.taken()
}

// Taken is how many connections and bodies are counted now.
func (s *Server) Taken() (connections, bodies int) {
	s.start()
	count := func(h *held) int {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.n + len(h.by)
	}
	return count(&s.budgets.connections), count(&s.budgets.bodies)
}

// SeekAtOnce is how many requests of a client look for one origin's connection.
const SeekAtOnce = seekAtOnce

// Rush has two clients rush for a minute.
func (s *Server) Rush() {
	s.rush.mu.Lock()
	defer s.rush.mu.Unlock()
	for i := range s.rush.last {
		s.rush.last[i].at = time.Now().Add(time.Minute)
	}
}

// WaitingSeekers is how many requests wait until others have found a
// connection; -1 where none looks for one.
func (s *Server) WaitingSeekers() int {
	s.seeking.mu.Lock()
	defer s.seeking.mu.Unlock()
	n := -1
	for _, at := range s.seeking.by {
		n = max(n, 0) + max(at.n-seekAtOnce, 0)
	}
	return n
}
