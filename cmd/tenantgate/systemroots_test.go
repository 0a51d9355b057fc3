package main

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// rootsAt makes file the system's bundle.
func rootsAt(t *testing.T, file string) {
	t.Helper()
	t.Setenv("SSL_CERT_FILE", file)
	t.Setenv("SSL_CERT_DIR", filepath.Dir(file)+"/none")
}

// trusts tells whether pool has a root of that name.
func trusts(pool *x509.CertPool, root *x509.Certificate) bool {
	_, err := root.Verify(x509.VerifyOptions{Roots: pool, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	return err == nil
}

func TestRootsThatTheSystemGetsOrLosesAreInForceWithoutARestart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bundle.pem")
	rootsAt(t, file)
	r := start(t, "")
	old, err := ownRoots(writePEM(t, r.cloud.RootPEM()))
	if err != nil {
		t.Fatal(err)
	}
	r.in.roots = nil // the demo's own way to be trusted
	if err := os.WriteFile(file, r.cloud.RootPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	seen := r.believeAgain(time.Time{})
	if !trusts(r.now.Load().rules.Trust.Roots, old[0]) {
		t.Error("a root that the system has got is not believed")
	}
	before := r.now.Load()
	if again := r.believeAgain(seen); !again.Equal(seen) || r.now.Load() != before {
		t.Error("roots that are as they were make new rules")
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(file, seen.Add(time.Minute), seen.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	r.believeAgain(seen)
	if trusts(r.now.Load().rules.Trust.Roots, old[0]) {
		t.Error("a root that the system has lost is believed")
	}
}

// The machine trusts the CA of its own proxy where that is in its store.
func TestWhoRunsWithoutTheCAKnowsItAllTheSame(t *testing.T) {
	r := start(t, "")
	f := r.now.Load().file
	alone, err := believe(f, offline)
	if err != nil {
		t.Fatal(err)
	}
	if !alone.Ours(r.ca.Certificate()) {
		t.Error("the CA in the state directory is taken for another's")
	}
	o := observerOf(f)
	if !o.Ours(r.ca.Certificate()) || !r.observer().Ours(r.ca.Certificate()) {
		t.Error("sinks would believe our own CA")
	}
	f.State = t.TempDir()
	if other, err := believe(f, offline); err != nil || other.Ours(r.ca.Certificate()) {
		t.Errorf("another installation's CA is ours (%v)", err)
	}
}

func TestRootsThatNobodyHasUpdatedForAYearAreWarnedOf(t *testing.T) {
	file := writePEM(t, nil)
	rootsAt(t, file)
	now := time.Now()
	if notes := rootNotes(now.Add(364 * 24 * time.Hour)); len(notes) > 0 {
		t.Errorf("%q", notes)
	}
	notes := rootNotes(now.Add(400 * 24 * time.Hour))
	if len(notes) != 1 || !strings.Contains(notes[0], file) || !strings.Contains(notes[0], "400 days") && !strings.Contains(notes[0], "399 days") {
		t.Errorf("%q", notes)
	}
}

func TestTheAgeOfTheRootsIsAMetric(t *testing.T) {
	file := writePEM(t, nil)
	rootsAt(t, file)
	when := time.Unix(1_700_000_000, 0)
	if err := os.Chtimes(file, when, when); err != nil {
		t.Fatal(err)
	}
	r := start(t, "")
	const text = `
# HELP tenantgate_roots_changed_seconds When the roots that origins are believed by were changed last, Unix time.
# TYPE tenantgate_roots_changed_seconds gauge
tenantgate_roots_changed_seconds 1.7e+09
`
	if err := testutil.GatherAndCompare(r.metrics, strings.NewReader(text), "tenantgate_roots_changed_seconds"); err != nil {
		t.Error(err)
	}
}
