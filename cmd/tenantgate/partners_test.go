package main

import (
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/demo"
)

// Partners by a domain that no tenant has, or that one has.
const (
	nobodyBlocked  = "policy: {partners: [{tenant: nowhere.example, outbound: block}]}\n"
	nobodyAllowed  = "policy: {partners: [{tenant: nowhere.example, tenant_restrictions: allow}]}\n"
	partnerBlocked = "policy: {partners: [{tenant: fabrikam.com, outbound: block}]}\n"
)

func TestAPartnerWhoseRefusalsWouldBeLostIsNotLeftOut(t *testing.T) {
	cloud, err := demo.NewCloud()
	if err != nil {
		t.Fatal(err)
	}
	defer cloud.Close()
	r := &running{t: t, file: filepath.Join(t.TempDir(), "tenantgate.yaml")}
	r.configure(nobodyBlocked)
	from := &source{file: r.file}
	f, err := from.read()
	if err != nil {
		t.Fatalf("check, which asks nobody, refuses: %v", err)
	}
	_, err = open(f, from, demoSurroundings(cloud), slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err == nil {
		t.Fatal("it starts")
	}
	for _, want := range []string{"tenantgate.yaml:4:", "policy.partners[0].tenant", `"nowhere.example"`, "outbound", "directory ID"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q: %v", want, err)
		}
	}
	if code, out, _ := say("check", "-c", r.file); code != 0 || !strings.Contains(out, "nothing starts") {
		t.Errorf("check: %d %s", code, out)
	}
}

func TestAPartnerThatIsOnlyPermittedMayBeTold(t *testing.T) {
	r := start(t, nobodyAllowed)
	if !strings.Contains(r.log.String(), "nowhere.example") {
		t.Errorf("nobody is warned:\n%s", r.log)
	}
	if code, out, _ := say("check", "-c", r.file); code != 0 || !strings.Contains(out, "its entry permits nothing") {
		t.Errorf("check: %d %s", code, out)
	}
}

func TestAReloadThatWouldLoseAPartnersRefusalsIsRefused(t *testing.T) {
	r := start(t, partnerBlocked)
	guest := func() (int, string) {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, graph, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+r.cloud.Mint(demo.Spec{Tenant: demo.Foreign.ID, IDP: demo.Home.ID}))
		resp, err := r.client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		return resp.StatusCode, resp.Header.Get("Tenantgate-Reason")
	}
	if status, reason := guest(); status != http.StatusForbidden {
		t.Fatalf("our guest at the partner: %d %s", status, reason)
	}
	r.configure(nobodyBlocked)
	r.hup(notReloaded)
	if !strings.Contains(r.log.String(), "policy.partners[0].tenant") {
		t.Errorf("the log does not say why:\n%s", r.log)
	}
	if status, reason := guest(); status != http.StatusForbidden {
		t.Errorf("after the reload: %d %s", status, reason)
	}
	r.cloud.Close() // who could tell is gone; what was learnt is not
	r.configure("mode: enforce\n" + partnerBlocked)
	r.hup(reloaded)
	if n := len(r.now.Load().rules.Policy.LeftOut()); n != 0 {
		t.Errorf("%d partners are left out although their tenant was learnt", n)
	}
}
