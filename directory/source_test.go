package directory

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	contoso  = "11111111-1111-1111-1111-111111111111"
	fabrikam = "33333333-3333-3333-3333-333333333333"
	sub      = "44444444-4444-4444-4444-444444444444"
)

// cloud imitates every source on one TLS server. What it answers is looked up
// by host and path; what it does not know gets the answer of Entra for an
// unknown tenant.
type cloud struct {
	server *httptest.Server
	asked  atomic.Int64

	mu      sync.Mutex
	answers map[string]http.HandlerFunc
	down    bool
	last    *http.Request
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{answers: map[string]http.HandlerFunc{}}
	c.server = httptest.NewTLSServer(c)
	t.Cleanup(c.server.Close)
	return c
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.asked.Add(1)
	c.mu.Lock()
	answer, down := c.answers[r.Host+r.URL.Path], c.down
	c.last = r
	c.mu.Unlock()
	switch {
	case down:
		w.WriteHeader(http.StatusServiceUnavailable)
	case answer != nil:
		answer(w, r)
	default:
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"error":"invalid_tenant","error_description":"AADSTS90002: Tenant not found."}`)
	}
}

func (c *cloud) set(at string, answer http.HandlerFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers[at] = answer
}

func (c *cloud) stop(down bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.down = down
}

func (c *cloud) request() *http.Request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}

// transport dials the imitation, whatever host is asked for.
func (c *cloud) transport(t *testing.T) http.RoundTripper {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(c.server.Certificate())
	tr := &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, c.server.Listener.Addr().String())
		},
		TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "example.com"},
	}
	t.Cleanup(tr.CloseIdleConnections)
	return tr
}

const entra = "login.microsoftonline.com/"

func metadata(issuer, endpoint string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"issuer":%q,"token_endpoint":%q,"tenant_region_scope":"EU"}`, issuer, endpoint)
	}
}

func (c *cloud) setDomain(name, tenant string) {
	c.set(entra+name+"/v2.0/.well-known/openid-configuration", metadata(
		"https://login.microsoftonline.com/"+tenant+"/v2.0",
		"https://login.microsoftonline.com/"+tenant+"/oauth2/v2.0/token"))
}

func challenge(lines ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for _, line := range lines {
			w.Header().Add("WWW-Authenticate", line)
		}
		w.WriteHeader(http.StatusUnauthorized)
	}
}

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func open(t *testing.T, cfg Config) *Directory {
	t.Helper()
	d, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
