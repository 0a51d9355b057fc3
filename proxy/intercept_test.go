package proxy_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/proxy"
	"github.com/tenantgate/tenantgate/proxy/proxytest"
)

var protocols = []string{"h1", "h2"}

// each runs a test over both protocols of the client's side.
func each(t *testing.T, f func(t *testing.T, proto string)) {
	for _, proto := range protocols {
		t.Run(proto, func(t *testing.T) { f(t, proto) })
	}
}

// through puts f between the proxy and its transport.
func through(f func(next http.RoundTripper, r *http.Request) (*http.Response, error)) func(*setup) {
	return func(s *setup) {
		s.rules = func(rules *proxy.Rules) { rules.HTTP = roundTripper{rules.HTTP, f} }
	}
}

type roundTripper struct {
	next http.RoundTripper
	f    func(http.RoundTripper, *http.Request) (*http.Response, error)
}

func (r roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return r.f(r.next, req) }
func (r roundTripper) CloseIdleConnections()                               { r.next.(*http.Transport).CloseIdleConnections() }

func TestPanicCostsOneRequest(t *testing.T) {
	each(t, func(t *testing.T, proto string) {
		var log proxytest.Log
		r := newRig(t, through(func(next http.RoundTripper, req *http.Request) (*http.Response, error) {
			if req.URL.Path == "/panic" {
				panic("a fault of ours")
			}
			return next.RoundTrip(req)
		}), func(s *setup) { s.server.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		c := r.client(proto)
		if resp, err := c.Get("https://" + restricted + "/panic"); err == nil {
			t.Errorf("the panicking request was answered with %s", resp.Status)
		}
		if resp := must(c.Get("https://" + restricted + "/status/200"))(t); resp.StatusCode != 200 {
			t.Errorf("the next one: %s", resp.Status)
		}
		r.until("the log tells of the panic", func() bool {
			return strings.Contains(log.String(), "level=ERROR") && strings.Contains(log.String(), "a fault of ours")
		})
	})
}

// A transport may read on in a request's body, and may hear of a 103, after
// its answer was passed on: net/http says so of both.
func TestTransportThatReadsOnAfterTheAnswerHarmsNobody(t *testing.T) {
	each(t, func(t *testing.T, proto string) {
		late := make(chan func(), 1)
		r := newRig(t, through(func(_ http.RoundTripper, req *http.Request) (*http.Response, error) {
			hooks, upload := httptrace.ContextClientTrace(req.Context()), req.Body
			late <- func() {
				_, _ = upload.Read(make([]byte, 1))
				_ = hooks.Got1xxResponse(http.StatusEarlyHints, textproto.MIMEHeader{"Link": {"</x>"}})
			}
			return &http.Response{StatusCode: 413, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
		}))
		upload := strings.NewReader(strings.Repeat("x", 100))
		if resp := must(r.client(proto).Post("https://"+restricted+"/early413", "text/plain", upload))(t); resp.StatusCode != 413 {
			t.Errorf("status %d, want 413", resp.StatusCode)
		}
		r.events.wait(t, isAccess("/early413"))
		(<-late)()
	})
}

func TestContinueIsTheOriginsToGive(t *testing.T) {
	tests := []struct {
		origin string // what it says to the head
		status int
		got100 bool
	}{
		{"HTTP/1.1 100 Continue\r\n\r\n", 200, true},
		{"HTTP/1.1 417 Expectation Failed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", 417, false},
		{"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", 413, false},
	}
	for _, tt := range tests {
		t.Run(tt.origin[9:12], func(t *testing.T) {
			r := newRig(t, at(scripted(t, func(c net.Conn) {
				req, err := http.ReadRequest(bufio.NewReaderSize(single{c}, 1))
				if err != nil {
					return
				}
				_, _ = io.WriteString(c, tt.origin)
				if tt.got100 {
					_, _ = io.Copy(io.Discard, req.Body)
					_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				}
			}, "http/1.1")))
			c := r.tls(restricted)
			send(t, c, "POST /upload HTTP/1.1\r\nHost: "+restricted+"\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
			resp := answer(t, c, "POST")
			if got := resp.StatusCode == 100; got != tt.got100 {
				t.Fatalf("first answer %s; 100: want %v", resp.Status, tt.got100)
			}
			if tt.got100 {
				send(t, c, "body")
				resp = answer(t, c, "POST")
			}
			if resp.StatusCode != tt.status {
				t.Errorf("status %d, want %d", resp.StatusCode, tt.status)
			}
		})
	}
}

func TestBodyThatIsPromisedAndNeverComesIsCutOff(t *testing.T) {
	requests := map[string]string{
		"after 100":       "POST /echo HTTP/1.1\r\nHost: " + restricted + "\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n",
		"unasked":         "POST /echo HTTP/1.1\r\nHost: " + restricted + "\r\nContent-Length: 4\r\n\r\n",
		"and looked into": "POST /common/oauth2/v2.0/token HTTP/1.1\r\nHost: " + signIn + "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 4\r\n\r\n",
	}
	for name, request := range requests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(s *setup) { s.server.IdleTimeout = 100 * time.Millisecond })
			host := restricted
			if strings.Contains(request, signIn) {
				host = signIn
			}
			c := r.tls(host)
			send(t, c, request)
			if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("still open")
			}
		})
	}
}

