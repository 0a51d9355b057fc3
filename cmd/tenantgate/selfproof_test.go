package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/tagging"
)

// proofs are the reasons and causes of the self-proof's events so far.
func (r *running) proofs() (all []string) {
	r.t.Helper()
	for _, e := range events(r.t, filepath.Join(filepath.Dir(r.file), "state", "events", "events.jsonl")) {
		what, own := e["event"].(map[string]any), e["tenantgate"].(map[string]any)
		if what["action"] != "self-proof" {
			continue
		}
		if own["kind"] != "tenant" || own["home_tenant"] != homeTenant {
			r.t.Errorf("%v", e)
		}
		all = append(all, fmt.Sprintf("%v: %v", what["reason"], own["close_reason"]))
	}
	return all
}

func (r *running) wantProof(metric string, proofs ...string) {
	r.t.Helper()
	if got := r.proofs(); !slices.Equal(got, proofs) {
		r.t.Errorf("events: %q, want %q; log:\n%s", got, proofs, r.log)
	}
	if page := r.page("/metrics"); !strings.Contains(page, "\ntenantgate_selfproof_ok "+metric+"\n") || !strings.Contains(page, "\ntenantgate_selfproof_last_seconds ") {
		r.t.Errorf("tenantgate_selfproof_ok is not %s", metric)
	}
	if page, want := r.page("/doctor?format=json"), map[string]string{"1": `"ok":true`, "0": `"ok":false`}[metric]; !strings.Contains(page, want) || !strings.Contains(page, `"check":"tag"`) {
		r.t.Errorf("/doctor says %s", page)
	}
}

// The proxy itself says when a tag no longer arrives, once, and when it does
// again.
func TestAProxyProvesThatItRestricts(t *testing.T) {
	r := start(t, "doctor: {every: 1h, canary: {tenant: "+demo.Foreign.ID+"}}\n")
	r.wait("proven at the start", func() bool { return strings.Contains(r.page("/metrics"), "tenantgate_selfproof_ok") })
	r.wantProof("1")

	whole := r.now.Load().rules
	bare := *whole
	bare.Tags = &tagging.Table{}
	r.server.Use(&bare)
	for range 2 {
		r.proveNow(t.Context())
		r.wantProof("0", "self-proof-failed: tag")
	}
	r.server.Use(whole)
	for range 2 {
		r.proveNow(t.Context())
		r.wantProof("1", "self-proof-failed: tag", "self-proof-restored: <nil>")
	}
	if text := r.log.String(); !strings.Contains(text, "check=tag") || strings.Contains(text, "canary&") {
		t.Errorf("log:\n%s", text)
	}
}

func TestAProxyThatIsNotAskedToProvesNothing(t *testing.T) {
	r := start(t, "")
	r.wait("ready", func() bool { return strings.Contains(r.page("/metrics"), "tenantgate_build_info") })
	if page := r.page("/metrics"); strings.Contains(page, "tenantgate_selfproof_ok ") {
		t.Error("there is a metric")
	}
	if page := r.page("/doctor"); !strings.Contains(page, "does not examine itself") || !strings.Contains(page, "--from-client --proxy") {
		t.Errorf("/doctor says %s", page)
	}
	for _, seen := range r.cloud.Seen() {
		t.Errorf("%s %s was asked", seen.Method, seen.Host)
	}
}
