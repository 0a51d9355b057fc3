package proxy_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/proxy"
)

// anyBytes lets tunnels carry what is not TLS.
func anyBytes(s *setup) { s.policy.NotTLS = "tunnel" }

func tunnelEnded(e audit.Event) bool { return e.Action == "connection-tunnelled" && e.Close != "" }

func TestHelloInTheSegmentOfItsConnectIsNotLost(t *testing.T) {
	for _, host := range []string{unlisted, restricted} {
		t.Run(host, func(t *testing.T) {
			r := newRig(t)
			c := &pipelined{Conn: r.dial(), head: "CONNECT " + host + ":443 HTTP/1.1\r\nHost: " + host + ":443\r\n\r\n"}
			tc := r.shake(c, &tls.Config{ServerName: host})
			send(t, tc, "GET /status/200 HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
			if got := answer(t, tc, "GET").StatusCode; got != 200 {
				t.Errorf("status %d, want 200", got)
			}
		})
	}
}

// pipelined sends the CONNECT together with the first write, and skips its answer.
type pipelined struct {
	net.Conn
	head   string
	parsed bool
}

func (p *pipelined) Write(b []byte) (int, error) {
	if p.head != "" {
		b, p.head = append([]byte(p.head), b...), ""
		_, err := p.Conn.Write(b)
		return len(b), err
	}
	return p.Conn.Write(b)
}

func (p *pipelined) Read(b []byte) (int, error) {
	for tail := ""; !p.parsed; p.parsed = strings.HasSuffix(tail, "\r\n\r\n") {
		var one [1]byte
		if _, err := io.ReadFull(p.Conn, one[:]); err != nil {
			return 0, err
		}
		tail += string(one[:])
	}
	return p.Conn.Read(b)
}

func TestTunnelShowsTheOriginsOwnCertificate(t *testing.T) {
	r := newRig(t)
	c := r.tls(unlisted)
	if issuer := c.ConnectionState().PeerCertificates[0].Issuer.CommonName; issuer == r.ca.Subject.CommonName {
		t.Errorf("certificate by %q", issuer)
	}
}

func TestDeadOriginIsToldBeforeTheTunnelOpens(t *testing.T) {
	tests := []struct {
		name   string
		target string
		err    error
		want   int
		reason policy.Reason
	}{
		{"refused", unlisted, syscall.ECONNREFUSED, 502, policy.OriginUnreachable},
		{"timed out", unlisted, context.DeadlineExceeded, 504, policy.OriginTimeout},
		{"no such name", "no-such-host.invalid", nil, 502, policy.OriginUnreachable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, func(s *setup) {
				s.dialer.Connect = func(context.Context, netip.AddrPort) (net.Conn, error) {
					return nil, &net.OpError{Op: "dial", Err: tt.err}
				}
			})
			_, resp := r.connect(tt.target + ":443")
			if resp.StatusCode != tt.want || resp.Header.Get("Tenantgate-Reason") != string(tt.reason) {
				t.Errorf("CONNECT: %d %s, want %d %s", resp.StatusCode, resp.Header.Get("Tenantgate-Reason"), tt.want, tt.reason)
			}
		})
	}
}

func TestTunnelPassesAHalfCloseOnInEitherDirection(t *testing.T) {
	for _, first := range []string{"client", "origin"} {
		t.Run(first, func(t *testing.T) {
			r := newRig(t, anyBytes, at(scripted(t, func(c net.Conn) {
				tcp := c.(*net.TCPConn)
				if first == "client" {
					b, _ := io.ReadAll(c) // ends with the client's FIN
					_, _ = c.Write(append([]byte("late:"), b...))
					return
				}
				_, _ = c.Write([]byte("late:"))
				_ = tcp.CloseWrite()
				b, _ := io.ReadAll(c)
				if string(b) != "question" {
					t.Errorf("origin read %q after its own FIN", b)
				}
			})))
			c := r.tunnel(unlisted + ":443")
			send(t, c, "question")
			want := "late:"
			if first == "client" {
				_ = c.(*net.TCPConn).CloseWrite()
				want = "late:question"
			}
			if got, err := io.ReadAll(c); string(got) != want || err != nil {
				t.Errorf("client read %q, %v; want %q", got, err, want)
			}
			c.Close()
			e := r.events.wait(t, tunnelEnded)
			if e.Close != first || e.BytesIn != 8 || e.BytesOut != int64(len(want)) {
				t.Errorf("event: closed by %s, %d up, %d down; want %s, 8, %d", e.Close, e.BytesIn, e.BytesOut, first, len(want))
			}
		})
	}
}

func TestPeerThatNeverEndsIsCutAfterTheDrainTime(t *testing.T) {
	ended := make(chan struct{})
	r := newRig(t, anyBytes, func(s *setup) { s.server.DrainTimeout = 50 * time.Millisecond }, at(scripted(t, func(c net.Conn) {
		_, _ = io.Copy(io.Discard, c) // the client's FIN comes; ours never does
		<-ended
	})))
	defer close(ended)
	c := r.tunnel(unlisted + ":443")
	send(t, c, "question")
	_ = c.(*net.TCPConn).CloseWrite()
	if e := r.events.wait(t, tunnelEnded); e.Close != "drain" {
		t.Errorf("close reason %q, want drain", e.Close)
	}
}

