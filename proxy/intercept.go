package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/peer"
	"github.com/tenantgate/tenantgate/policy"
)

// Limits of the HTTP inside intercepted connections. Headers are limited below
// what Microsoft's front ends take, so that nothing is cut off behind us.
const (
	innerHeaderTimeout = 30 * time.Second
	innerHeaderBytes   = 60 << 10 // net/http allows 4 KiB more
	innerStreams       = 250
	innerFrame         = 16 << 10 // net/http allows 1 MiB, all of which is there before any of it is read
)

// intercept answers the client's TLS with a leaf of ours and hands the
// connection to the inner HTTP server, which calls forward for each request.
func (s *Server) intercept(ctx context.Context, rules *Rules, c *client, v policy.Verdict) error {
	if s.Leaves == nil {
		return s.refuse(c, rules, policy.Verdict{Reason: policy.OutsideCA})
	}
	if !s.affords(c) {
		return s.refuse(c, rules, overloaded)
	}
	turns := &paced{Conn: c.Conn, door: s.doors.handshakes, of: payer(c.from.Addr())}
	turns.begin()
	defer turns.rest()
	if _, err := s.Leaves.Leaf(c.leaf); err != nil {
		s.log().Error("mint leaf", "host", c.leaf, "err", err)
		return errors.Join(err, s.refuse(c, rules, policy.Verdict{Reason: policy.OutsideCA}))
	}
	if err := c.way.accept(c.Conn); err != nil {
		c.Close()
		return err
	}
	last := &lastWords{Conn: turns}
	c.Conn = last
	tc := tls.Server(c, s.tls)
	ctx, cancel := context.WithTimeout(ctx, s.handshakeTimeout())
	defer cancel()
	if err := tc.HandshakeContext(ctx); err != nil {
		c.Close()
		return s.handshakeFailed(c, rules, handshakeFault(err, last), err)
	}
	turns.rest()
	c.Conn, c.hello = &patient{Conn: turns.Conn}, nil
	if tc.ConnectionState().NegotiatedProtocol == "h2" {
		c.framed = newFramed(c.Conn, func() { s.slowed(c) })
		c.Conn = c.framed
	}
	s.Metrics.handshake(true)
	s.Metrics.connection(v)
	e := s.connEvent(c, rules, v)
	e.TLSVersion = tls.VersionName(tc.ConnectionState().Version)
	err := s.Recorder.Record(e)
	if !s.hand.push(tc) {
		s.late(tc)
	}
	return err
}

// handshakeFailed records that the client did not accept our certificate or
// our TLS: that is how an administrator finds applications that pin.
func (s *Server) handshakeFailed(c *client, rules *Rules, fault string, err error) error {
	s.Metrics.handshake(false)
	e := s.connEvent(c, rules, policy.Verdict{Action: policy.Intercept, Reason: policy.ClientTLSFailed})
	e.Close, e.ClientHello = fault, ja4(c.hello)
	return errors.Join(fmt.Errorf("handshake with client: %w", err), s.Recorder.Record(e))
}

// handshakeFault is the client's alert in crypto/tls's words, or how else it
// ended. The type of an alert that came is not exported; its OpError is known.
func handshakeFault(err error, last *lastWords) string {
	var remote *net.OpError
	alert, ok := last.alert()
	switch {
	case ok:
		return alert
	case errors.As(err, &remote) && remote.Op == "remote error":
		return remote.Err.Error()
	case errors.Is(err, io.EOF):
		return "client closed"
	case errors.Is(err, syscall.ECONNRESET):
		return "reset"
	case errors.Is(err, context.DeadlineExceeded):
		return "timed out"
	default:
		return "refused"
	}
}

// interceptTLS is the one configuration of all intercepted connections: a
// shared one is what lets sessions resume.
func (s *Server) interceptTLS() *tls.Config {
	return &tls.Config{
		MinVersion:   tls.VersionTLS12,
		CipherSuites: peer.Suites,
		NextProtos:   []string{"h2", "http/1.1"},
		GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			c := h.Conn.(*client)
			c.hello = h
			return s.mirror.offer(c.dst, h.SupportedProtos), nil // nil is this one
		},
		GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return s.Leaves.Leaf(h.Conn.(*client).leaf)
		},
	}
}

// newInner builds the HTTP server of intercepted connections: HTTP is the
// standard library's business, h1 and h2.
func (s *Server) newInner() *http.Server {
	both := http1()
	both.SetHTTP2(true)
	return &http.Server{
		Handler:                      early(http.HandlerFunc(s.forward)),
		Protocols:                    both,
		DisableGeneralOptionsHandler: true, // OPTIONS * belongs to the origin
		ReadHeaderTimeout:            orDefault(s.HeaderTimeout, innerHeaderTimeout),
		IdleTimeout:                  s.idleTimeout(),
		MaxHeaderBytes:               innerHeaderBytes,
		HTTP2:                        &http.HTTP2Config{MaxConcurrentStreams: innerStreams, MaxReadFrameSize: innerFrame, WriteByteTimeout: s.unreadFor() + writeSlow},
		ErrorLog:                     s.httpLog("inner"),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, clientKey{}, c.(*tls.Conn).NetConn().(*client))
		},
	}
}

// clientKey is the one context value: the connection that a request came on.
type clientKey struct{}

func clientOf(r *http.Request) *client { return r.Context().Value(clientKey{}).(*client) }

// handover is the net.Listener through which finished handshakes reach the
// inner server.
type handover struct {
	ready chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newHandover() *handover {
	return &handover{ready: make(chan net.Conn), done: make(chan struct{})}
}

// push gives c to the inner server; false after Close.
func (h *handover) push(c net.Conn) bool {
	select {
	case h.ready <- c:
		return true
	case <-h.done:
		return false
	}
}

// Accept implements net.Listener.
func (h *handover) Accept() (net.Conn, error) {
	select {
	case c := <-h.ready:
		return c, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *handover) Close() error {
	h.once.Do(func() { close(h.done) })
	return nil
}

// Addr implements net.Listener.
func (h *handover) Addr() net.Addr { return &net.TCPAddr{} }

var _ net.Listener = (*handover)(nil)
var _ Recorder = (*audit.Log)(nil)
