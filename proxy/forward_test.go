package proxy_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantgate/tenantgate/audit"
)

// isAccess is the access event of a request for path; empty is any.
func isAccess(path string) func(audit.Event) bool {
	return func(e audit.Event) bool {
		return e.Kind == audit.Access && e.Method != "" && (path == "" || e.Path == path)
	}
}

func TestTargetArrivesByteForByte(t *testing.T) {
	targets := []string{
		"/", "/?", "//path", "//path//b?x=//", "/a%2fb", "/a%2Fb", "/a;b=c", "/a;b?c;d", "/a?b=%zz", "/a//b/../c/./d", "/%7Ea~", "/a:b@c",
		"/(a)'b'!$&*+,=", "/a[b]", "/a|b", "/a%00b", "/ü", "/a?q=\"x\"&ü", "/a?b#c"[:4], "/.%2e/", "/a%",
	}
	for _, proto := range protocols {
		var got []string
		l := scripted(t, func(c net.Conn) {
			rd := bufio.NewReader(c)
			for {
				req, err := http.ReadRequest(rd)
				if err != nil {
					return
				}
				_, _ = fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(req.RequestURI), req.RequestURI)
			}
		}, "http/1.1")
		r := newRig(t, at(l))
		if proto == "h2" {
			r = newRig(t, at(site(t, "h2", func(w http.ResponseWriter, req *http.Request) { _, _ = io.WriteString(w, req.RequestURI) })))
		}
		for _, target := range targets {
			resp := r.raw(restricted, "GET "+target+" HTTP/1.1\r\nHost: "+restricted+"\r\n\r\n")
			if resp.StatusCode == 400 {
				got = append(got, target) // refused is not changed
				if target != "/a%" {
					t.Errorf("%s was refused", target)
				}
				continue
			}
			got = append(got, body(t, resp))
		}
		if diff := cmp.Diff(targets, got); diff != "" {
			t.Errorf("origin %s: sent -, arrived +\n%s", proto, diff)
		}
	}
}

func TestOptionsForTheServerAsAWholeIsTheOriginsToAnswer(t *testing.T) {
	each(t, func(t *testing.T, proto string) {
		r := newRig(t, at(site(t, proto, func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("X-Target", req.Method+" "+req.RequestURI)
		})))
		resp := r.raw(restricted, "OPTIONS * HTTP/1.1\r\nHost: "+restricted+"\r\n\r\n")
		if got := resp.Header.Get("X-Target"); got != "OPTIONS *" {
			t.Errorf("%s, arrived as %q", resp.Status, got)
		}
	})
}

func TestAnswersWithoutABodyKeepTheirLength(t *testing.T) {
	origin := func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Length", "42")
		if req.Method != "HEAD" {
			w.WriteHeader(http.StatusNotModified)
		}
	}
	each(t, func(t *testing.T, proto string) {
		r := newRig(t, at(site(t, "h1", origin)))
		c := r.client(proto)
		for _, method := range []string{"HEAD", "GET"} {
			req := must(http.NewRequest(method, "https://"+restricted+"/x", nil))(t)
			resp := must(c.Do(req))(t)
			if got := resp.Header.Get("Content-Length"); method == "HEAD" && got != "42" {
				t.Errorf("length %q, want 42", got)
			}
			if b := body(t, resp); b != "" {
				t.Errorf("%s: body %q", method, b)
			}
		}
	})
}

// RFC 9110, 8.6: no length on 204; an origin that sends one must not shift
// the answers behind it.
func TestLengthOnA204ShiftsNothing(t *testing.T) {
	r := newRig(t, at(scripted(t, func(c net.Conn) {
		rd := bufio.NewReader(c)
		for {
			req, err := http.ReadRequest(rd)
			if err != nil {
				return
			}
			status := map[string]string{"/204": "204 No Content\r\nContent-Length: 5", "/200": "200 OK\r\nContent-Length: 2\r\n\r\nok"}[req.URL.Path]
			_, _ = io.WriteString(c, "HTTP/1.1 "+status)
			if req.URL.Path == "/204" {
				_, _ = io.WriteString(c, "\r\n\r\n")
			}
		}
	}, "http/1.1")))
	c := r.tls(restricted)
	send(t, c, "GET /204 HTTP/1.1\r\nHost: "+restricted+"\r\n\r\nGET /200 HTTP/1.1\r\nHost: "+restricted+"\r\n\r\n")
	if resp := answer(t, c, "GET"); resp.StatusCode != 204 {
		t.Errorf("first: %s", resp.Status)
	}
	if resp := answer(t, c, "GET"); resp.StatusCode != 200 || body(t, resp) != "ok" {
		t.Errorf("second: %s", resp.Status)
	}
}

