package main

import (
	"crypto/tls"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/tenantgate/tenantgate/demo"
)

const (
	graph        = "https://graph.microsoft.com/v1.0/me"
	reloaded     = "configuration reloaded"
	notReloaded  = "configuration was not reloaded"
	partnerEntry = "policy: {partners: [{tenant: 33333333-3333-3333-3333-333333333333" + ", tenant_restrictions: allow}]}\n"
)

func TestReloadTakesEffectAtTheNextRequestOfAnOpenConnection(t *testing.T) {
	r := start(t, "")
	c := r.client()
	if status, reason := r.ask(c, demo.Foreign.ID, graph); status != http.StatusForbidden || reason != "external-account" {
		t.Fatalf("before: %d %s", status, reason)
	}
	before := r.now.Load().rules.Hash
	r.configure(partnerEntry)
	r.hup(reloaded)
	reused := false
	req, err := http.NewRequest(http.MethodGet, graph, nil)
	if err != nil {
		t.Fatal(err)
	}
	req = req.WithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused },
	}))
	req.Header.Set("Authorization", "Bearer "+r.cloud.Mint(demo.Spec{Tenant: demo.Foreign.ID}))
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if reason := resp.Header.Get("Tenantgate-Reason"); reason != "" {
		t.Errorf("after: refused for %s", reason)
	}
	if !reused {
		t.Error("after: on a new connection")
	}
	if page := r.page("/metrics"); !strings.Contains(page, "tenantgate_config_last_reload_success 1") || strings.Contains(page, `{hash="`+before+`"}`) {
		t.Error("metrics do not tell of the reload")
	}
}

func TestBadFileLeavesTheOldInForceAndTheReasonInTheLog(t *testing.T) {
	r := start(t, partnerEntry)
	c := r.client()
	r.configure("policy: {default: {outbound: perhaps}}\npolcy: {}\n")
	r.hup(notReloaded)
	for _, want := range []string{"policy.default.outbound", "polcy", "tenantgate.yaml:4"} {
		if !strings.Contains(r.log.String(), want) {
			t.Errorf("the log lacks %q:\n%s", want, r.log)
		}
	}
	if _, reason := r.ask(c, demo.Foreign.ID, graph); reason != "" {
		t.Errorf("the partner is refused for %s", reason)
	}
	if resp := r.get("/readyz"); resp.StatusCode != http.StatusOK {
		t.Errorf("GET /readyz = %d: what is in force works", resp.StatusCode)
	}
	if !strings.Contains(r.page("/readyz"), "the last reload was refused") || !strings.Contains(r.page("/"), "was refused at the last reload") {
		t.Error("readiness or console does not tell")
	}
	if !strings.Contains(r.page("/metrics"), "tenantgate_config_last_reload_success 0") {
		t.Error("metrics do not tell")
	}
	r.configure("")
	r.hup(reloaded)
	if _, reason := r.ask(c, demo.Foreign.ID, graph); reason != "external-account" {
		t.Errorf("the former partner: %q", reason)
	}
}

func TestListenAndStateStayUntilARestart(t *testing.T) {
	r := start(t, "")
	was := r.addr("proxy")
	text, err := os.ReadFile(r.file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.file, []byte(strings.Replace(string(text), `proxy: "127.0.0.1:0"`, `proxy: "127.0.0.1:1"`, 1)+partnerEntry), 0o600); err != nil {
		t.Fatal(err)
	}
	r.hup(reloaded)
	if !strings.Contains(r.log.String(), "listen and state change only at a restart") {
		t.Errorf("nobody is warned:\n%s", r.log)
	}
	if _, reason := r.ask(r.client(), demo.Foreign.ID, graph); reason != "" || r.addr("proxy") != was {
		t.Errorf("the rest did not take effect: %s", reason)
	}
}

func TestNoRequestFailsWhileReloading(t *testing.T) {
	r := start(t, "")
	var asked atomic.Int64
	done := make(chan struct{})
	var wait sync.WaitGroup
	for i := range 4 {
		c := r.client()
		if i%2 == 0 { // HTTP/1.1 beside HTTP/2
			c.Transport.(*http.Transport).ForceAttemptHTTP2 = false
			c.Transport.(*http.Transport).TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
		}
		wait.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				asked.Add(1)
				if status, why := r.ask(c, demo.Home.ID, graph); status != http.StatusOK {
					t.Errorf("a request of ours while reloading: %d %s", status, why)
				}
				if status, why := r.ask(c, demo.Partner.ID, graph); status != http.StatusForbidden || why != "external-account" {
					t.Errorf("a foreign request while reloading: %d %s", status, why)
				}
			}
		})
	}
	came := func() int {
		return strings.Count(r.log.String(), reloaded) + strings.Count(r.log.String(), notReloaded)
	}
	for i := range 9 { // a hundred under load: faults, R01
		r.configure([]string{"", partnerEntry, "mode: nonsense\n"}[i%3])
		before, had := came(), asked.Load()
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		// Two signals that wait are one, so the next must not come earlier.
		r.wait("reloaded", func() bool { return came() > before })
		r.wait("asked", func() bool { return asked.Load() > had+2 })
	}
	close(done)
	wait.Wait()
	if valid, refused := strings.Count(r.log.String(), reloaded), strings.Count(r.log.String(), notReloaded); valid != 6 || refused != 3 {
		t.Errorf("%d reloads and %d refusals, want 6 and 3", valid, refused)
	}
}

func TestReloadMovesTheEventLog(t *testing.T) {
	r := start(t, "")
	c := r.client()
	r.ask(c, demo.Foreign.ID, graph)
	first := stateDir(r.now.Load().file, "events/events.jsonl")
	second := filepath.Join(filepath.Dir(r.file), "moved.jsonl")
	r.configure("events: {file: " + second + "}\n")
	r.hup(reloaded)
	before := len(events(t, first))
	r.ask(c, demo.Foreign.ID, graph)
	moved := events(t, second)
	if len(moved) == 0 || len(events(t, first)) != before {
		t.Fatalf("%d events are in the new file", len(moved))
	}
	if seq := moved[0]["tenantgate"].(map[string]any)["seq"]; seq != float64(before+1) {
		t.Errorf("the new file begins with number %v, want %d", seq, before+1)
	}
	r.configure("events: {file: " + filepath.Join(second, "nowhere") + "}\n")
	r.hup(notReloaded)
	if !strings.Contains(r.log.String(), "events.file: ") {
		t.Errorf("the log does not say why:\n%s", r.log)
	}
	if _, reason := r.ask(c, demo.Foreign.ID, graph); reason != "external-account" || len(events(t, second)) == len(moved) {
		t.Errorf("events do not go on where they were: %s", reason)
	}
}
