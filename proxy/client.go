package proxy

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/policy"
)

// client is a connection that has arrived, whatever way it came. After admit
// nobody asks how.
type client struct {
	net.Conn
	from netip.AddrPort
	dst  hosts.Authority // where it wants to go; the one truth for policy, dialling, leaf, tags and events
	way  way

	// meant is where the client of a diverted connection wanted to go by its
	// own account; not valid on other ways in. It is evidence, and is never dialled.
	meant netip.AddrPort

	agent string // User-Agent of the CONNECT: who dials, where TLS does not come to pass

	mirrored atomic.Bool // the mirror has learnt from this connection

	// hello is what the client said in TLS, until its handshake is done.
	hello *tls.ClientHelloInfo

	// leaf is the name that the client is answered for in TLS: dst.Name, or
	// what its hello named where that was another restricted host.
	leaf hosts.Name
	// fronted is set where hello and destination name different hosts: every
	// request on the connection is then for another host than its connection.
	fronted bool
	// port is that of the steered listener, which a client may write beside its
	// name; 0 on other ways in.
	port uint16
	// entra is set where an unlisted name leads to Entra's sign-in service: it
	// is tagged as the sign-in host it is.
	entra bool

	standing atomic.Pointer[standing]
	framed   *framed // once intercepted, where it speaks HTTP/2
}

// serves tells whether a request for a belongs on this connection.
func (c *client) serves(a hosts.Authority) bool {
	if c.port != 0 && a.Port == c.port {
		a.Port = c.dst.Port
	}
	return a == c.dst && !c.fronted
}

// way is how a client is answered before any TLS: by HTTP on a CONNECT, by
// nothing at all on a steered connection.
type way interface {
	// accept tells the client that its connection is open.
	accept(c net.Conn) error
	// refuse tells the client why it is not. It does not close c.
	refuse(c net.Conn, r refusal)
}

// connectWay answers a CONNECT request.
type connectWay struct{ proto string }

func (w connectWay) accept(c net.Conn) error {
	_, err := io.WriteString(c, w.proto+" 200 Connection established\r\n\r\n")
	return err
}

func (w connectWay) refuse(c net.Conn, r refusal) {
	_ = c.SetWriteDeadline(time.Now().Add(5 * time.Second))
	_ = r.response(nil).Write(c)
}

// refuse records v and tells the client.
func (s *Server) refuse(c *client, rules *Rules, v policy.Verdict) error {
	e := s.connEvent(c, rules, v)
	id := e.ID
	err := s.record(e)
	s.Metrics.connection(v)
	c.way.refuse(c.Conn, refusal{Reason: v.Reason, Event: id, Host: c.dst.Host()})
	return errors.Join(err, s.linger(c))
}

// linger closes c after the refusal had a chance to be read: closing with
// unread bytes in the socket would reset the connection under it.
func (s *Server) linger(c *client) error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		_ = c.SetReadDeadline(time.Now().Add(2 * time.Second))
		_, _ = io.CopyN(io.Discard, c.Conn, 64<<10)
	}
	return c.Close()
}

// replay is a connection whose first bytes were read already.
type replay struct {
	net.Conn
	first []byte
}

func (r *replay) Read(b []byte) (int, error) {
	if len(r.first) == 0 {
		return r.Conn.Read(b)
	}
	n := copy(b, r.first)
	r.first = r.first[n:]
	if len(r.first) == 0 {
		r.first = nil
	}
	return n, nil
}

// CloseWrite passes a half close on to connections that have one.
func (r *replay) CloseWrite() error {
	if half, ok := r.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return r.Conn.Close()
}

// unread returns the connection below and the bytes of it that were read
// already, in order.
func unread(c net.Conn) (net.Conn, []byte) {
	switch r := c.(type) {
	case *replay:
		below, before := unread(r.Conn)
		return below, append(bytes.Clone(r.first), before...)
	case *metered:
		return unread(r.Conn)
	case *balanced:
		return r.Conn, r.first
	default:
		return c, nil
	}
}

// Errors of peekHello.
var (
	errNotTLS   = errors.New("first bytes are not TLS")
	errBadHello = errors.New("TLS hello cannot be read")
	errSilent   = errors.New("nothing was said in time")
	errSeen     = errors.New("seen enough")
)

// maxHello bounds what is read in search of a whole ClientHello, in bytes.
const maxHello = 16<<10 + 512

// peekHello reads the ClientHello of c without consuming it: c is replaced by
// a connection that reads it again. It returns the server name, which is empty
// if the hello names none. crypto/tls does the parsing, so that what is read
// here is what the interceptor would read.
func peekHello(c *client, wait time.Duration) (string, error) {
	_ = c.SetReadDeadline(time.Now().Add(wait))
	tee := &teeConn{Conn: c.Conn}
	var name string
	err := tls.Server(tee, &tls.Config{
		GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			name = h.ServerName
			return nil, errSeen
		},
	}).Handshake()
	_ = c.SetReadDeadline(time.Time{})
	c.Conn = &replay{Conn: c.Conn, first: tee.seen}
	switch {
	case errors.Is(err, errSeen):
		return name, nil
	case len(tee.seen) == 0 && errors.Is(err, os.ErrDeadlineExceeded):
		return "", errSilent
	case len(tee.seen) == 0:
		return "", io.EOF
	case tee.seen[0] != handshakeRecord:
		return "", errNotTLS
	default:
		return "", errBadHello
	}
}

// handshakeRecord is the first byte of a hello (ContentType, RFC 8446, 5.1).
const handshakeRecord = 22

// teeConn keeps what is read and writes nothing. It stops at a first byte that
// no hello has, rather than wait for a whole record of something else.
type teeConn struct {
	net.Conn
	seen []byte
}

func (t *teeConn) Read(b []byte) (int, error) {
	if len(t.seen) >= maxHello {
		return 0, errBadHello
	}
	n, err := t.Conn.Read(b[:min(len(b), maxHello-len(t.seen))])
	t.seen = append(t.seen, b[:n]...)
	if len(t.seen) > 0 && t.seen[0] != handshakeRecord {
		return 0, errNotTLS
	}
	return n, err
}

func (t *teeConn) Write(b []byte) (int, error) { return len(b), nil }