func TestTrailersPassBothWays(t *testing.T) {
	each(t, func(t *testing.T, proto string) {
		r := newRig(t)
		req := must(http.NewRequest("POST", "https://"+restricted+"/trailers", struct{ io.Reader }{strings.NewReader("up, ")}))(t)
		req.Trailer = http.Header{"X-Up": {"1"}, "Sec-Restrict-Tenant-Access-Policy": {"a:b"}}
		resp := must(r.client(proto).Do(req))(t)
		if got := body(t, resp); got != "up, body\ntrailer X-Up\n" {
			t.Errorf("body %q", got)
		}
		if diff := cmp.Diff(http.Header{"X-Checksum": {"c0ffee"}, "X-Late": {"yes"}}, resp.Trailer); diff != "" {
			t.Errorf("trailers: want -, got +\n%s", diff)
		}
		if s := r.arrived(); s.Trailer.Get("X-Up") != "1" || len(s.Tags()) > 0 {
			t.Errorf("arrived with trailers %v, tags %v", s.Trailer, s.Tags())
		}
	})
}

func TestClientOfHTTP10GetsAWholeAnswer(t *testing.T) {
	r := newRig(t)
	c := r.tls(restricted)
	send(t, c, "GET /trailers HTTP/1.0\r\nHost: "+restricted+"\r\n\r\n")
	all, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	head, content, _ := strings.Cut(string(all), "\r\n\r\n")
	if content != "body\n" || strings.Contains(strings.ToLower(head), "transfer-encoding") {
		t.Errorf("read %q", all)
	}
}

func TestHopByHopFieldsEndAtTheProxy(t *testing.T) {
	each(t, func(t *testing.T, proto string) {
		r := newRig(t, at(site(t, proto, func(w http.ResponseWriter, req *http.Request) {
			_ = req.Header.Write(w)
		})))
		resp := r.raw(restricted, "GET / HTTP/1.1\r\nHost: "+restricted+"\r\nConnection: X-Secret, keep-alive,x-other\r\nConnection: close, X-Third\r\n"+
			"X-Secret: 1\r\nX-Other: 1\r\nX-Third: 1\r\nX-Kept: 1\r\nKeep-Alive: timeout=5\r\nTE: trailers, deflate\r\nProxy-Connection: keep-alive\r\n"+
			"Proxy-Authorization: Basic eDp5\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n")
		if got, want := body(t, resp), "Te: trailers\r\nX-Kept: 1\r\n"; got != want {
			t.Errorf("arrived:\n%swant:\n%s", got, want)
		}
	})
}

func TestOriginsHopByHopFieldsEndAtTheProxy(t *testing.T) {
	r := newRig(t, at(scripted(t, func(c net.Conn) {
		_, _ = http.ReadRequest(bufio.NewReader(c))
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nConnection: X-Secret\r\nX-Secret: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\n"+
			"Alt-Svc: h3=\":443\"\r\nX-Kept: 1\r\nContent-Length: 2\r\n\r\nok")
	}, "http/1.1")))
	resp := r.raw(restricted, "GET / HTTP/1.1\r\nHost: "+restricted+"\r\n\r\n")
	body(t, resp)
	if diff := cmp.Diff(http.Header{"X-Kept": {"1"}, "Content-Length": {"2"}}, resp.Header); diff != "" {
		t.Errorf("want -, got +\n%s", diff)
	}
}

func TestContentCodingIsLeftAlone(t *testing.T) {
	each(t, func(t *testing.T, proto string) {
		r := newRig(t)
		resp := must(r.client(proto).Get("https://" + restricted + "/gzip"))(t)
		content := body(t, resp)
		zr, err := gzip.NewReader(bytes.NewReader([]byte(content)))
		if err != nil {
			t.Fatalf("not gzip any more: %v", err)
		}
		if plain, err := io.ReadAll(zr); err != nil || len(plain) != 2500 {
			t.Errorf("%d bytes, %v", len(plain), err)
		}
		s := r.arrived()
		for _, name := range []string{"Accept-Encoding", "X-Forwarded-For", "Via"} {
			if v, ok := s.Header[name]; ok {
				t.Errorf("%s: %q was added", name, v)
			}
		}
	})
}

