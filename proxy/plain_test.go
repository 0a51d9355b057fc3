package proxy_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/policy"
)

// clear sends a request in clear to the explicit proxy.
func (r *rig) clear(request string) *http.Response {
	r.t.Helper()
	c := r.dial()
	send(r.t, c, request)
	method, _, _ := strings.Cut(request, " ")
	return answer(r.t, c, method)
}

func TestConnectTargetsAreHeldToTheGrammar(t *testing.T) {
	r := newRig(t)
	tests := []struct {
		target string
		status int
		reason policy.Reason
	}{
		{restricted, 400, policy.MalformedAuthority},
		{restricted + ":", 400, policy.MalformedAuthority},
		{restricted + ":0", 400, policy.MalformedAuthority},
		{restricted + ":0443", 400, policy.MalformedAuthority},
		{restricted + ":99999", 400, policy.MalformedAuthority},
		{restricted + ":443/", 400, policy.MalformedAuthority},
		{"user@" + restricted + ":443", 400, policy.MalformedAuthority},
		{"https://" + restricted + ":443", 400, policy.MalformedAuthority},
		{"graph..microsoft.com:443", 400, policy.MalformedAuthority},
		{"2130706433:443", 400, policy.MalformedAuthority},
		{"0x7f.1:443", 400, policy.MalformedAuthority},
		{"127.1:443", 400, policy.MalformedAuthority},
		{"::1:443", 400, policy.MalformedAuthority},
		{"[fe80::1%25eth0]:443", 400, policy.MalformedAuthority},
		{restricted + ":80", 403, policy.PortNotAllowed},
		{unlisted + ":22", 403, policy.PortNotAllowed},
		{"127.0.0.1:443", 403, policy.GuardedAddress},
		{"[::1]:443", 403, policy.GuardedAddress},
		{"169.254.169.254:443", 403, policy.GuardedAddress},
		{"[::ffff:127.0.0.1]:443", 403, policy.GuardedAddress},
		{"[64:ff9b::7f00:1]:443", 403, policy.GuardedAddress},
	}
	for _, tt := range tests {
		_, resp := r.connect(tt.target)
		got := resp.Header.Get("Tenantgate-Reason")
		if got == "" && resp.StatusCode == 400 && tt.status == 400 {
			continue // the HTTP server's own
		}
		if resp.StatusCode != tt.status || got != string(tt.reason) {
			t.Errorf("CONNECT %s: %d %s, want %d %s", tt.target, resp.StatusCode, got, tt.status, tt.reason)
		}
		if id := resp.Header.Get("Tenantgate-Event"); len(r.events.all(func(e audit.Event) bool { return e.ID == id && e.Denied })) != 1 {
			t.Errorf("CONNECT %s: no event %q", tt.target, id)
		}
	}
}

func TestPlainRequestsAreHeldToTheirHost(t *testing.T) {
	r := newRig(t)
	tests := []struct {
		target string
		status int
		reason policy.Reason
	}{
		{"http://" + unlisted + "/status/200", 200, ""},
		{"http://" + unlisted + ":80/status/200", 200, ""},
		{"http://" + signIn + "/", 403, policy.PlainHTTP},
		{"http://" + restricted + "/", 403, policy.PlainHTTP},
		{"http://LOGIN.microsoftonline.com./", 403, policy.PlainHTTP},
		{"http://" + restricted + ":443/", 403, policy.PortNotAllowed},
		{"http://" + unlisted + ":8080/", 403, policy.PortNotAllowed},
		{"http://127.0.0.1/", 403, policy.GuardedAddress},
		{"http://169.254.169.254/metadata/instance", 403, policy.GuardedAddress},
		{"http://20.190.128.1/", 403, policy.RestrictedAddress},
		{"http://no-such-host.invalid/", 502, policy.OriginUnreachable},
		{"https://" + restricted + "/", 400, policy.MalformedAuthority},
		{"ftp://" + unlisted + "/", 400, policy.MalformedAuthority},
		{"http://user:pass@" + unlisted + "/", 400, policy.MalformedAuthority},
		{"/", 400, policy.MalformedRequest},
	}
	for _, tt := range tests {
		resp := r.clear("GET " + tt.target + " HTTP/1.1\r\nHost: " + unlisted + "\r\n\r\n")
		if got := resp.Header.Get("Tenantgate-Reason"); resp.StatusCode != tt.status || got != string(tt.reason) {
			t.Errorf("%s: %d %s, want %d %s", tt.target, resp.StatusCode, got, tt.status, tt.reason)
		}
	}
}

