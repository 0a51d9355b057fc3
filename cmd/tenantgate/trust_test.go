package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/proxy"
)

// The machine may well trust the CA of its own proxy: as a root of the
// configuration, too, it makes nobody an origin.
func TestACertificateOfOurOwnCAIsNoOrigins(t *testing.T) {
	r := start(t, "")
	if !r.in.ours(r.ca.Certificate()) {
		t.Error("the daemon does not know its own CA")
	}
	roots, err := ownRoots(writePEM(t, r.cloud.RootPEM()))
	if err != nil || len(roots) != 1 {
		t.Fatalf("%d roots, want 1 (%v)", len(roots), err)
	}
	for _, root := range roots {
		if r.in.ours(root) {
			t.Errorf("%s is taken for ours", root.Subject)
		}
	}
	trusted := r.now.Load().rules.Trust
	if trusted == nil || trusted.Ours == nil || trusted.Revoked == nil || trusted.Metrics == nil || trusted.SignIn.Empty() {
		t.Errorf("trust of the running proxy: %+v", trusted)
	}
	if dir := filepath.Join(filepath.Dir(r.file), "state", "crl"); trusted.Revoked.Dir != dir {
		t.Errorf("lists are kept in %s, want %s", trusted.Revoked.Dir, dir)
	}
}

// A leaf's life is judged by whose root it is: the table in package proxy shows
// the rest.
func TestRootsOfOnesOwnMayLiveAsTheyLike(t *testing.T) {
	r := start(t, "")
	f := r.now.Load().file
	f.Upstream.Roots = writePEM(t, r.cloud.RootPEM())
	trusted, err := trust(f, new(proxy.Dialer), r.in)
	if err != nil || len(trusted.Private) != 1 {
		t.Fatalf("%d roots of our own, want 1 (%v)", len(trusted.Private), err)
	}
	f.Upstream.Roots = writePEM(t, []byte("no certificate"))
	if _, err := trust(f, new(proxy.Dialer), r.in); err == nil || !strings.Contains(err.Error(), "no certificate in PEM") {
		t.Errorf("a file without a certificate: %v", err)
	}
}

// The demo's root is trusted because the test says so; without it the same
// origin is refused, and the event says for what.
func TestAnOriginThatIsNotTrustedIsNamedInTheEvent(t *testing.T) {
	r := start(t, "")
	b := *r.now.Load().rules
	in := r.in
	in.roots = nil
	d, trusted, err := upstream(r.now.Load().file, in)
	if err != nil {
		t.Fatal(err)
	}
	b.HTTP, b.Trust = trusted.Transport(d), trusted
	r.server.Use(&b)
	resp, err := r.client().Get("https://graph.microsoft.com/v1.0/me")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := resp.Header.Get("Tenantgate-Reason"); resp.StatusCode != http.StatusBadGateway || got != "origin-untrusted" {
		t.Errorf("%s %s", resp.Status, got)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(r.file), "state/events/events.jsonl"))
	if err != nil || !strings.Contains(string(text), `"close_reason":"origin-untrusted: unknown-authority"`) {
		t.Errorf("no event names it: %v %s", err, text)
	}
}

func writePEM(t *testing.T, text []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
