package proxy

import (
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/policy"
)

// ErrOverloaded is a connection to an origin that would take a descriptor of
// the reserve.
var ErrOverloaded = errors.New("no descriptor to spare")

// overloaded is what becomes of whatever there is no budget for.
var overloaded = policy.Verdict{Reason: policy.Overloaded}

// meter counts the connections of l against the budgets. What there is none
// for is closed as soon as it was accepted: the queue of the kernel is not a
// place where clients wait.
func (s *Server) meter(l net.Listener) net.Listener { return &meteredListener{l, s} }

type meteredListener struct {
	net.Listener
	s *Server
}

// Accept implements net.Listener. It does not wait for a balancer's header, so
// it does not know yet who the client is.
func (l *meteredListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		of := l.s.refuses(conn)
		if of == "" {
			return &metered{Conn: conn, s: l.s}, nil
		}
		conn.Close()
		l.s.shed(of, netip.AddrPort{})
	}
}

// refuses names the budget that has nothing left for conn; empty if it was taken.
func (s *Server) refuses(conn net.Conn) string {
	b := s.budgets
	switch {
	case b.memory.isShort():
		return ofMemory
	case short(conn):
		return ofDescriptors
	case !b.connections.take():
		return ofConnections
	default:
		return ""
	}
}

func short(conn net.Conn) bool {
	if b, ok := conn.(*balanced); ok {
		conn = b.Conn
	}
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	return err != nil || scarce(raw)
}

// reserve keeps a connection to an origin from taking a descriptor of the reserve.
func reserve(_, _ string, c syscall.RawConn) error {
	if scarce(c) {
		return ErrOverloaded
	}
	return nil
}

// metered is a client's connection. Whose it is, is asked at its first Read,
// and told to the budget; Close gives it back.
type metered struct {
	net.Conn
	s     *Server
	first sync.Once

	mu     sync.Mutex
	by     netip.Addr // who claimed it; not valid: nobody yet
	closed bool
}

// Read implements net.Conn.
func (m *metered) Read(b []byte) (int, error) {
	m.first.Do(m.claim)
	return m.Conn.Read(b)
}

// claim closes what is one too many of its client.
func (m *metered) claim() {
	from := addrPort(m.Conn.RemoteAddr()) // may wait for a balancer's header
	by := payer(from.Addr())
	m.mu.Lock()
	ok := !m.closed && m.s.budgets.connections.claim(by)
	if ok {
		m.by = by
	}
	m.mu.Unlock()
	if !ok {
		m.s.shed(ofConnections, from)
		m.Close()
		return
	}
	m.s.doors.requests.pass(by, time.Now())
}

// Close implements net.Conn.
func (m *metered) Close() error {
	m.mu.Lock()
	if !m.closed {
		m.closed = true
		m.s.budgets.connections.give(m.by)
	}
	m.mu.Unlock()
	return m.Conn.Close()
}

// CloseWrite passes a half close on.
func (m *metered) CloseWrite() error {
	if half, ok := m.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return m.Close()
}

// shed counts what there was no budget for. Of a flood, the first few each
// second leave an access event: it is nobody's attempt at anything.
func (s *Server) shed(of string, from netip.AddrPort) {
	s.Metrics.shed(of)
	rules := s.rules.Load()
	if rules == nil || !s.budgets.shed.take(netip.Addr{}) {
		return
	}
	e := s.connEvent(&client{from: from}, rules, overloaded)
	e.Close = of
	if err := s.record(e); err != nil {
		s.log().Error("record event", "err", err)
	}
}

// slowed counts a connection of HTTP/2 that is read more slowly, and logs the
// first few each second. Nothing is refused, so there is no event.
func (s *Server) slowed(c *client) {
	s.Metrics.shed(ofFrames)
	if s.budgets.shed.take(netip.Addr{}) {
		s.log().Warn("client sends frames that serve no request: read more slowly", "client", c.from, "host", c.dst.Name)
	}
}

// affords tells whether there is budget to answer c's TLS: a handshake, and a
// leaf where none is at hand.
func (s *Server) affords(c *client) bool {
	by := payer(c.from.Addr())
	switch m, ok := s.Leaves.(interface{ Minted(hosts.Name) bool }); {
	case !s.budgets.handshakes.take(by):
		s.Metrics.shed(ofHandshakes)
	case ok && !m.Minted(c.leaf) && !s.budgets.mints.take(by):
		s.Metrics.shed(ofMints)
	default:
		return true
	}
	return false
}

// affordsBody tells whether there is budget to look into the body of x; done
// gives it back.
func (x *exchange) affordsBody() (done func(), ok bool) {
	s := x.server
	if x.w == nil || !hasBody(x.in) { // nobody is asking, or nothing is there
		return func() {}, true
	}
	by, of := payer(x.client.from.Addr()), ofMemory
	if !s.budgets.memory.isShort() {
		if s.budgets.bodies.takeFor(by) {
			return func() { s.budgets.bodies.give(by) }, true
		}
		of = ofBodies
	}
	s.shed(of, x.client.from)
	return nil, false
}
