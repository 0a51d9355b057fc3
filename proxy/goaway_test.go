package proxy_test

import (
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"
)

// leaves is an origin that ends each HTTP/2 connection in good order once it
// was asked something, and counts them.
func leaves(conns *atomic.Int64) func(net.Conn) {
	return func(c net.Conn) {
		conns.Add(1)
		if _, err := io.ReadFull(c, make([]byte, len(http2.ClientPreface))); err != nil {
			return
		}
		f := http2.NewFramer(c, c)
		_ = f.WriteSettings()
		for {
			frame, err := f.ReadFrame()
			if err != nil {
				return
			}
			if _, asked := frame.(*http2.HeadersFrame); asked {
				_ = f.WriteGoAway(0, http2.ErrCodeNo, nil)
				return
			}
		}
	}
}

func TestOriginThatLeavesBeforeEachAnswerIsAskedFewTimes(t *testing.T) {
	each(t, func(t *testing.T, proto string) {
		var conns atomic.Int64
		r := newRig(t, at(scripted(t, leaves(&conns), "h2")))
		resp := r.get(proto, "https://"+restricted+"/v1.0/me")
		if resp.StatusCode != http.StatusBadGateway {
			t.Errorf("status %d, want 502", resp.StatusCode)
		}
		if n := conns.Load(); n < 2 || n > 5 {
			t.Errorf("%d connections", n)
		}
	})
}
