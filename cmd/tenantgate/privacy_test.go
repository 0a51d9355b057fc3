package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/demo"
)

// The name in a token is in no file, page, metric or log line once the
// operator does not want it, and comes back after a reload that wants it.
func TestPeopleAreNotNamedOnceTheOperatorDoesNotWantThem(t *testing.T) {
	const name = "marker-eve"
	r := start(t, "events:\n  privacy: {identities: hash}\n")
	ask := func() {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, "https://graph.microsoft.com/v1.0/users/"+name+"@contoso.com", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+r.cloud.Mint(demo.Spec{Tenant: demo.Foreign.ID, User: name + "@fabrikam.com"}))
		resp, err := r.client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusForbidden {
			t.Fatalf("status %d", resp.StatusCode)
		}
	}
	state := filepath.Join(filepath.Dir(r.file), "state")
	ask()
	text, err := os.ReadFile(filepath.Join(state, "events/events.jsonl"))
	if err != nil || !strings.Contains(string(text), `"user":"id-`) {
		t.Errorf("events: %s, %v", text, err)
	}
	for where, said := range map[string]string{
		"the file": string(text), "the console": r.page("/"), "the metrics": r.page("/metrics"), "the log": r.log.String(), "readiness": r.page("/readyz"),
	} {
		if strings.Contains(said, name) {
			t.Errorf("%s names it: %s", where, said)
		}
	}
	var seen struct {
		Tenantgate struct{ Credentials []struct{ User string } }
	}
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&seen); err != nil {
		t.Fatal(err)
	}
	code, out, errs := say("explain", "-c", r.file, "--json", "-H", "Authorization: Bearer "+r.cloud.Mint(demo.Spec{Tenant: demo.Foreign.ID, User: name + "@fabrikam.com"}), "https://graph.microsoft.com/v1.0/me")
	if code != 0 || !strings.Contains(out, seen.Tenantgate.Credentials[0].User) || strings.Contains(out, name) {
		t.Errorf("explain does not tell the same hash: %d %s %s", code, out, errs)
	}
	r.configure("events:\n  privacy: {identities: keep}\n")
	r.hup("configuration reloaded")
	ask()
	if page := r.page("/"); !strings.Contains(page, name) {
		t.Errorf("the console does not name it: %s", page)
	}
}
