package demo

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
)

// maxKept bounds the bytes kept of one connection.
const maxKept = 4 << 20

// listener hands out connections that keep what they read. TLS is shaken
// hands on the first Read, so one slow client does not hold up Accept.
type listener struct {
	net.Listener
	cloud *Cloud
	tls   *tls.Config // nil: plain
}

func (l *listener) Accept() (net.Conn, error) {
	raw, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: raw, cloud: l.cloud}
	if l.tls != nil {
		c.secure = tls.Server(raw, l.tls)
		c.Conn = c.secure
	}
	if l.cloud.keep.Load() {
		c.kept = l.cloud.recorder.connection()
	}
	l.cloud.open.Store(c, nil)
	return c, nil
}

// conn is a connection after decryption. It must not offer ConnectionState, or
// net/http takes it for TLS and never looks for the HTTP/2 preface.
type conn struct {
	net.Conn
	secure *tls.Conn // nil: plain
	cloud  *Cloud
	kept   *[]byte // nil: bytes are not kept; guarded by the recorder
}

func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.kept != nil && n > 0 {
		c.cloud.recorder.keep(c.kept, p[:n])
	}
	return n, err
}

func (c *conn) Close() error {
	c.cloud.open.Delete(c)
	return c.Conn.Close()
}

// CloseWrite is what net/http calls before it closes on a client that is still
// sending, so that the answer is not lost to a reset.
func (c *conn) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return nil
	}
	return half.CloseWrite()
}

// agreed returns the server name and protocol of the TLS handshake.
func (c *conn) agreed() (serverName, alpn string) {
	if c == nil || c.secure == nil {
		return "", ""
	}
	state := c.secure.ConnectionState()
	return state.ServerName, state.NegotiatedProtocol
}

type connKey struct{}

func rememberConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

func connOf(r *http.Request) *conn {
	c, _ := r.Context().Value(connKey{}).(*conn)
	return c
}