// A refusal, and an origin's answer, does not wait for the rest of a request
// that may never come. The connection ends with it.
func TestAnAnswerWaitsForNoRequest(t *testing.T) {
	tests := map[string]struct {
		target, host, sent string
		foreign            bool
		status             int
	}{
		"refused by its header":      {"/echo", restricted, "Content-Length: 4\r\n\r\n", true, 403},
		"refused, of no known size":  {"/echo", restricted, "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n", true, 403},
		"refused, asking first":      {"/echo", restricted, "Content-Length: 4\r\nExpect: 100-continue\r\n\r\n", true, 403},
		"misdirected":                {"/echo", signIn, "Content-Length: 4\r\n\r\n", false, 421},
		"refused by its origin":      {"/early413", restricted, "Content-Length: 4\r\n\r\n", false, 413},
		"the same, of no known size": {"/early413", restricted, "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n", false, 413},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			head := "POST " + tt.target + " HTTP/1.1\r\nHost: " + tt.host + "\r\nContent-Type: application/octet-stream\r\n"
			if tt.foreign {
				head += "Authorization: Bearer " + r.cloud.Mint(demo.Spec{Tenant: demo.Foreign.ID}) + "\r\n"
			}
			c := r.tls(restricted)
			send(t, c, head+tt.sent)
			resp := answer(t, c, "POST")
			if resp.StatusCode != tt.status || !resp.Close {
				t.Errorf("%s, close %v, want %d that ends the connection", resp.Status, resp.Close, tt.status)
			}
			body(t, resp)
			if rest, err := io.ReadAll(c); err != nil || len(rest) > 0 {
				t.Errorf("%q comes after it, %v", rest, err)
			}
		})
	}
}