func TestAUserAgentThatEndsAtTheProxyIsNotReplaced(t *testing.T) {
	r := newRig(t)
	body(t, r.raw(restricted, "GET / HTTP/1.1\r\nHost: "+restricted+"\r\nUser-Agent: secret\r\nConnection: User-Agent\r\n\r\n"))
	if ua, ok := r.arrived().Header["User-Agent"]; ok {
		t.Errorf("User-Agent %q", ua)
	}
}

func TestNoUserAgentAndNoContentTypeAreInvented(t *testing.T) {
	r := newRig(t, at(site(t, "h2", func(w http.ResponseWriter, req *http.Request) {
		if ua, ok := req.Header["User-Agent"]; ok {
			t.Errorf("User-Agent %q", ua)
		}
		w.Header()["Content-Type"] = nil
		_, _ = io.WriteString(w, "<html>")
	})))
	resp := r.raw(restricted, "GET / HTTP/1.1\r\nHost: "+restricted+"\r\n\r\n")
	if v, ok := resp.Header["Content-Type"]; ok {
		t.Errorf("Content-Type %q was added", v)
	}
}

func TestBytesArriveWhileTheOriginHoldsTheRestBack(t *testing.T) {
	tests := []struct{ name, contentType, first string }{
		{"event stream", "text/event-stream", "data: 1\n\n"},
		{"chunks", "application/json", "{"},
	}
	each(t, func(t *testing.T, proto string) {
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				more := make(chan struct{})
				r := newRig(t, at(site(t, proto, func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", tt.contentType)
					w.WriteHeader(200)
					_ = http.NewResponseController(w).Flush()
					<-more
					_, _ = io.WriteString(w, tt.first)
					_ = http.NewResponseController(w).Flush()
					<-more
				})))
				defer close(more)
				resp := must(r.client(proto).Get("https://" + restricted + "/"))(t) // the head alone
				more <- struct{}{}
				got := make([]byte, len(tt.first))
				if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != tt.first {
					t.Errorf("read %q, %v", got, err)
				}
			})
		}
	})
}

func TestAnswerThatIsCutOffLooksCutOff(t *testing.T) {
	each(t, func(t *testing.T, proto string) {
		for _, path := range []string{"/truncate", "/truncate?chunked=1"} {
			r := newRig(t, forceH1)
			resp := must(r.client(proto).Get("https://" + restricted + path))(t)
			if b, err := io.ReadAll(resp.Body); err == nil {
				t.Errorf("%s: %d bytes that look whole", path, len(b))
			}
			if e := r.events.wait(t, isAccess("/truncate")); e.Close != "origin cut off" || e.BytesOut != 500 {
				t.Errorf("%s: event: %q, %d bytes", path, e.Close, e.BytesOut)
			}
		}
	})
}

func TestHTTP2OriginThatIsCutOffLooksCutOff(t *testing.T) {
	each(t, func(t *testing.T, proto string) {
		r := newRig(t, at(site(t, "h2", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat("x", 500))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler) // RST_STREAM
		})))
		resp := must(r.client(proto).Get("https://" + restricted + "/"))(t)
		if b, err := io.ReadAll(resp.Body); err == nil {
			t.Errorf("%d bytes that look whole", len(b))
		}
	})
}

// forceH1 makes the proxy speak HTTP/1.1 to origins.
func forceH1(s *setup) {
	through(func(next http.RoundTripper, r *http.Request) (*http.Response, error) {
		tr := next.(*http.Transport)
		tr.Protocols.SetHTTP2(false)
		return tr.RoundTrip(r)
	})(s)
}

func TestStaleConnectionIsRetriedForWhatCanBeRepeated(t *testing.T) {
	for method, want := range map[string]int{"GET": 200, "POST": 502} {
		t.Run(method, func(t *testing.T) {
			r := newRig(t, at(scripted(t, func(c net.Conn) {
				rd := bufio.NewReader(c)
				req, err := http.ReadRequest(rd)
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, req.Body)
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
				_, _ = http.ReadRequest(rd) // and is gone with the second one
			}, "http/1.1")))
			c := r.client("h1")
			for i, want := range []int{200, want} {
				req := must(http.NewRequest(method, "https://"+restricted+"/", nil))(t)
				if method == "POST" {
					req = must(http.NewRequest(method, "https://"+restricted+"/", struct{ io.Reader }{strings.NewReader("pay")}))(t)
				}
				resp := must(c.Do(req))(t)
				if body(t, resp); resp.StatusCode != want {
					t.Errorf("request %d: %d, want %d", i+1, resp.StatusCode, want)
				}
			}
		})
	}
}

