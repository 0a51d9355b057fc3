package proxy_test

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/elazarl/goproxy"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/peer"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/proxy"
	"github.com/tenantgate/tenantgate/proxy/proxytest"
)

// corporate is a proxy that is there already: goproxy, with or without TLS.
type corporate struct {
	*httptest.Server
	carried atomic.Int64
}

func newCorporate(t *testing.T, cloud *demo.Cloud, start func(http.Handler) *httptest.Server) *corporate {
	c := &corporate{}
	p := goproxy.NewProxyHttpServer()
	p.ConnectDial = func(_, addr string) (net.Conn, error) {
		c.carried.Add(1)
		return cloud.Dial(context.Background(), "tcp", addr)
	}
	c.Server = start(p)
	t.Cleanup(c.Close)
	return c
}

// ruled makes the proxy of a rig go by u.
func ruled(t *testing.T, s *setup, u proxy.Upstream, roots *x509.CertPool) {
	t.Helper()
	trust := &peer.Trust{Roots: roots}
	s.dialer.Parent = must(proxy.NewParent(u.Parent, trust))(t)
	s.dialer.Parents = must(proxy.NewParentRules(u, trust))(t)
}

func (r *rig) status(host string) int {
	r.t.Helper()
	resp, err := r.client("h1").Get("https://" + host + "/status/200")
	if err != nil {
		r.t.Errorf("%s: %v", host, err)
		return 0
	}
	return resp.StatusCode
}

func TestTheFirstRuleThatHasAHostPicksItsParent(t *testing.T) {
	var clear, secure, rest *corporate
	r := newRig(t, func(s *setup) {
		clear, secure, rest = newCorporate(t, s.cloud, httptest.NewServer), newCorporate(t, s.cloud, httptest.NewTLSServer), newCorporate(t, s.cloud, httptest.NewServer)
		roots := x509.NewCertPool()
		roots.AddCert(secure.Certificate())
		ruled(t, s, proxy.Upstream{Parent: rest.URL, Parents: []proxy.ParentRule{
			{Hosts: []string{"*.microsoftonline.com"}, Parent: proxy.Direct},
			{Hosts: []string{"graph.microsoft.com", "login.microsoftonline.com"}, Parent: secure.URL},
			{Hosts: []string{"www.example.com"}, Parent: clear.URL},
		}}, roots)
	})
	tests := []struct {
		host string
		via  *corporate
	}{{signIn, nil}, {restricted, secure}, {unlisted, clear}, {"contoso.sharepoint.com", rest}}
	for _, tt := range tests {
		all := []*corporate{clear, secure, rest}
		before := []int64{clear.carried.Load(), secure.carried.Load(), rest.carried.Load()}
		if got := r.status(tt.host); got != 200 {
			t.Errorf("%s: %d", tt.host, got)
		}
		for i, c := range all {
			if went := c.carried.Load() > before[i]; went != (c == tt.via) {
				t.Errorf("%s through parent %d: %v", tt.host, i, went)
			}
		}
	}
}

func TestAnHTTPSParentIsVerified(t *testing.T) {
	var secure *corporate
	r := newRig(t, func(s *setup) {
		secure = newCorporate(t, s.cloud, httptest.NewTLSServer)
		ruled(t, s, proxy.Upstream{Parent: secure.URL}, x509.NewCertPool())
	})
	_, resp := r.connect(unlisted + ":443")
	if got := resp.Header.Get("Tenantgate-Reason"); resp.StatusCode != 502 || got != string(policy.OriginUnreachable) {
		t.Errorf("%d %s", resp.StatusCode, got)
	}
	if secure.carried.Load() > 0 {
		t.Error("it was spoken to")
	}
}

func TestAParentThatWantsOtherCredentialsIsToldOnceAndCounted(t *testing.T) {
	var log proxytest.Log
	metrics := prometheus.NewRegistry()
	r := newRig(t, func(s *setup) {
		s.server.Metrics = proxy.NewMetrics(metrics)
		c := newCorporate(t, s.cloud, func(http.Handler) *httptest.Server {
			return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Proxy-Authenticate", "NTLM")
				w.WriteHeader(http.StatusProxyAuthRequired)
			}))
		})
		ruled(t, s, proxy.Upstream{Parent: strings.Replace(c.URL, "://", "://user:hunter2@", 1)}, nil)
		s.dialer.Parent.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	for range 3 {
		if _, resp := r.connect(unlisted + ":443"); resp.Header.Get("Tenantgate-Reason") != string(policy.ParentAuth) {
			t.Errorf("%s %v", resp.Status, resp.Header)
		}
	}
	if n := strings.Count(log.String(), "answers 407"); n != 1 || strings.Contains(log.String(), "hunter2") {
		t.Errorf("the log says\n%s", log.String())
	}
	if n := countOf(t, metrics, "tenantgate_connections_total", string(policy.ParentAuth)); n != 3 {
		t.Errorf("counted %v, want 3", n)
	}
}

// countOf is the value of a counter with this reason.
func countOf(t *testing.T, r *prometheus.Registry, name, reason string) float64 {
	t.Helper()
	for _, f := range must(r.Gather())(t) {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if f.GetName() == name && l.GetName() == "reason" && l.GetValue() == reason {
					return m.GetCounter().GetValue()
				}
			}
		}
	}
	return 0
}

// fixed answers every name with the same addresses, or with none.
type fixed []netip.Addr

func (f fixed) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	if len(f) == 0 {
		return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
	}
	return f, nil
}

func TestWhatIsKnownOfADestinationIsJudgedBeforeAParentIsAsked(t *testing.T) {
	tests := []struct {
		name, target string
		dns          fixed
		status       int
		reason       policy.Reason
	}{
		{"leads to the sign-in service", "www.example.net:443", fixed{netip.MustParseAddr("20.190.128.5")}, 403, policy.RestrictedAddress},
		{"leads to this machine", "www.example.net:443", fixed{netip.MustParseAddr("169.254.169.254")}, 403, policy.GuardedAddress},
		{"a guarded literal", "169.254.169.254:443", nil, 403, policy.GuardedAddress},
		{"no DNS behind the parent", "www.example.com:443", nil, 200, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var c *corporate
			r := newRig(t, func(s *setup) {
				c = newCorporate(t, s.cloud, httptest.NewServer)
				s.dialer.Resolver = tt.dns
				ruled(t, s, proxy.Upstream{Parent: c.URL}, nil)
			})
			_, resp := r.connect(tt.target)
			if got := resp.Header.Get("Tenantgate-Reason"); resp.StatusCode != tt.status || got != string(tt.reason) {
				t.Errorf("%d %s, want %d %s", resp.StatusCode, got, tt.status, tt.reason)
			}
			if asked := c.carried.Load() > 0; asked != (tt.status == 200) {
				t.Errorf("the parent was asked: %v", asked)
			}
		})
	}
}

func TestAProxyIsNotItsOwnParent(t *testing.T) {
	r := newRig(t)
	rules, dialer := *r.rules, *r.rules.Origin
	dialer.Parent = must(proxy.NewParent("http://"+r.proxy, nil))(t)
	rules.Origin = &dialer
	r.server.Use(&rules)
	if _, resp := r.connect(unlisted + ":443"); resp.Header.Get("Tenantgate-Reason") != string(policy.ProxyLoop) {
		t.Errorf("%s %v", resp.Status, resp.Header)
	}
}
