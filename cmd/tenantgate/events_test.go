package main

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/demo"
)

func TestEventsOnStandardOutputAreJSONLines(t *testing.T) {
	p := launch(t, "events: {file: \"-\"}\n")
	if status, reason := p.connect("10.0.0.1:443"); reason != "guarded-address" {
		t.Errorf("CONNECT = %s %s", status, reason)
	}
	if got := p.end(); got != 0 {
		t.Errorf("exit code %d", got)
	}
	out := p.out.String()
	if out == "" || !strings.HasSuffix(out, "\n") {
		t.Fatalf("standard output: %q", out)
	}
	for line := range strings.Lines(out) {
		var e map[string]any
		if err := json.Unmarshal([]byte(line), &e); err != nil || e["ecs"] == nil {
			t.Errorf("standard output has %q: %v", line, err)
		}
	}
	if strings.Contains(p.err.String(), "ecs") {
		t.Error("events are in the log as well")
	}
}

func TestNoRecordNoPassage(t *testing.T) {
	r := start(t, "")
	c := r.client()
	const signIn = "https://login.microsoftonline.com/common/oauth2/v2.0/authorize"
	if _, reason := r.ask(c, "", signIn); reason != "" {
		t.Fatalf("refused for %s", reason)
	}
	file := filepath.Join(filepath.Dir(r.file), "state/events/events.jsonl")
	if err := os.Rename(file, file+".1"); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(file, 0o700); err != nil {
		t.Fatal(err)
	}
	r.hup("reopen events") // until then, or for a second, the file that was moved has them
	reached := len(r.cloud.Seen())
	for _, tenant := range []string{"", demo.Foreign.ID} {
		address := signIn
		if tenant != "" {
			address = graph
		}
		if status, reason := r.ask(c, tenant, address); status != http.StatusForbidden || reason != "not-recorded" {
			t.Errorf("without a record, %s = %d %s", address, status, reason)
		}
	}
	if n := len(r.cloud.Seen()); n != reached {
		t.Errorf("%d requests reached the cloud without a record", n-reached)
	}
	if resp := r.get("/readyz"); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("GET /readyz = %d while nothing can be recorded", resp.StatusCode)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if status, reason := r.ask(c, "", signIn); reason != "" || status == 0 {
		t.Errorf("once it can be written again: %d %s", status, reason)
	}
	if resp := r.get("/readyz"); resp.StatusCode != http.StatusOK {
		t.Errorf("GET /readyz = %d once it can be written again: %s", resp.StatusCode, r.page("/readyz"))
	}
	if n := len(events(t, file)); n == 0 {
		t.Error("nothing is in the new file")
	}
}