func TestEarlyHintsPass(t *testing.T) {
	each(t, func(t *testing.T, proto string) {
		r := newRig(t)
		var hints []string
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			hints = append(hints, fmt.Sprint(code, " ", h.Get("Link")))
			return nil
		}})
		req := must(http.NewRequestWithContext(ctx, "GET", "https://"+restricted+"/103", nil))(t)
		resp := must(r.client(proto).Do(req))(t)
		if got := body(t, resp); resp.StatusCode != 200 || got != "hinted\n" {
			t.Errorf("%d %q", resp.StatusCode, got)
		}
		if diff := cmp.Diff([]string{"103 </style.css>; rel=preload; as=style"}, hints); diff != "" {
			t.Errorf("want -, got +\n%s", diff)
		}
	})
}

func TestEndlessHintsAreABrokenOrigin(t *testing.T) {
	r := newRig(t, at(scripted(t, func(c net.Conn) {
		_, _ = http.ReadRequest(bufio.NewReader(c))
		for {
			if _, err := io.WriteString(c, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"); err != nil {
				return
			}
		}
	}, "http/1.1")))
	c := r.tls(restricted)
	send(t, c, "GET / HTTP/1.1\r\nHost: "+restricted+"\r\n\r\n")
	for range 1000 {
		if resp := answer(t, c, "GET"); resp.StatusCode != 103 {
			if resp.StatusCode != http.StatusBadGateway {
				t.Errorf("%s, want 502", resp.Status)
			}
			return
		}
	}
	t.Error("1000 hints passed")
}

func TestRangePasses(t *testing.T) {
	each(t, func(t *testing.T, proto string) {
		r := newRig(t)
		req := must(http.NewRequest("GET", "https://"+restricted+"/range", nil))(t)
		req.Header.Set("Range", "bytes=10-14")
		resp := must(r.client(proto).Do(req))(t)
		if got := body(t, resp); resp.StatusCode != 206 || got != "01234" || resp.Header.Get("Content-Range") != "bytes 10-14/1000" {
			t.Errorf("%d %q %q", resp.StatusCode, got, resp.Header.Get("Content-Range"))
		}
	})
}

func TestUploadIsRefusedEarly(t *testing.T) {
	each(t, func(t *testing.T, proto string) {
		r := newRig(t)
		upload, w := io.Pipe()
		go func() {
			for {
				if _, err := w.Write(make([]byte, 32<<10)); err != nil {
					return
				}
			}
		}()
		resp := must(r.client(proto).Post("https://"+restricted+"/early413", "text/plain", upload))(t)
		if resp.StatusCode != 413 {
			t.Errorf("status %d, want 413", resp.StatusCode)
		}
		upload.Close()
	})
}

// An origin may answer what it has not read yet (RFC 9110, 7.5), and its
// client may go on by what the answer says.
func TestAnAnswerAndItsRequestStreamAtTheSameTime(t *testing.T) {
	each(t, func(t *testing.T, proto string) {
		for name, size := range map[string]int64{"chunked": -1, "of a size": 6} {
			t.Run(name, func(t *testing.T) {
				r := newRig(t)
				upload, w := io.Pipe()
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				req := must(http.NewRequestWithContext(ctx, "POST", "https://"+restricted+"/echo", upload))(t)
				req.ContentLength = size
				go func() { _, _ = io.WriteString(w, "one") }()
				resp := must(r.client(proto).Do(req))(t)
				got := make([]byte, 3)
				for _, word := range []string{"one", "two"} {
					if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != word {
						t.Fatalf("%q, %v, want %q", got, err, word)
					}
					if word == "one" {
						_, _ = io.WriteString(w, "two")
						w.Close()
					}
				}
				if rest := body(t, resp); rest != "" {
					t.Errorf("%q comes after the end", rest)
				}
			})
		}
	})
}

func TestBulkPassesAnInterceptedConnectionUnchanged(t *testing.T) {
	const size = 8 << 20
	each(t, func(t *testing.T, proto string) {
		r := newRig(t)
		up := bytes.Repeat([]byte("0123456789abcdef"), size/16)
		resp := must(r.client(proto).Post("https://"+restricted+"/echo", "application/octet-stream", bytes.NewReader(up)))(t)
		if got := body(t, resp); got != string(up) {
			t.Errorf("%d bytes came back, want the same %d", len(got), size)
		}
		resp.Body.Close()
		if e := r.events.wait(t, isAccess("/echo")); e.BytesIn != size || e.BytesOut != size {
			t.Errorf("event counts %d up, %d down, want %d", e.BytesIn, e.BytesOut, size)
		}
	})
}
