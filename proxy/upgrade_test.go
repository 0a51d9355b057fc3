package proxy_test

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/policy"
)

// The example of RFC 6455, 1.3.
const (
	upgrade = "GET /ws HTTP/1.1\r\nHost: " + restricted + "\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
	switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
	hello     = "\x81\x85\x00\x00\x00\x00hello" // a masked text frame
)

// switched opens a WebSocket to an origin that does serve behind its 101.
func switched(t *testing.T, r *rig) net.Conn {
	t.Helper()
	c := r.tls(restricted)
	send(t, c, upgrade)
	if resp := answer(t, c, "GET"); resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%s, want 101", resp.Status)
	}
	return c
}

// afterSwitch is an origin that answers the upgrade and then does serve.
func afterSwitch(t *testing.T, serve func(c *tls.Conn)) func(*setup) {
	return at(scripted(t, func(c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReaderSize(single{c}, 1)); err != nil {
			return
		}
		_, _ = io.WriteString(c, switching)
		serve(c.(*tls.Conn))
	}, "http/1.1"))
}

func TestWebSocketEchoes(t *testing.T) {
	r := newRig(t)
	c := r.tls(restricted)
	send(t, c, upgrade+hello) // the first frame in the segment of the upgrade
	if resp := answer(t, c, "GET"); resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("%s, want 101", resp.Status)
	}
	for i := range 3 {
		got := make([]byte, 7)
		if _, err := io.ReadFull(c, got); err != nil || string(got) != "\x81\x05hello" {
			t.Fatalf("frame %d: %q, %v", i, got, err)
		}
		send(t, c, hello)
	}
	c.Close()
	if e := r.events.wait(t, isAccess("/ws")); e.Status != 101 || e.BytesIn < 33 || e.BytesOut < 21 {
		t.Errorf("event: %d, %d up, %d down", e.Status, e.BytesIn, e.BytesOut)
	}
}

func TestFirstFrameOfTheOriginMayComeWithIts101(t *testing.T) {
	r := newRig(t, at(scripted(t, func(c net.Conn) {
		_, _ = http.ReadRequest(bufio.NewReader(c))
		_, _ = io.WriteString(c, switching+"\x81\x05hello")
		_, _ = io.Copy(io.Discard, c)
	}, "http/1.1")))
	got := make([]byte, 7)
	if _, err := io.ReadFull(switched(t, r), got); err != nil || string(got) != "\x81\x05hello" {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestOnlyAValid101BecomesAPipe(t *testing.T) {
	tests := []struct{ name, request, origin string }{
		{"another protocol", upgrade, strings.Replace(switching, "websocket", "h2c", 1)},
		{"two protocols", upgrade, strings.Replace(switching, "Upgrade: websocket", "Upgrade: websocket\r\nUpgrade: h2c", 1)},
		{"a wrong key", upgrade, strings.Replace(switching, "s3pP", "AAAA", 1)},
		{"no key", upgrade, strings.Replace(switching, "Sec-WebSocket-Accept", "X-Accept", 1)},
		{"no Connection", upgrade, strings.Replace(switching, "Connection: Upgrade\r\n", "", 1)},
		{"nobody asked", "GET /ws HTTP/1.1\r\nHost: " + restricted + "\r\n\r\n", switching},
		{"asked for h2c", "GET /ws HTTP/1.1\r\nHost: " + restricted + "\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
			strings.Replace(switching, "websocket", "h2c", 1)},
		{"asked with POST", strings.Replace(upgrade, "GET", "POST", 1), switching},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, at(scripted(t, func(c net.Conn) {
				_, _ = http.ReadRequest(bufio.NewReader(c))
				_, _ = io.WriteString(c, tt.origin+"blind bytes")
				_, _ = io.Copy(io.Discard, c)
			}, "http/1.1")))
			resp := r.raw(restricted, tt.request)
			if resp.StatusCode != http.StatusBadGateway || resp.Header.Get("Tenantgate-Reason") != string(policy.OriginUnreachable) {
				t.Errorf("%s %q, want 502", resp.Status, resp.Header.Get("Tenantgate-Reason"))
			}
			if got := body(t, resp); strings.Contains(got, "blind") {
				t.Errorf("body %q", got)
			}
		})
	}
}

func TestRefusedUpgradeIsAnOrdinaryAnswer(t *testing.T) {
	r := newRig(t)
	resp := r.raw(restricted, strings.Replace(upgrade, "/ws", "/status/404", 1))
	if got := body(t, resp); resp.StatusCode != 404 || got != "404\n" {
		t.Errorf("%s %q, want the origin's 404", resp.Status, got)
	}
}

func TestWebSocketPassesAHalfCloseOn(t *testing.T) {
	t.Run("the client's", func(t *testing.T) {
		r := newRig(t, afterSwitch(t, func(c *tls.Conn) {
			b, _ := io.ReadAll(c)
			_, _ = c.Write(append([]byte("late:"), b...))
		}))
		c := switched(t, r).(*tls.Conn)
		send(t, c, "question")
		_ = c.CloseWrite()
		if got, err := io.ReadAll(c); string(got) != "late:question" {
			t.Errorf("client read %q, %v", got, err)
		}
	})
	t.Run("the origin's", func(t *testing.T) {
		got := make(chan string, 1)
		r := newRig(t, afterSwitch(t, func(c *tls.Conn) {
			_, _ = c.Write([]byte("last words"))
			_ = c.CloseWrite()
			b, _ := io.ReadAll(c)
			got <- string(b)
		}))
		c := switched(t, r)
		if b, err := io.ReadAll(c); string(b) != "last words" {
			t.Errorf("client read %q, %v", b, err)
		}
		send(t, c, "late")
		c.Close()
		if b := <-got; b != "late" {
			t.Errorf("origin read %q after its own end", b)
		}
	})
}

func TestIdleWebSocketIsClosed(t *testing.T) {
	r := newRig(t, func(s *setup) { s.server.IdleTimeout = 100 * time.Millisecond })
	if _, err := io.Copy(io.Discard, switched(t, r)); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("still open")
	}
}
