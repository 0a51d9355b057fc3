package audit

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tenantgate/tenantgate/setting"
)

// SyslogConfig is what only syslog knows.
type SyslogConfig struct {
	Framing  string `yaml:"framing"`  // octets | lines; empty is octets. Over UDP a datagram is a message
	Facility int    `yaml:"facility"` // 0 is 13, log audit
	Header   string `yaml:"header"`   // rfc5424 | rfc3164 | none; empty is rfc5424
}

// A Syslog sends each event as an RFC 5424 message: over TLS (RFC 5425), TCP
// (RFC 6587) or UDP (RFC 5426).
//
// Syslog has no acknowledgements. A batch counts as taken when it was written
// and the connection is still open; what a receiver that dies has in its
// buffers is lost. Nothing but another protocol mends that.
type Syslog struct {
	name, network, addr string
	tls                 *tls.Config // nil: without
	message             syslogMessage
	lines               bool
	conns               [2]syslogConn // by Kind: batches of either may go at once
}

type syslogConn struct {
	mu   sync.Mutex
	conn net.Conn
	gone chan struct{} // closed when the receiver closed its side
	out  []byte
}

// defaultFacility is log audit (RFC 5424 table 1).
const defaultFacility = 13

func newSyslog(c SinkConfig, o Observer) (Sink, error) {
	render, err1 := renderingOf(c.Format, "ecs", "cef", "leef")
	s := &Syslog{name: c.Name, lines: c.Syslog.Framing == "lines"}
	err2 := s.address(c, o)
	var err3, err4, err5 error
	if !slices.Contains(syslogHeaders, c.Syslog.Header) {
		err5 = setting.Errorf("syslog.header", "write rfc5424, rfc3164 or none", "%q is none of them", c.Syslog.Header)
	}
	if c.Syslog.Framing != "" && c.Syslog.Framing != "octets" && !s.lines {
		err3 = setting.Errorf("syslog.framing", "write octets or lines", "%q is neither", c.Syslog.Framing)
	}
	facility := c.Syslog.Facility
	if facility == 0 {
		facility = defaultFacility
	}
	if facility < 0 || facility > 23 {
		err4 = setting.Errorf("syslog.facility", "write 1 to 23", "%d is not a facility", facility)
	}
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return nil, err
	}
	s.message = syslogMessage{facility: facility, header: c.Syslog.Header, tag: c.Format == "" || c.Format == "ecs", render: render}
	return s, nil
}

// address reads the URL: tls://host:6514, tcp://host:601, udp://host:514.
func (s *Syslog) address(c SinkConfig, o Observer) error {
	u, err := url.Parse(c.URL)
	const hint = "write tls://host, tcp://host or udp://host"
	if err != nil || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" {
		return setting.Errorf("url", hint, "is not the address of a syslog receiver")
	}
	port := map[string]string{"tls": "6514", "tcp": "601", "udp": "514"}[u.Scheme]
	if port == "" {
		return setting.Errorf("url", hint, "%q is not a transport of syslog", u.Scheme)
	}
	if u.Port() != "" {
		port = u.Port()
	}
	s.network, s.addr = "tcp", net.JoinHostPort(u.Hostname(), port)
	switch u.Scheme {
	case "udp":
		s.network = "udp"
	case "tls":
		if s.tls, err = tlsConfig(c.Roots, o); err != nil {
			return err
		}
		s.tls.ServerName = u.Hostname()
	}
	return nil
}

var _ Sink = (*Syslog)(nil)

// Name implements Sink.
func (s *Syslog) Name() string { return s.name }

// Send implements Sink.
func (s *Syslog) Send(ctx context.Context, batch []Line) error {
	c := &s.conns[batch[0].Kind]
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := s.connect(ctx, c); err != nil {
		return err
	}
	c.out = c.out[:0]
	for i, l := range batch {
		message, err := s.message.append(nil, l)
		if err != nil {
			return &Failure{Class: Poison, Index: i, Err: err}
		}
		if s.network == "udp" {
			err = c.datagram(message, i)
		} else {
			c.out = s.frame(c.out, message)
		}
		if err != nil {
			return err
		}
	}
	if len(c.out) == 0 {
		return nil
	}
	deadline, _ := ctx.Deadline()
	_ = c.conn.SetWriteDeadline(deadline)
	if _, err := c.conn.Write(c.out); err != nil {
		return errors.Join(fmt.Errorf("write: %w", err), c.close())
	}
	return nil
}

// frame frames a message: by its length, or by a newline, which JSON, CEF and
// LEEF cannot have inside.
func (s *Syslog) frame(b, message []byte) []byte {
	if s.lines {
		return append(append(b, message...), '\n')
	}
	b = strconv.AppendInt(b, int64(len(message)), 10)
	b = append(b, ' ')
	return append(b, message...)
}

// datagram sends one message. One that does not fit is poison: no second try
// makes it shorter.
func (c *syslogConn) datagram(message []byte, i int) error {
	_, err := c.conn.Write(message)
	if err == nil {
		return nil
	}
	if isTooLong(err) {
		return &Failure{Class: Poison, Index: i, Err: err}
	}
	return errors.Join(fmt.Errorf("write: %w", err), c.close())
}

// connect dials where there is no connection, or the receiver has closed it.
func (s *Syslog) connect(ctx context.Context, c *syslogConn) error {
	if c.conn != nil {
		select {
		case <-c.gone:
			_ = c.close() // it is
		default:
			return nil
		}
	}
	conn, err := (&net.Dialer{KeepAlive: 15 * time.Second}).DialContext(ctx, s.network, s.addr)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	if s.tls != nil {
		secure := tls.Client(conn, s.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			return errors.Join(transportFailure(err), conn.Close())
		}
		conn = secure
	}
	c.conn, c.gone = conn, make(chan struct{})
	if s.network == "udp" {
		return nil
	}
	go watch(conn, c.gone)
	return nil
}

// watch reads until the receiver closes. A receiver says nothing, and if it
// does, nobody listens.
func watch(conn net.Conn, gone chan<- struct{}) {
	defer close(gone)
	var b [256]byte
	for {
		if _, err := conn.Read(b[:]); err != nil {
			return
		}
	}
}

func (c *syslogConn) close() error {
	conn := c.conn
	c.conn = nil
	if conn == nil {
		return nil
	}
	err := conn.Close()
	if _, datagrams := conn.(*net.UDPConn); !datagrams {
		<-c.gone
	}
	return err
}

// Close ends the connections.
func (s *Syslog) Close() error {
	var errs []error
	for i := range s.conns {
		c := &s.conns[i]
		c.mu.Lock()
		errs = append(errs, c.close())
		c.mu.Unlock()
	}
	return errors.Join(errs...)
}
