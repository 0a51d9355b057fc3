package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/pac"
)

func TestReadinessTellsEachPart(t *testing.T) {
	r := start(t, "")
	var got struct {
		Ready      bool
		Components []struct {
			Name, Detail string
			OK           bool
		}
	}
	resp := r.get("/readyz")
	if err := json.NewDecoder(resp.Body).Decode(&got); err != nil || resp.StatusCode != http.StatusOK || !got.Ready {
		t.Fatalf("GET /readyz = %d %+v, %v", resp.StatusCode, got, err)
	}
	var names []string
	for _, c := range got.Components {
		if !c.OK {
			t.Errorf("%s is not ok: %s", c.Name, c.Detail)
		}
		names = append(names, c.Name)
	}
	for _, want := range []string{"listen.proxy", "listen.admin", "ca", "events", "config"} {
		if !slices.Contains(names, want) {
			t.Errorf("components %v lack %s", names, want)
		}
	}
	if r.page("/healthz") != "ok\n" {
		t.Error("GET /healthz is not ok")
	}
}

// label finds the labels of a sample.
var label = regexp.MustCompile(`(\w+)="([^"]*)"`)

// unused are metrics of what is not set up here: sinks, a schedule of the
// doctor's, upstreams of a steering resolver.
var unused = regexp.MustCompile(`^tenantgate_(sink|selfproof|dns_upstream)_`)

func TestMetricsAreThoseOfTheDocumentsWithBoundedLabels(t *testing.T) {
	r := start(t, "")
	c := r.client()
	r.ask(c, demo.Home.ID, "https://graph.microsoft.com/v1.0/me?marker")
	r.ask(c, demo.Foreign.ID, "https://graph.microsoft.com/v1.0/marker")
	r.ask(c, "", "https://login.microsoftonline.com/common/oauth2/v2.0/authorize")
	r.ask(c, "", "https://login.microsoftonline.com/fabrikam.com/oauth2/v2.0/authorize?client_id=04b07795-8ddb-461a-bbee-02f9e1bf7b46&response_type=code&redirect_uri=http://localhost&login_hint=mallory@fabrikam.com")
	r.ask(c, "", "https://www.example.com/")
	r.ask(c, "", "https://marker.example.org/")
	text := r.page("/metrics")
	doc, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile("(?m)^\\| `(tenantgate_\\w+)`").FindAllSubmatch(doc, -1)
	if len(names) < 10 {
		t.Fatalf("docs/metrics.md names %d metrics", len(names))
	}
	documented := map[string]bool{}
	for _, m := range names {
		documented[string(m[1])] = true
		if unused.Match(m[1]) {
			continue
		}
		if !regexp.MustCompile(`(?m)^` + string(m[1]) + `(_bucket)?[{ ]`).MatchString(text) {
			t.Errorf("/metrics lacks %s", m[1])
		}
	}
	for line := range strings.Lines(text) {
		name, isHelp := strings.CutPrefix(line, "# HELP ")
		if name, _, _ := strings.Cut(name, " "); isHelp && strings.HasPrefix(name, "tenantgate_") && !documented[name] {
			t.Errorf("docs/metrics.md lacks %s", name)
		}
		for _, l := range label.FindAllStringSubmatch(line, -1) {
			if !slices.Contains([]string{"action", "reason", "plane", "verdict", "side", "result", "kind", "version", "commit", "go", "fips", "hash", "le", "quantile", "sink", "code", "budget", "source", "signal"}, l[1]) {
				t.Errorf("%s is a label that nobody knows: %s", l[1], line)
			}
		}
	}
	if strings.Contains(text, "marker") || strings.Contains(text, "graph.microsoft.com") || strings.Contains(text, demo.Foreign.ID) {
		t.Error("/metrics has text from a client")
	}
	if !strings.Contains(text, `tenantgate_requests_total{plane="data",reason="external-account",verdict="block"} 1`) {
		t.Error("the refusal is not counted")
	}
}

func TestPACFileIsThatOfThePACCommand(t *testing.T) {
	r := start(t, "")
	resp := r.get("/proxy.pac")
	if got := resp.Header.Get("Content-Type"); got != "application/x-ns-proxy-autoconfig" {
		t.Errorf("Content-Type = %q", got)
	}
	tag := resp.Header.Get("ETag")
	if !regexp.MustCompile(`^"[0-9a-f]{16,}"$`).MatchString(tag) {
		t.Errorf("ETag = %q", tag)
	}
	req, _ := http.NewRequest(http.MethodGet, "http://"+r.addr("admin")+"/proxy.pac", nil)
	req.Header.Set("If-None-Match", tag)
	req.Host = "wpad.corp.example"
	again, err := http.DefaultClient.Do(req)
	if err != nil || again.StatusCode != http.StatusNotModified {
		t.Errorf("GET with the ETag = %v, %v, want 304", again, err)
	}
	f := r.now.Load().file
	f.Listen.Proxy = r.addr("proxy")
	b, err := assemble(f, offline)
	if err != nil {
		t.Fatal(err)
	}
	var want bytes.Buffer
	if err := pac.Write(&want, b.pac.Script("", netip.Addr{}, f.Listen.Proxy)); err != nil {
		t.Fatal(err)
	}
	if got := r.page("/proxy.pac"); got != want.String() {
		t.Errorf("the served file is not that of the command (%d and %d octets)", len(got), want.Len())
	}
}

func TestNothingElseIsServed(t *testing.T) {
	r := start(t, "")
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/vars", "/wpad.dat", "/reload", "/..%2fstate"} {
		if got := r.get(path).StatusCode; got != http.StatusNotFound {
			t.Errorf("GET %s = %d, want 404", path, got)
		}
	}
}

func TestConsoleShowsWhatTheLogHasKept(t *testing.T) {
	r := start(t, "")
	if _, reason := r.ask(r.client(), demo.Foreign.ID, "https://graph.microsoft.com/v1.0/me"); reason != "external-account" {
		t.Fatalf("reason = %q", reason)
	}
	page := r.page("/?verdict=block")
	link := regexp.MustCompile(`/event/([0-9a-f-]{36})`).FindStringSubmatch(page)
	if link == nil || !strings.Contains(page, "contoso.com") {
		t.Fatalf("the console shows no event")
	}
	logged := events(t, stateDir(r.now.Load().file, "events/events.jsonl"))
	if !slices.ContainsFunc(logged, func(e map[string]any) bool { return e["event"].(map[string]any)["id"] == link[1] }) {
		t.Error("the console shows an event that the log does not have")
	}
	details := ""
	for _, link := range regexp.MustCompile(`/event/[0-9a-f-]{36}`).FindAllString(page, -1) { // a signal may be the newest
		if detail := r.page(link); strings.Contains(detail, demo.Foreign.ID) {
			details += detail
		}
	}
	if !strings.Contains(details, "You are signed in with an account of another organization") {
		t.Error("no event's page has the tenant, and what the person reads")
	}
}