func TestIdleTunnelIsClosed(t *testing.T) {
	r := newRig(t, anyBytes, func(s *setup) { s.server.IdleTimeout = 50 * time.Millisecond }, at(scripted(t, func(c net.Conn) {
		_, _ = io.Copy(io.Discard, c)
	})))
	c := r.tunnel(unlisted + ":443")
	send(t, c, "question")
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the idle tunnel said something")
	}
	if e := r.events.wait(t, tunnelEnded); e.Close != "idle" {
		t.Errorf("close reason %q, want idle", e.Close)
	}
}

// A client that waits before its hello must not get past the look at it.
func TestClientThatSaysNothingNeverGetsABlindTunnel(t *testing.T) {
	r := newRig(t, func(s *setup) { s.server.IdleTimeout = 50 * time.Millisecond }, at(scripted(t, func(c net.Conn) {
		if b, _ := io.ReadAll(c); len(b) > 0 {
			t.Errorf("origin read %q", b)
		}
	})))
	c := r.tunnel(unlisted + ":443")
	<-time.After(75 * time.Millisecond) // longer than the wait for a hello, shorter than that and an idle tunnel
	_, _ = io.WriteString(c, "\x16\x03\x01 here it comes")
	if e := r.events.wait(t, tunnelEnded); e.Close != "idle" {
		t.Errorf("close reason %q, want idle", e.Close)
	}
}

func TestResetOfOneSideEndsTheOther(t *testing.T) {
	for _, who := range []string{"client", "origin"} {
		t.Run(who, func(t *testing.T) {
			ended := make(chan error, 1)
			r := newRig(t, anyBytes, at(scripted(t, func(c net.Conn) {
				_, _ = io.ReadFull(c, make([]byte, 8))
				if who == "origin" {
					_ = c.(*net.TCPConn).SetLinger(0)
					c.Close()
					return
				}
				_, _ = c.Write([]byte("!"))
				_, err := c.Read(make([]byte, 1))
				ended <- err
			})))
			c := r.tunnel(unlisted + ":443")
			send(t, c, "question")
			switch who {
			case "client":
				_, _ = io.ReadFull(c, make([]byte, 1))
				_ = c.(*net.TCPConn).SetLinger(0)
				c.Close()
				if err := <-ended; err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("origin's read ended with %v", err)
				}
			case "origin":
				if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("client's read ended with %v", err)
				}
			}
			if e := r.events.wait(t, tunnelEnded); e.Close != who || e.BytesIn != 8 {
				t.Errorf("event: closed by %s, %d up; want %s, 8", e.Close, e.BytesIn, who)
			}
		})
	}
}

func TestBytesThatAreNotTLSAreClosed(t *testing.T) {
	for _, first := range []string{"SSH-2.0-OpenSSH_9.9\r\n", "GET / HTTP/1.1\r\n\r\n", "x"} {
		t.Run(first[:1], func(t *testing.T) {
			r := newRig(t, at(scripted(t, func(c net.Conn) {
				if b, _ := io.ReadAll(c); len(b) > 0 {
					t.Errorf("origin read %q", b)
				}
			})))
			c := r.tunnel(unlisted + ":443")
			send(t, c, first)
			if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("read ended with %v, want a close", err)
			}
			r.events.wait(t, func(e audit.Event) bool { return e.Reason == string(policy.NotTLS) && e.Denied })
		})
	}
}

func TestBytesThatAreNotTLSPassWherePolicyAllowsThem(t *testing.T) {
	r := newRig(t, anyBytes, at(scripted(t, func(c net.Conn) { _, _ = io.CopyN(c, c, 1) })))
	c := r.tunnel(unlisted + ":443")
	send(t, c, "x") // one byte must do: nothing waits for a whole TLS record
	var got [1]byte
	if _, err := io.ReadFull(c, got[:]); err != nil || got[0] != 'x' {
		t.Errorf("echo %q, %v", got, err)
	}
}

func TestBulkPassesATunnelUnchangedBothWays(t *testing.T) {
	const size = 50 << 20
	r := newRig(t, anyBytes, at(scripted(t, func(c net.Conn) { _, _ = io.Copy(c, c) })))
	c := r.tunnel(unlisted + ":443")
	block := bytes.Repeat([]byte("tenantgate tunnels bytes, "), 4096)
	sent, got := sha256.New(), sha256.New()
	go func() {
		for n := 0; n < size; {
			part := block[:min(len(block), size-n)]
			sent.Write(part)
			if _, err := c.Write(part); err != nil {
				t.Errorf("send: %v", err)
				return
			}
			n += len(part)
		}
		_ = c.(*net.TCPConn).CloseWrite()
	}()
	n, err := io.Copy(got, c)
	if n != size || err != nil || !bytes.Equal(sent.Sum(nil), got.Sum(nil)) {
		t.Errorf("%d bytes came back, %v; want the same %d", n, err, size)
	}
	c.Close()
	if e := r.events.wait(t, tunnelEnded); e.BytesIn != size || e.BytesOut != size {
		t.Errorf("event counts %d up, %d down, want %d", e.BytesIn, e.BytesOut, size)
	}
}