func TestPlainRequestLeavesCleanAndArrivesWhole(t *testing.T) {
	r := newRig(t, at(scripted(t, func(c net.Conn) {
		req, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		var head strings.Builder
		_ = req.Header.Write(&head)
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nConnection: X-Gone\r\nX-Gone: 1\r\nAlt-Svc: h3=\":443\"\r\nKeep-Alive: timeout=5\r\n"+
			"Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n")
		text := req.RequestURI + "\n" + head.String()
		_, _ = io.WriteString(c, strings.ToLower(hex(len(text)))+"\r\n"+text+"\r\n0\r\nX-Sum: 1\r\n\r\n")
	})))
	resp := r.clear("GET http://" + unlisted + "/a%2Fb?x=%zz HTTP/1.1\r\nHost: " + signIn + "\r\nConnection: X-Secret\r\nX-Secret: 1\r\n" +
		"Proxy-Authorization: Basic eDp5\r\nsec-restrict-tenant-access-policy: a:b\r\nX-Kept: 1\r\n\r\n")
	if got, want := body(t, resp), "/a%2Fb?x=%zz\nX-Kept: 1\r\n"; got != want {
		t.Errorf("arrived:\n%s\nwant:\n%s", got, want)
	}
	resp.Header.Del("Date")
	resp.Header.Del("Content-Type")
	if diff := cmp.Diff([]http.Header{{}, {"X-Sum": {"1"}}}, []http.Header{resp.Header, resp.Trailer}); diff != "" {
		t.Errorf("answer: want -, got +\n%s", diff)
	}
	e := r.events.wait(t, isAccess("/a/b"))
	if diff := cmp.Diff([]string{"Sec-Restrict-Tenant-Access-Policy"}, e.ClientTags); diff != "" {
		t.Errorf("client's tags: want -, got +\n%s", diff)
	}
}

func hex(n int) string {
	const digits = "0123456789ABCDEF"
	if n < 16 {
		return digits[n : n+1]
	}
	return hex(n/16) + digits[n%16:n%16+1]
}

func TestPlainAnswerThatIsCutOffLooksCutOff(t *testing.T) {
	r := newRig(t)
	for _, path := range []string{"/truncate", "/truncate?chunked=1"} {
		resp := r.clear("GET http://" + unlisted + path + " HTTP/1.1\r\nHost: " + unlisted + "\r\n\r\n")
		if b, err := io.ReadAll(resp.Body); err == nil {
			t.Errorf("%s: %d bytes that look whole", path, len(b))
		}
	}
}

func TestPlainConnectionNeverBecomesAPipe(t *testing.T) {
	r := newRig(t, at(scripted(t, func(c net.Conn) {
		_, _ = http.ReadRequest(bufio.NewReader(c))
		_, _ = io.WriteString(c, switching+"blind bytes")
		_, _ = io.Copy(io.Discard, c)
	})))
	resp := r.clear(strings.NewReplacer("GET /ws", "GET http://"+unlisted+"/ws", restricted, unlisted).Replace(upgrade))
	if resp.StatusCode != http.StatusBadGateway {
		t.Errorf("%s, want 502", resp.Status)
	}
}

func TestPlainAnswerComesBeforeItsRequestIsWhole(t *testing.T) {
	r := newRig(t, at(scripted(t, func(c net.Conn) {
		head := bufio.NewReader(c)
		_, _ = http.ReadRequest(head)
		_, _ = io.ReadFull(head, make([]byte, 3))
		_, _ = io.WriteString(c, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n")
	})))
	resp := r.clear("POST http://" + unlisted + "/ HTTP/1.1\r\nHost: " + unlisted + "\r\nContent-Length: 6\r\n\r\none")
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("%s, want 413", resp.Status)
	}
}

func TestPlainUploadThatStopsIsCutOff(t *testing.T) {
	origins := map[string]func(*setup){
		"before the answer": at(scripted(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })),
		"during the answer": func(*setup) {}, // the cloud's echo
	}
	for name, origin := range origins {
		t.Run(name, func(t *testing.T) {
			c := newRig(t, origin, func(s *setup) { s.server.IdleTimeout = 100 * time.Millisecond }).dial()
			send(t, c, "POST http://"+unlisted+"/echo HTTP/1.1\r\nHost: "+unlisted+"\r\nContent-Length: 6\r\n\r\none")
			if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("still open")
			}
		})
	}
}

func TestPlainAnswerTricklesThrough(t *testing.T) {
	more := make(chan struct{})
	r := newRig(t, at(scripted(t, func(c net.Conn) {
		_, _ = http.ReadRequest(bufio.NewReader(c))
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n1")
		<-more
		_, _ = io.WriteString(c, "2")
	})))
	resp := r.clear("GET http://" + unlisted + "/ HTTP/1.1\r\nHost: " + unlisted + "\r\n\r\n")
	if _, err := io.ReadFull(resp.Body, make([]byte, 1)); err != nil {
		t.Errorf("first byte: %v", err)
	}
	close(more)
	if got := body(t, resp); got != "2" {
		t.Errorf("the rest is %q", got)
	}
}
