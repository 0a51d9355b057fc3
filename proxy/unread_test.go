package proxy_test

import (
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// endless is an origin whose answers do not end.
func endless(t *testing.T, proto string) func(*setup) {
	return at(site(t, proto, func(w http.ResponseWriter, _ *http.Request) {
		for block := make([]byte, 64<<10); ; {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	}))
}

// unreadable asks for an answer and reads nothing of it. Over HTTP/2 it is a
// stream that has no window, or a connection that takes no more bytes: not even
// a reset.
func unreadable(r *rig, way string) io.Closer {
	r.t.Helper()
	if way == "h1" {
		c := r.tls(restricted)
		send(r.t, c, "GET /status/200 HTTP/1.1\r\nHost: "+restricted+"\r\n\r\n")
		return c
	}
	c := r.tls(restricted, "h2")
	send(r.t, c, http2.ClientPreface)
	f := &flooder{Framer: http2.NewFramer(c, nil), host: restricted, path: "/status/200"}
	f.enc = hpack.NewEncoder(&f.buf)
	window := map[string]uint32{"no window": 0, "no bytes": 1 << 30}[way]
	f.err = errors.Join(f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: window}), f.WriteWindowUpdate(0, 1<<30))
	f.head(1, true)
	if f.err != nil {
		r.t.Fatal(f.err)
	}
	return c
}

var waysNotToRead = []string{"h1", "no window", "no bytes"}

func TestWhoDoesNotReadIsNotServedForEver(t *testing.T) {
	for _, way := range waysNotToRead {
		for _, origin := range []string{"h1", "h2"} {
			t.Run(way+" from "+origin, func(t *testing.T) {
				r := newRig(t, endless(t, origin), func(s *setup) { s.server.IdleTimeout = 300 * time.Millisecond })
				unreadable(r, way)
				if e := r.events.wait(t, isAccess("/status/200")); e.Close != "client does not read" {
					t.Errorf("close reason %q", e.Close)
				}
				r.until("it is counted no longer", func() bool { return r.server.UnderWay() == 0 })
			})
		}
	}
}
