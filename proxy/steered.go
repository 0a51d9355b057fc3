package proxy

import (
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/policy"
)

// ServeSteered accepts TLS that arrived by DNS steering or by a firewall's rule
// and routes it by the server name of its hello. No name, or a hello that
// cannot be read, is closed. It returns http.ErrServerClosed after Shutdown.
func (s *Server) ServeSteered(l net.Listener) error {
	s.start()
	s.own.add(l.Addr())
	s.front.RegisterOnShutdown(func() { l.Close() })
	if s.closed.Load() { // Shutdown was sooner, and calls nobody who comes later
		l.Close()
		return http.ErrServerClosed
	}
	metered := s.meter(l) // under a name of its own: Shutdown may be reading l
	for {
		conn, err := metered.Accept()
		switch {
		case s.closed.Load():
			if err == nil {
				conn.Close() // accepted a moment too late
			}
			return http.ErrServerClosed
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil:
			s.log().Warn("accept steered connection", "err", err)
			<-time.After(50 * time.Millisecond) // out of descriptors: let some go
			continue
		}
		s.conns.Go(func() { s.steer(conn) })
	}
}

func (s *Server) steer(conn net.Conn) {
	defer s.hold(conn)()
	c := &client{Conn: conn, from: addrPort(conn.RemoteAddr()), way: silent{}, port: addrPort(conn.LocalAddr()).Port(), meant: s.meant(conn)}
	defer s.survive(c)
	if loops(c) {
		s.turnAway(c, policy.ProxyLoop)
		return
	}
	s.route(c)
}

// route goes by the name in the hello of c.
func (s *Server) route(c *client) {
	sni, err := peekHello(c, s.handshakeTimeout())
	if err == nil && sni == "" {
		err = errBadHello
	}
	var name hosts.Name
	if err == nil {
		name, err = hosts.Parse(sni)
	}
	if err != nil {
		reason := policy.MalformedHello
		if errors.Is(err, errNotTLS) {
			reason = policy.NotTLS
		}
		s.turnAway(c, reason)
		return
	}
	c.dst = hosts.Authority{Name: name, Port: 443}
	if c.meant.IsValid() {
		c.dst.Port, c.port = c.meant.Port(), c.meant.Port()
	}
	s.admit(c)
}

// turnAway refuses a steered connection whose destination is not known.
func (s *Server) turnAway(c *client, reason policy.Reason) {
	if rules := s.rules.Load(); rules != nil {
		_ = s.refuse(c, rules, policy.Verdict{Reason: reason})
		return
	}
	c.Close()
}
