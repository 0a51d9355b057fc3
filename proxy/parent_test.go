package proxy_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/proxy"
)

// behind makes the proxy go through a parent that does serve with each
// connection, whose CONNECT was read already.
func behind(t *testing.T, serve func(c net.Conn, target string)) func(*setup) {
	return func(s *setup) {
		l := scripted(t, func(c net.Conn) {
			req, err := http.ReadRequest(bufio.NewReaderSize(single{c}, 1))
			if err != nil {
				return
			}
			if got := req.Header.Get("Proxy-Authorization"); got != "Basic dXNlcjpwYXNz" {
				t.Errorf("Proxy-Authorization %q", got)
			}
			if req.Method != "CONNECT" || len(req.Header) != 1 {
				t.Errorf("%s with %v", req.Method, req.Header)
			}
			serve(c, req.RequestURI)
		})
		s.dialer.Parent = must(proxy.NewParent("http://user:pass@"+l.Addr().String(), nil))(t)
	}
}

func TestParentProxyCarriesTunnelsAndRequests(t *testing.T) {
	var cloud *demo.Cloud
	r := newRig(t, func(s *setup) { cloud = s.cloud }, behind(t, func(c net.Conn, target string) {
		origin, err := cloud.Dial(t.Context(), "tcp", target)
		if err != nil {
			return
		}
		defer origin.Close()
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nX-Parent: 1\r\n\r\n")
		go func() { _, _ = io.Copy(origin, c); origin.Close() }()
		_, _ = io.Copy(c, origin)
	}))
	for _, host := range []string{unlisted, restricted} {
		if resp := must(r.client("h1").Get("https://" + host + "/status/200"))(t); resp.StatusCode != 200 {
			t.Errorf("%s: %s", host, resp.Status)
		}
	}
}

func TestBytesBehindTheParentsAnswerAreNotLost(t *testing.T) {
	r := newRig(t, anyBytes, behind(t, func(c net.Conn, _ string) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\ngreeting")
		_, _ = io.Copy(io.Discard, c)
	}))
	c := r.tunnel(unlisted + ":443")
	send(t, c, "x")
	got := make([]byte, 8)
	if _, err := io.ReadFull(c, got); err != nil || string(got) != "greeting" {
		t.Errorf("read %q, %v", got, err)
	}
}

func TestBrokenParentIsABrokenOrigin(t *testing.T) {
	tests := []struct {
		name, reply string
		status      int
		reason      policy.Reason
	}{
		{"407", "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n", 502, policy.ParentAuth},
		{"401", "HTTP/1.1 401 Unauthorized\r\nProxy-Authenticate: Basic\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n", 502, policy.ParentAuth},
		{"403", "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", 502, policy.OriginUnreachable},
		{"no HTTP", "SSH-2.0-OpenSSH_9.9\r\n", 502, policy.OriginUnreachable},
		{"oversized", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20), 502, policy.OriginUnreachable},
		{"slow", "HTTP/1.1 200 OK\r\nX:", 504, policy.OriginTimeout},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t, behind(t, func(c net.Conn, _ string) {
				_, _ = io.WriteString(c, tt.reply)
				_, _ = io.Copy(io.Discard, c)
			}), func(s *setup) {
				if tt.name == "slow" {
					s.dialer.Timeout = 50 * time.Millisecond
				}
			})
			_, tunnel := r.connect(unlisted + ":443")
			request := r.raw(restricted, "GET / HTTP/1.1\r\nHost: "+restricted+"\r\n\r\n")
			for _, resp := range []*http.Response{tunnel, request} {
				if got := resp.Header.Get("Tenantgate-Reason"); resp.StatusCode != tt.status || got != string(tt.reason) {
					t.Errorf("%d %s, want %d %s", resp.StatusCode, got, tt.status, tt.reason)
				}
				if resp.Header.Get("Proxy-Authenticate") != "" || resp.Header.Get("Www-Authenticate") != "" {
					t.Error("the parent's challenge came through")
				}
			}
		})
	}
}

func TestParentsPasswordIsInNoError(t *testing.T) {
	for _, s := range []string{"ftp://user:hunter2@parent:3128", "http://user:hunter2@parent", "http://user:hunter2@parent:3128/x", "http://user:hunter2@par ent:1"} {
		if _, err := proxy.NewParent(s, nil); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", s, err)
		}
	}
}