func TestAConnectionIsKeptAfterAWholeRequest(t *testing.T) {
	r := newRig(t)
	foreign := "Authorization: Bearer " + r.cloud.Mint(demo.Spec{Tenant: demo.Foreign.ID}) + "\r\n"
	c := r.tls(restricted)
	for _, body := range []string{"Content-Length: 2\r\n\r\n{}", "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"} {
		for credential, status := range map[string]int{"": 200, foreign: 403} {
			send(t, c, "POST /status/200 HTTP/1.1\r\nHost: "+restricted+"\r\nContent-Type: application/json\r\n"+credential+body)
			resp := answer(t, c, "POST")
			if resp.StatusCode != status || resp.Close {
				t.Errorf("%s, close %v, want %d", resp.Status, resp.Close, status)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
		}
	}
}

func TestConnectionCloseIsHonoured(t *testing.T) {
	r := newRig(t)
	t.Run("the client's", func(t *testing.T) {
		c := r.tls(restricted)
		send(t, c, "GET /status/200 HTTP/1.1\r\nHost: "+restricted+"\r\nConnection: close\r\n\r\n")
		all, err := io.ReadAll(c)
		if err != nil || !strings.HasPrefix(string(all), "HTTP/1.1 200 OK\r\n") {
			t.Errorf("read %q, %v", all, err)
		}
	})
	t.Run("not the origin's", func(t *testing.T) {
		c := r.tls(restricted)
		for range 2 {
			send(t, c, "POST /early413 HTTP/1.1\r\nHost: "+restricted+"\r\nContent-Length: 0\r\n\r\n")
			resp := answer(t, c, "POST")
			if resp.StatusCode != 413 || resp.Close {
				t.Errorf("status %d, close %v", resp.StatusCode, resp.Close)
			}
			body(t, resp)
		}
	})
}

func TestClientThatGoesEndsTheRequestAtTheOrigin(t *testing.T) {
	each(t, func(t *testing.T, proto string) {
		tests := []struct {
			name, path string
			upload     bool
		}{
			{"before the answer", "/slow?head=never", false},
			{"during the download", "/slow", false},
			{"during the upload", "/echo", true},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				r := newRig(t)
				ctx, cancel := context.WithCancel(t.Context())
				var upload io.Reader
				method := "GET"
				pr, pw := io.Pipe()
				if tt.upload {
					go func() { _, _ = pw.Write([]byte("some")) }()
					upload, method = pr, "POST"
				}
				req := must(http.NewRequestWithContext(ctx, method, "https://"+restricted+tt.path, upload))(t)
				done := make(chan struct{})
				go func() {
					defer close(done)
					if resp, err := r.client(proto).Do(req); err == nil {
						_, _ = io.Copy(io.Discard, resp.Body)
						resp.Body.Close()
					}
				}()
				r.await("the request", func(s []demo.Seen) bool { return len(s) == 1 })
				cancel()
				pw.CloseWithError(context.Canceled)
				<-done
				r.await("its end", func(s []demo.Seen) bool { return len(s) == 1 && s[0].Ended })
				if e := r.events.wait(t, isAccess("")); e.Close != "client aborted" {
					t.Errorf("close reason %q", e.Close)
				}
			})
		}
	})
}

func TestRequestForAnotherHostThanTheConnectionsIsMisdirected(t *testing.T) {
	r := newRig(t)
	requests := map[string]string{
		"Host":             "GET /common HTTP/1.1\r\nHost: " + signIn + "\r\n\r\n",
		"absolute-form":    "GET https://" + signIn + "/common HTTP/1.1\r\nHost: " + restricted + "\r\n\r\n",
		"unlisted Host":    "GET / HTTP/1.1\r\nHost: " + unlisted + "\r\n\r\n",
		"another port":     "GET / HTTP/1.1\r\nHost: " + restricted + ":8443\r\n\r\n",
		"an address":       "GET / HTTP/1.1\r\nHost: 127.0.0.18\r\n\r\n",
		"a longer address": "GET / HTTP/1.1\r\nHost: " + restricted + ".example.com\r\n\r\n",
	}
	for name, request := range requests {
		t.Run(name, func(t *testing.T) {
			resp := r.raw(restricted, request)
			if resp.StatusCode != 421 || resp.Header.Get("Tenantgate-Reason") != string(policy.AuthorityMismatch) {
				t.Errorf("%d %s, want 421 %s", resp.StatusCode, resp.Header.Get("Tenantgate-Reason"), policy.AuthorityMismatch)
			}
		})
	}
	t.Run(":authority", func(t *testing.T) {
		req := must(http.NewRequest("GET", "https://"+restricted+"/common", nil))(t)
		req.Host = signIn
		if resp := must(r.client("h2").Do(req))(t); resp.StatusCode != 421 {
			t.Errorf("status %d, want 421", resp.StatusCode)
		}
	})
	if seen := r.cloud.Seen(); len(seen) > 0 {
		t.Errorf("arrived: %+v", seen)
	}
}

func TestSpellingsOfTheSameHostAreInterceptedAllTheSame(t *testing.T) {
	r := newRig(t)
	for _, target := range []string{"GRAPH.Microsoft.COM:443", "graph.microsoft.com.:443", "graph.microsoft.com:443"} {
		c := r.shake(r.tunnel(target), &tls.Config{ServerName: restricted})
		for _, host := range []string{restricted, "Graph.Microsoft.com", restricted + ":443", restricted + "."} {
			send(t, c, "GET /status/200 HTTP/1.1\r\nHost: "+host+"\r\n\r\n")
			resp := answer(t, c, "GET")
			if body(t, resp); resp.StatusCode != 200 {
				t.Errorf("CONNECT %s, Host %s: %s", target, host, resp.Status)
			}
		}
	}
	for _, s := range r.cloud.Seen() {
		if s.Host != restricted || s.TLSServerName != restricted {
			t.Errorf("arrived for %s by name %s", s.Host, s.TLSServerName)
		}
	}
}

