package proxy_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"testing"
)

// agreed is the protocol that a client gets which would take both, or what is
// known to it.
func (r *rig) agreed(t *testing.T, host string, known ...string) string {
	t.Helper()
	if len(known) == 0 {
		known = []string{"h2", "http/1.1"}
	}
	c := r.tls(host, known...)
	defer c.Close()
	return c.ConnectionState().NegotiatedProtocol
}

// A client is not offered HTTP/2 where its origin has none, once that is known.
func TestAClientIsOfferedWhatItsOriginSpeaks(t *testing.T) {
	hello := func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }
	for _, tt := range []struct{ origin, first, then string }{{"h1", "h2", "http/1.1"}, {"h2", "h2", "h2"}} {
		t.Run(tt.origin, func(t *testing.T) {
			r := newRig(t, at(site(t, tt.origin, hello)))
			if got := r.agreed(t, restricted); got != tt.first {
				t.Errorf("before anything is known: %s, want %s", got, tt.first)
			}
			if resp := r.get("h2", "https://"+restricted+"/"); body(t, resp) != "hello" {
				t.Errorf("%s: not translated", resp.Status)
			}
			if got := r.agreed(t, restricted); got != tt.then {
				t.Errorf("afterwards: %s, want %s", got, tt.then)
			}
			if got := r.agreed(t, restricted, "h2"); got != "h2" {
				t.Errorf("a client of HTTP/2 alone: %s, want h2", got)
			}
			if got := r.agreed(t, signIn); got != "h2" {
				t.Errorf("another host: %s, want h2", got)
			}
		})
	}
}

// A WebSocket goes over HTTP/1.1 whatever its origin speaks.
func TestAWebSocketSaysNothingOfWhatItsOriginSpeaks(t *testing.T) {
	r := newRig(t)
	before := r.agreed(t, restricted)
	r.raw(restricted, "GET /nothing HTTP/1.1\r\nHost: "+restricted+"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
	if after := r.agreed(t, restricted); before != "h2" || after != "h2" {
		t.Errorf("%s, and then %s", before, after)
	}
}

// Sessions resume on what a client is offered.
func TestAClientResumesWhatItWasOffered(t *testing.T) {
	r := newRig(t, at(site(t, "h1", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })))
	cache := tls.NewLRUClientSessionCache(1)
	for i := range 3 {
		c := r.shake(r.tunnel(restricted+":443"), &tls.Config{ServerName: restricted, NextProtos: []string{"http/1.1"}, ClientSessionCache: cache})
		send(t, c, "GET / HTTP/1.1\r\nHost: "+restricted+"\r\nConnection: close\r\n\r\n")
		if text := body(t, answer(t, c, http.MethodGet)); text != "hello" {
			t.Errorf("%q", text)
		}
		if i == 2 && !c.ConnectionState().DidResume {
			t.Error("the third connection does not resume the second")
		}
		c.Close()
	}
}
