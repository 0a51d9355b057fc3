package proxy_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/demo"
)

// draining starts Shutdown and returns how it ends.
func (r *rig) draining(within time.Duration) <-chan error {
	ended := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), within)
		defer cancel()
		ended <- r.server.Shutdown(ctx)
	}()
	// New clients are refused from the moment the listener is closed.
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		c, err := net.Dial("tcp", r.proxy)
		if err != nil {
			return ended
		}
		c.Close()
	}
	r.t.Fatal("the listener is still open")
	return nil
}

func TestDrainingLetsAnAnswerFinish(t *testing.T) {
	each(t, func(t *testing.T, proto string) {
		rest := make(chan struct{})
		r := newRig(t, at(site(t, proto, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "first, ")
			_ = http.NewResponseController(w).Flush()
			<-rest
			_, _ = io.WriteString(w, "last")
		})))
		resp := r.get(proto, "https://"+restricted+"/")
		ended := r.draining(patience)
		close(rest)
		if got := body(t, resp); got != "first, last" {
			t.Errorf("body %q", got)
		}
		if err := <-ended; err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	})
}

func TestDrainingTellsHTTP2ClientsToGo(t *testing.T) {
	r := newRig(t)
	c := r.tls(restricted, "h2")
	send(t, c, http2.ClientPreface)
	framer := http2.NewFramer(c, c)
	if err := framer.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	r.events.wait(t, func(e audit.Event) bool { return e.Action == "connection-intercepted" })
	settled := false
	var ended <-chan error
	for {
		f, err := framer.ReadFrame()
		if err != nil {
			t.Fatalf("the connection ended without GOAWAY: %v", err)
		}
		if _, ok := f.(*http2.GoAwayFrame); ok {
			break
		}
		if s, ok := f.(*http2.SettingsFrame); ok && s.IsAck() && !settled {
			settled = true
			ended = r.draining(patience)
		}
	}
	if err := <-ended; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

func TestDrainingEndsWhatIsLeftAtItsDeadline(t *testing.T) {
	asked := make(chan struct{})
	tests := []struct {
		name string
		open func(t *testing.T, r *rig) net.Conn
	}{
		{"a tunnel", func(t *testing.T, r *rig) net.Conn {
			c := r.tls(unlisted)
			send(t, c, "GET /slow HTTP/1.1\r\nHost: "+unlisted+"\r\n\r\n")
			answer(t, c, "GET")
			return c
		}},
		{"a tunnel without a hello", func(t *testing.T, r *rig) net.Conn { return r.tunnel(unlisted + ":443") }},
		{"a handshake that stopped", func(t *testing.T, r *rig) net.Conn { return r.tunnel(restricted + ":443") }},
		{"a steered client without a hello", func(t *testing.T, r *rig) net.Conn {
			c := must(net.Dial("tcp", r.steered))(t)
			_ = c.SetDeadline(time.Now().Add(patience))
			return c
		}},
		{"a WebSocket", func(t *testing.T, r *rig) net.Conn { return switched(t, r) }},
		{"a request", func(t *testing.T, r *rig) net.Conn {
			c := r.tls(restricted)
			send(t, c, "GET /slow HTTP/1.1\r\nHost: "+restricted+"\r\n\r\n")
			answer(t, c, "GET")
			return c
		}},
		{"a request in clear", func(t *testing.T, r *rig) net.Conn {
			c := r.dial()
			send(t, c, "GET http://"+unlisted+"/slow?head=never HTTP/1.1\r\nHost: "+unlisted+"\r\n\r\n")
			r.await("the request", func(s []demo.Seen) bool { return len(s) == 1 })
			return c
		}},
		{"a dial that stopped", func(t *testing.T, r *rig) net.Conn {
			c := r.dial()
			send(t, c, "CONNECT stuck.example:443 HTTP/1.1\r\nHost: x\r\n\r\n")
			<-asked
			return c
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, func(s *setup) { s.dialer.Resolver = sometimes{s.cloud, asked} })
			c := tt.open(t, r)
			defer c.Close()
			err := <-r.draining(50 * time.Millisecond)
			early := err == nil && strings.HasPrefix(tt.name, "a steered") // it may not have been accepted yet
			if !errors.Is(err, context.DeadlineExceeded) && !early {
				t.Errorf("Shutdown: %v, want the deadline", err)
			}
			if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("still open")
			}
		})
	}
}

// sometimes is the cloud's resolver, with a name that it never answers for.
type sometimes struct {
	*demo.Cloud
	asked chan<- struct{}
}

func (s sometimes) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	if host == "stuck.example." {
		close(s.asked)
		return stuck{}.LookupNetIP(ctx, network, host)
	}
	return s.Cloud.LookupNetIP(ctx, network, host)
}

func TestTunnelThatDrainingEndedSaysSo(t *testing.T) {
	r := newRig(t, anyBytes, at(scripted(t, func(c net.Conn) { _, _ = io.Copy(c, struct{ io.Reader }{c}) })))
	c := r.tunnel(unlisted + ":443")
	send(t, c, "x")
	_, _ = io.ReadFull(c, make([]byte, 1))
	<-r.draining(50 * time.Millisecond)
	if e := r.events.wait(t, tunnelEnded); e.Close != "shutdown" {
		t.Errorf("close reason %q, want shutdown", e.Close)
	}
}
