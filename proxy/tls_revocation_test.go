package proxy_test

import (
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/proxy"
)

// checks is one origin with a revocation list, asked several times.
type checks struct {
	*inspection
	t      *testing.T
	p      pki
	cfg    *tls.Config // of the origin
	lists  *lists
	trust  *proxy.OriginTLS
	counts *prometheus.Registry
}

func newChecks(t *testing.T, how string) *checks {
	t.Helper()
	c := &checks{inspection: newInspection(t), t: t, counts: prometheus.NewRegistry()}
	r := recipe{"crl": how}
	c.lists = newLists(t, c.inspection, r)
	c.p, c.cfg = c.serve(t, r, restricted)
	c.lists.publish(c.p)
	c.trust = &proxy.OriginTLS{Roots: x509.NewCertPool(), Revoked: c.lists.known(), Metrics: proxy.NewMetrics(c.counts)}
	c.trust.Roots.AddCert(c.p.root.Certificate)
	return c
}

// again sends a request over a new connection, by a transport that knows
// nothing of the one before, and returns the event.
func (c *checks) again() audit.Event {
	c.t.Helper()
	rules := *c.rules
	transport := c.trust.Transport(c.dialer)
	defer transport.CloseIdleConnections()
	rules.HTTP, rules.Trust = transport, c.trust
	c.server.Use(&rules)
	before := c.events.all(func(audit.Event) bool { return true })
	c.raw(restricted, "GET / HTTP/1.1\r\nHost: "+restricted+"\r\nConnection: close\r\n\r\n")
	return c.events.wait(c.t, func(e audit.Event) bool {
		return e.Kind == audit.Access && e.Method != "" && !among(before, e.ID)
	})
}

// counted is tenantgate_revocation_total of lists.
func (c *checks) counted(result string) (n float64) {
	c.t.Helper()
	for _, family := range must(c.counts.Gather())(c.t) {
		for _, m := range family.Metric {
			labels := map[string]string{}
			for _, l := range m.Label {
				labels[l.GetName()] = l.GetValue()
			}
			if labels["source"] == "list" && labels["result"] == result {
				n += m.Counter.GetValue()
			}
		}
	}
	return n
}

func TestAnEventTellsTheTLSWithTheOrigin(t *testing.T) {
	c := newChecks(t, "good")
	want := audit.OriginTLS{Version: "TLS 1.3", Cipher: "TLS_AES_128_GCM_SHA256", Revocation: "good"}
	if e := c.again(); e.OriginTLS != want {
		t.Errorf("%+v, want %+v", e.OriginTLS, want)
	}
}

// Nobody who keeps a list away stops sign-ins, and nobody does so unseen.
func TestWhatNobodyCanTellIsSeen(t *testing.T) {
	for how, want := range map[string]string{"down": "unknown", "forged": "unknown", "other-part": "unknown", "good-stale": "unknown", "good": "good"} {
		t.Run(how, func(t *testing.T) {
			c := newChecks(t, how)
			if e := c.again(); e.Status != http.StatusOK || e.OriginTLS.Revocation != want {
				t.Errorf("%d, revocation %q, want %q", e.Status, e.OriginTLS.Revocation, want)
			}
			if n := c.counted(want); n == 0 {
				t.Errorf("nothing is counted as %s", want)
			}
		})
	}
}

// A list that nobody answers for is not asked for again by every connection.
func TestAListIsAskedForOnce(t *testing.T) {
	for _, how := range []string{"good", "forged"} {
		c := newChecks(t, how)
		for range 3 {
			c.again()
		}
		if n := c.lists.asked.Load(); n != 2 { // the leaf's issuer, and its own
			t.Errorf("%s: asked %d times, want 2", how, n)
		}
	}
}

func TestAListOutlivesTheProcess(t *testing.T) {
	c := newChecks(t, "revoked")
	dir := filepath.Join(t.TempDir(), "crl")
	c.trust.Revoked.Dir = dir
	c.again()
	c.lists.srv.Close()
	c.trust.Revoked = &proxy.RevocationLists{Dialer: c.dialer, Issuers: []string{"Listed"}, Dir: dir}
	if e := c.again(); !strings.HasSuffix(e.Close, ": revoked") {
		t.Errorf("after a start without a network: %d %q", e.Status, e.Close)
	}
	files := must(filepath.Glob(filepath.Join(dir, "*.crl")))(t)
	for _, file := range files {
		if mode := must(os.Stat(file))(t).Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %04o", file, mode)
		}
		if err := os.WriteFile(file, []byte("poison"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c.trust.Revoked = &proxy.RevocationLists{Dialer: c.dialer, Issuers: []string{"Listed"}, Dir: dir}
	if e := c.again(); len(files) != 1 || e.OriginTLS.Revocation != "unknown" {
		t.Errorf("%d files; with poisoned ones revocation is %q, want unknown", len(files), e.OriginTLS.Revocation)
	}
}

// Whoever is on the way brings the list of last week, in which nothing is.
func TestAListNeverGoesBack(t *testing.T) {
	c := newChecks(t, "revoked-stale")
	c.again()
	old := list(t, c.p.mid, midList, 1, time.Hour, nil)
	c.lists.served.Store(&map[string][]byte{"/mid.crl": old, "/root.crl": list(t, c.p.root, rootList, 2, time.Hour, []*big.Int{})})
	for range 2 {
		if e := c.again(); !strings.HasSuffix(e.Close, ": revoked") {
			t.Errorf("an older list took back a revocation: %d %q", e.Status, e.Close)
		}
	}
}

// A distribution point may name any address: it is dialled through the guard.
func TestAListIsFetchedThroughTheGuard(t *testing.T) {
	c := newChecks(t, "good")
	c.trust.Revoked.Dialer = &proxy.Dialer{Resolver: c.dialer.Resolver, Connect: c.dialer.Connect} // allows no loopback
	if e := c.again(); e.OriginTLS.Revocation != "unknown" || c.lists.asked.Load() != 0 {
		t.Errorf("revocation %q, asked %d times", e.OriginTLS.Revocation, c.lists.asked.Load())
	}
}

func TestAListIsNotLookedForElsewhere(t *testing.T) {
	c := newChecks(t, "good")
	c.lists.srv.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			t.Error("a redirect was followed")
		}
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	})
	if e := c.again(); e.OriginTLS.Revocation != "unknown" {
		t.Errorf("revocation %q, want unknown", e.OriginTLS.Revocation)
	}
}

// A resumed connection has no certificate to send: it is judged all the same.
func TestAResumedConnectionIsJudged(t *testing.T) {
	c := newChecks(t, "good")
	var resumed, ours atomic.Bool
	c.cfg.VerifyConnection = func(cs tls.ConnectionState) error { resumed.Store(cs.DidResume); return nil }
	c.trust.Ours = func(*x509.Certificate) bool { return ours.Load() }
	transport := c.trust.Transport(c.dialer)
	ask := func() (string, bool) {
		defer transport.CloseIdleConnections()
		req := must(http.NewRequest(http.MethodGet, "https://"+restricted+"/", nil))(t)
		resp, err := transport.RoundTrip(req)
		if err != nil {
			return err.Error(), resumed.Load()
		}
		return body(t, resp), resumed.Load()
	}
	ask()
	if text, again := ask(); !again {
		t.Fatalf("no connection was resumed: %s", text)
	}
	ours.Store(true)
	if text, _ := ask(); !strings.Contains(text, "(own-ca)") {
		t.Errorf("a resumed connection is not judged: %s", text)
	}
}