func TestIdleTunnelsHoldNoPipes(t *testing.T) {
	const tunnels, perTunnel = 200, 4 // the client's socket, ours to it, ours to the origin, the origin's
	r := newRig(t, anyBytes, at(scripted(t, func(c net.Conn) {
		_, _ = io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{c}) // without a pipe of its own
	})))
	before := descriptors(t)
	for range tunnels {
		c := r.tunnel(unlisted + ":443")
		send(t, c, "x")
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	// What moves at this moment may hold a pipe; what is idle may not.
	if got, most := descriptors(t)-before, tunnels*perTunnel+50; got > most {
		t.Errorf("%d tunnels hold %d descriptors, want at most %d", tunnels, got, most)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("needs /proc/self/fd: ", err)
	}
	return len(list)
}

func TestRestrictedNameInsideABenignTunnelIsInterceptedAndMisdirected(t *testing.T) {
	r := newRig(t)
	c := r.shake(r.tunnel(unlisted+":443"), &tls.Config{ServerName: signIn})
	if got := c.ConnectionState().PeerCertificates[0].Issuer.CommonName; got != r.ca.Subject.CommonName {
		t.Errorf("certificate by %q, want ours", got)
	}
	for _, host := range []string{signIn, unlisted} {
		send(t, c, "GET /common/oauth2/v2.0/authorize HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
		resp := answer(t, c, "GET")
		if resp.StatusCode != http.StatusMisdirectedRequest {
			t.Errorf("Host %s: %d, want 421", host, resp.StatusCode)
		}
		body(t, resp)
	}
	if seen := r.cloud.Seen(); len(seen) > 0 {
		t.Errorf("arrived: %+v", seen)
	}
}

func TestAddressLiteralGoesByTheNameInItsHello(t *testing.T) {
	tests := []struct {
		sni  string
		ours bool // the certificate
	}{{restricted, true}, {unlisted, false}}
	for _, tt := range tests {
		t.Run(tt.sni, func(t *testing.T) {
			r := newRig(t)
			c := r.shake(r.tunnel("127.0.0.18:443"), &tls.Config{ServerName: tt.sni})
			if got := c.ConnectionState().PeerCertificates[0].Issuer.CommonName == r.ca.Subject.CommonName; got != tt.ours {
				t.Errorf("our certificate: %v, want %v", got, tt.ours)
			}
			send(t, c, "GET /status/200 HTTP/1.1\r\nHost: "+tt.sni+"\r\n\r\n")
			if got := answer(t, c, "GET").StatusCode; got != 200 {
				t.Errorf("status %d, want 200", got)
			}
		})
	}
}

func TestAddressLiteralWithoutANameIsClosed(t *testing.T) {
	r := newRig(t)
	tc := tls.Client(r.tunnel("127.0.0.18:443"), &tls.Config{InsecureSkipVerify: true})
	if err := tc.Handshake(); err == nil {
		t.Error("the handshake went through")
	}
	r.events.wait(t, func(e audit.Event) bool { return e.Reason == string(policy.AddressLiteral) && e.Denied })
}

func TestSteeredConnectionGoesByTheNameInItsHello(t *testing.T) {
	tests := []struct{ sni, want string }{{restricted, "ours"}, {unlisted, "its own"}, {"", "closed"}}
	for _, tt := range tests {
		t.Run(tt.want, func(t *testing.T) {
			r := newRig(t)
			c := must(net.Dial("tcp", r.steered))(t)
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(patience))
			tc := tls.Client(c, &tls.Config{ServerName: tt.sni, RootCAs: r.roots, InsecureSkipVerify: tt.sni == ""})
			err := tc.Handshake()
			got := "closed"
			switch {
			case err == nil && tc.ConnectionState().PeerCertificates[0].Issuer.CommonName == r.ca.Subject.CommonName:
				got = "ours"
			case err == nil:
				got = "its own"
			}
			if got != tt.want {
				t.Fatalf("certificate: %s (%v), want %s", got, err, tt.want)
			}
			if err != nil {
				return
			}
			send(t, tc, "GET /status/200 HTTP/1.1\r\nHost: "+tt.sni+"\r\n\r\n")
			if got := answer(t, tc, "GET").StatusCode; got != 200 {
				t.Errorf("status %d, want 200", got)
			}
		})
	}
}

func TestSlowResolverIsATimeoutWithinTheDialersOwn(t *testing.T) {
	r := newRig(t, func(s *setup) {
		s.dialer.Timeout = 50 * time.Millisecond
		s.dialer.Resolver = stuck{}
	})
	if _, resp := r.connect(unlisted + ":443"); resp.StatusCode != http.StatusGatewayTimeout {
		t.Errorf("CONNECT: %s, want 504", resp.Status)
	}
}

// stuck is a resolver that never answers.
type stuck struct{}

func (stuck) LookupNetIP(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

var _ proxy.Resolver = stuck{}
