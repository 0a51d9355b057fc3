package proxy

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/tagging"
	"github.com/tenantgate/tenantgate/tokens"
)

// What a request costs between net/http's server and its transport: screen,
// judge, tag, record. The rest is the standard library's.
func BenchmarkForwardData(b *testing.B)   { benchmarkForward(b, "graph.microsoft.com") }
func BenchmarkForwardSignIn(b *testing.B) { benchmarkForward(b, "login.microsoftonline.com") }

func benchmarkForward(b *testing.B, host hosts.Name) {
	const home = "11111111-1111-1111-1111-111111111111"
	tags, err1 := tagging.New(tagging.Config{Version: "v2"}, home, "22222222-2222-2222-2222-222222222222")
	finder, err2 := tokens.New(tokens.Config{}, make([]byte, 32))
	events, err3 := audit.Open(audit.Config{}, b.TempDir(), audit.Observer{Hostname: "bench", Version: "bench"})
	if err1 != nil || err2 != nil || err3 != nil {
		b.Fatal(err1, err2, err3)
	}
	defer events.Close()
	judge, err := policy.New(policy.Default(), home, false, policy.Hosts{
		SignIn: tags.Hosts(), ARM: tokens.ARM, Restricted: Restricted(tags, finder), Exempt: tagging.Exempt(), Refused: tags.Refused(),
	}, nil)
	if err != nil {
		b.Fatal(err)
	}
	session := &tls.ConnectionState{Version: tls.VersionTLS13, CipherSuite: tls.TLS_AES_128_GCM_SHA256}
	answer := func(*http.Request) *http.Response {
		return &http.Response{
			StatusCode: http.StatusOK, ContentLength: 5, TLS: session, Body: io.NopCloser(strings.NewReader("hello")),
			Header: http.Header{"Content-Type": {"application/json"}, "Content-Length": {"5"}, "Date": {"Sun, 22 Nov 2026 00:00:00 GMT"}},
		}
	}
	s := &Server{Recorder: events, Metrics: NewMetrics(prometheus.NewRegistry())}
	s.Use(&Rules{Tags: tags, Tokens: finder, Policy: judge, HTTP: answers(answer), Ports: []uint16{443}})
	defer s.Shutdown(b.Context())
	s.start()
	c := &client{Conn: nothing{}, from: netip.MustParseAddrPort("10.1.2.3:51234"), dst: hosts.Authority{Name: host, Port: 443}, way: connectWay{}}
	ctx := context.WithValue(b.Context(), clientKey{}, c)
	bearer := "Bearer " + base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT","kid":"bench"}`)) + "." +
		base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"aud":"https://graph.microsoft.com","iss":"https://sts.windows.net/%s/","exp":4102444800,"upn":"alice@contoso.com","oid":"%s","tid":"%s","ver":"1.0","pad":"%s"}`, home, home, home, strings.Repeat("x", 900))) + "." +
		strings.Repeat("A", 342)
	w := httptest.NewRecorder()
	target := &url.URL{Path: "/v1.0/me"}
	b.ReportAllocs()
	for b.Loop() {
		r := (&http.Request{
			Method: http.MethodGet, Host: string(host), RequestURI: "/v1.0/me", URL: target, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Body: http.NoBody, Header: http.Header{
				"User-Agent": {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36"},
				"Accept":     {"application/json"},
			},
		}).WithContext(ctx)
		if host == "graph.microsoft.com" {
			r.Header["Authorization"] = []string{bearer}
		}
		clear(w.Header())
		w.Body.Reset()
		s.forward(w, r)
	}
	if w.Code != http.StatusOK {
		b.Fatal(w.Code)
	}
}

type answers func(*http.Request) *http.Response

func (f answers) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

type nothing struct{ net.Conn }
