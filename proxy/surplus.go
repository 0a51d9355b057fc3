package proxy

import (
	"crypto/tls"
	"net/http/httptrace"
	"time"
)

// atRest bounds how long a connection may take to come to rest.
const atRest = 5 * time.Second

// settle keeps what an origin sent behind its last answer from being read as
// the answer to the next request. net/http offers a connection for reuse just
// before it looks whether anything follows (transport.go, readLoop): a request
// in between would get the surplus. A connection of HTTP/1.1 is at rest once
// its reader waits for more, or has closed it; what does not come to rest is
// closed, and the transport sends the request over another.
func settle(got httptrace.GotConnInfo) {
	if !got.Reused {
		return
	}
	t, ok := got.Conn.(*tls.Conn)
	if !ok {
		if c, ok := got.Conn.(*cut); ok {
			c.settle()
		}
		return
	}
	c, ok := t.NetConn().(*cut)
	if !ok || c.rests.Load() || c.shared.Load() {
		return
	}
	if t.ConnectionState().NegotiatedProtocol == "h2" {
		c.shared.Store(true)
		return
	}
	c.settle()
}

// settle waits until c rests, and closes it if it does not.
func (c *cut) settle() {
	came := make(chan struct{}, 1)
	c.waits.Store(&came)
	defer c.waits.Store(nil)
	if c.rests.Load() {
		return
	}
	late := time.NewTimer(atRest)
	defer late.Stop()
	select {
	case <-came:
	case <-late.C:
		c.Close()
	}
}

// rest tells whoever waits for it that the reader does.
func (c *cut) rest() {
	c.rests.Store(true)
	if came := c.waits.Load(); came != nil {
		select {
		case *came <- struct{}{}:
		default:
		}
	}
}