func TestHeadersAreLimited(t *testing.T) {
	each(t, func(t *testing.T, proto string) {
		r := newRig(t)
		req := must(http.NewRequest("GET", "https://"+restricted+"/status/200", nil))(t)
		for i := range 70 {
			req.Header.Set(fmt.Sprint("X-Large-", i), strings.Repeat("a", 1<<10))
		}
		resp, err := r.client(proto).Do(req)
		switch {
		case err != nil && strings.Contains(err.Error(), "larger than peer's advertised limit"): // it had read our SETTINGS in time
		case err != nil:
			t.Error(err)
		case resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge:
			t.Errorf("status %d, want 431", resp.StatusCode)
		}
		if seen := r.cloud.Seen(); len(seen) > 0 {
			t.Errorf("arrived: %d", len(seen))
		}
	})
}

func TestSlowHeaderIsCutOff(t *testing.T) {
	r := newRig(t, func(s *setup) {
		s.server.HeaderTimeout, s.server.HandshakeTimeout = 50*time.Millisecond, 50*time.Millisecond
	})
	tests := []struct {
		name string
		c    net.Conn
		send string
	}{
		{"CONNECT", r.dial(), "CONNECT " + restricted + ":443 HTTP/1.1\r\n"},
		{"request", r.tls(restricted), "GET / HTTP/1.1\r\nHost: "},
		{"hello", r.tunnel(restricted + ":443"), "\x16\x03\x01"},
		{"steered hello", must(net.Dial("tcp", r.steered))(t), "\x16\x03\x01"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_ = tt.c.SetDeadline(time.Now().Add(patience))
			_, _ = io.WriteString(tt.c, tt.send)
			if _, err := io.Copy(io.Discard, tt.c); errors.Is(err, os.ErrDeadlineExceeded) {
				t.Error("still open")
			}
		})
	}
}

func TestSessionsResumeThroughTheProxy(t *testing.T) {
	r := newRig(t)
	cfg := &tls.Config{ServerName: restricted, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	for _, want := range []bool{false, true} {
		c := r.shake(r.tunnel(restricted+":443"), cfg)
		send(t, c, "GET /status/200 HTTP/1.1\r\nHost: "+restricted+"\r\nConnection: close\r\n\r\n")
		_, _ = io.Copy(io.Discard, c) // tickets come with the answer
		if got := c.ConnectionState().DidResume; got != want {
			t.Errorf("resumed: %v, want %v", got, want)
		}
	}
}

func TestOneMintServesABurstOfFirstConnections(t *testing.T) {
	r := newRig(t)
	serials := sync.Map{}
	var n atomic.Int64
	var burst sync.WaitGroup
	for range 16 {
		c := r.tunnel("tenant.sharepoint.com:443")
		burst.Go(func() {
			tc := tls.Client(c, &tls.Config{ServerName: "tenant.sharepoint.com", RootCAs: r.roots})
			if err := tc.Handshake(); err != nil {
				t.Errorf("TLS: %v", err)
				return
			}
			if _, again := serials.LoadOrStore(tc.ConnectionState().PeerCertificates[0].SerialNumber.String(), true); !again {
				n.Add(1)
			}
		})
	}
	burst.Wait()
	if n.Load() != 1 {
		t.Errorf("%d leaves, want 1", n.Load())
	}
}

func TestEnvironmentDoesNotChooseTheWayOut(t *testing.T) {
	hole := scripted(t, func(c net.Conn) { t.Error("the environment's proxy was used") })
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY"} {
		t.Setenv(name, "http://"+hole.Addr().String())
	}
	r := newRig(t)
	for _, host := range []string{restricted, unlisted} {
		if resp := must(r.client("h1").Get("https://" + host + "/status/200"))(t); resp.StatusCode != 200 {
			t.Errorf("%s: %s", host, resp.Status)
		}
	}
	if resp := must(r.client("h1").Get("http://" + unlisted + "/status/200"))(t); resp.StatusCode != 200 {
		t.Errorf("plain http: %s", resp.Status)
	}
}
