package proxy

import (
	"net"
	"net/http/httptrace"
	"runtime"
)

// yields bounds how long a connection may take to come to rest.
const yields = 10_000

// settle keeps what an origin sent behind its last answer from being read as
// the answer to the next request. net/http offers a connection for reuse just
// before it looks whether anything follows (transport.go, readLoop): a request
// in between would get the surplus. A connection is at rest once its reader
// waits for more, or has closed it; what does not come to rest is closed, and
// the transport sends the request over another.
func settle(got httptrace.GotConnInfo) {
	if !got.Reused {
		return
	}
	conn := got.Conn
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = t.NetConn()
	}
	c, ok := conn.(*cut)
	if !ok {
		return
	}
	for range yields {
		if c.rests.Load() {
			return
		}
		runtime.Gosched()
	}
	c.Close()
}
