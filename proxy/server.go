// Package proxy is the enforcement point: accepts, asks, records, obeys.
//
// admit.go asks once for every connection, forward.go once for every request
// of an intercepted one. Neither decides: package policy does. Neither passes
// anything on before its record is kept.
package proxy

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/hosts"
)

// Recorder keeps events. A Tenant event is durable when Record returns nil; an
// error means that nothing may pass. Record does not keep e.
type Recorder interface {
	Record(e *audit.Event) error
}

// Leaves mints the certificate that an intercepted connection is answered
// with, or refuses to speak for n.
type Leaves interface {
	Leaf(n hosts.Name) (*tls.Certificate, error)
}

// Server is the proxy. Its fields are set before the first Serve and not
// changed afterwards; Use swaps the rules at any time. The zero Server has no
// rules and refuses everything.
type Server struct {
	Leaves   Leaves
	Recorder Recorder
	Metrics  *Metrics     // if nil, nothing is counted
	Log      *slog.Logger // if nil, nothing is logged

	// Transparent is how a firewall brings connections to the steered listener.
	Transparent Transparent

	// SOCKS is whether the explicit proxy speaks SOCKS5 as well.
	SOCKS SOCKS

	// IdleTimeout ends tunnels and intercepted connections on which nothing
	// moves. If zero, 5 minutes.
	IdleTimeout time.Duration
	// HandshakeTimeout bounds the wait for a client's TLS hello and handshake.
	// If zero, 20 seconds.
	HandshakeTimeout time.Duration
	// HeaderTimeout bounds the wait for a whole request header. If zero, 10
	// seconds on the explicit proxy, 30 seconds inside intercepted connections.
	HeaderTimeout time.Duration
	// DrainTimeout bounds the second direction of a tunnel after the first
	// has ended. If zero, 60 seconds.
	DrainTimeout time.Duration

	// Limits is how much of the machine clients may take. The zero Limits are
	// worked out from it.
	Limits Limits

	budgets *budgets
	rush    rush
	doors   struct{ requests, handshakes, answers *door }
	seeking seeking

	rules  atomic.Pointer[Rules]
	once   sync.Once
	front  *http.Server // explicit proxy: CONNECT and absolute-form
	inner  *http.Server // requests of intercepted connections
	tls    *tls.Config  // of intercepted connections, shared so that sessions resume
	mirror mirror       // of what origins speak
	hand   *handover    // finished handshakes on their way to inner
	conns  jobs
	open   openConns
	quiet  openConns       // those that have not said their first byte
	base   context.Context // of all dialling; ends when Shutdown's time is up
	cut    context.CancelFunc
	own    ownAddresses
	closed atomic.Bool

	leaving atomic.Bool // answers say that clients should go on elsewhere
}

// Use makes r the rules of every request from now on. Connections that are
// open obey them from their next request.
func (s *Server) Use(r *Rules) {
	old := s.rules.Swap(r)
	if old == nil {
		return
	}
	if idle, ok := old.HTTP.(interface{ CloseIdleConnections() }); ok {
		idle.CloseIdleConnections()
	}
}

// ServeProxy accepts explicit-proxy clients from l until Shutdown or an error.
// It returns http.ErrServerClosed after Shutdown.
func (s *Server) ServeProxy(l net.Listener) error {
	s.start()
	s.own.add(l.Addr())
	l = s.meter(l)
	if s.SOCKS == Anonymous || s.SOCKS == AnySOCKS {
		return s.serveBoth(l)
	}
	return s.front.Serve(l)
}

// start builds the two HTTP servers once.
func (s *Server) start() {
	s.once.Do(func() {
		s.base, s.cut = context.WithCancel(context.Background())
		s.budgets = s.Limits.budgets()
		s.doors.requests, s.doors.handshakes, s.doors.answers = newDoor(&s.rush), newDoor(&s.rush), newDoor(&s.rush)
		s.hand = newHandover()
		s.tls = s.interceptTLS()
		s.mirror = newMirror(s.tls)
		s.front = s.newFront()
		s.inner = s.newInner()
		s.front.Handler, s.inner.Handler = s.parting(s.front.Handler), s.parting(s.inner.Handler)
		go func() { _ = s.inner.Serve(s.hand) }()
	})
}

// Own makes addr one of the proxy's own addresses, which it never dials.
func (s *Server) Own(addr net.Addr) { s.own.add(addr) }

// Owns tells whether dialling a would reach one of the proxy's own listeners.
func (s *Server) Owns(a netip.AddrPort) bool { return s.own.has(a) }

func (s *Server) log() *slog.Logger {
	if s.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return s.Log
}

func (s *Server) idleTimeout() time.Duration { return orDefault(s.IdleTimeout, 5*time.Minute) }
func (s *Server) handshakeTimeout() time.Duration {
	return orDefault(s.HandshakeTimeout, 20*time.Second)
}
func (s *Server) drainTimeout() time.Duration { return orDefault(s.DrainTimeout, time.Minute) }

func orDefault(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

// ownAddresses are the listeners of this process: dialling one would loop.
type ownAddresses struct {
	mu   sync.Mutex
	list []netip.AddrPort
}

func (o *ownAddresses) add(a net.Addr) {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.list = append(o.list, netip.AddrPortFrom(tcp.AddrPort().Addr().Unmap(), tcp.AddrPort().Port()))
}

// has tells whether dialling a would reach one of our listeners. A listener on
// the unspecified address is reached by every address of this machine, so its
// port alone is enough when a is local.
func (o *ownAddresses) has(a netip.AddrPort) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, own := range o.list {
		if own.Port() != a.Port() {
			continue
		}
		if own.Addr() == a.Addr() || own.Addr().IsUnspecified() && local(a.Addr()) {
			return true
		}
	}
	return false
}

func local(a netip.Addr) bool {
	if a.IsLoopback() || a.IsUnspecified() {
		return true
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return true // cannot tell: refuse
	}
	for _, x := range addrs {
		if n, ok := x.(*net.IPNet); ok {
			if ip, ok := netip.AddrFromSlice(n.IP); ok && ip.Unmap() == a {
				return true
			}
		}
	}
	return false
}
