package proxy

import (
	"errors"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// errCut is how a TLS connection ends that the other side did not end.
var errCut = errors.New("TLS ended without close_notify")

// Types of the first record that a server sends (RFC 8446, 5.1).
const (
	recordAlert = 21
	recordShake = 22
)

// A cut tells the end of a TLS connection from its being cut: crypto/tls reads
// no further behind close_notify, so whatever end it reads came without. It
// takes such an end between two records for the end all the same, since many
// servers omit the alert, and an answer without a length would pass for whole.
type cut struct {
	net.Conn
	begun, tls bool

	rests  atomic.Bool                   // its reader waits, or it is closed; see settle
	waits  atomic.Pointer[chan struct{}] // whoever waits for that
	shared atomic.Bool                   // by requests of HTTP/2, which frames keep apart

	bulk bulk
	out  gather // of what shares it
}

func (c *cut) Read(b []byte) (int, error) {
	c.rest()
	n, err := c.Conn.Read(b)
	c.rests.Store(err != nil)
	c.bulk.read(n)
	if n > 0 && !c.begun {
		c.begun, c.tls = true, b[0] == recordShake || b[0] == recordAlert
	}
	if n == 0 && c.tls && errors.Is(err, io.EOF) {
		err = errCut
	}
	return n, err
}

// Write implements net.Conn.
func (c *cut) Write(b []byte) (int, error) {
	if c.shared.Load() {
		return c.out.write(c.Conn, b)
	}
	return c.Conn.Write(b)
}

// SetWriteDeadline implements net.Conn. A deadline that has passed is how
// crypto/tls ends a connection: what was written before goes before it.
func (c *cut) SetWriteDeadline(t time.Time) error {
	if c.shared.Load() && !t.After(time.Now()) {
		c.out.finish()
	}
	return c.Conn.SetWriteDeadline(t)
}

// Close implements net.Conn.
func (c *cut) Close() error {
	defer c.rest()
	return c.Conn.Close()
}
