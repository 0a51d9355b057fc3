package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// siem takes lines of JSON, unless it is broken.
type siem struct {
	mu     sync.Mutex
	status int // 0 is 200
	taken  map[string]int
}

func (s *siem) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.status != 0 {
		http.Error(w, "broken", s.status)
		return
	}
	body, _ := io.ReadAll(r.Body)
	for line := range bytes.Lines(body) {
		var e struct {
			Event struct{ Action string }
		}
		if json.Unmarshal(line, &e) != nil {
			http.Error(w, "not JSON", http.StatusBadRequest)
			return
		}
		s.taken[e.Event.Action]++
	}
	io.WriteString(w, "thank you\x1b[31m")
}

func (s *siem) count(action string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taken[action]
}

// say runs a command and returns its exit code and what it printed.
func say(args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	code = run(args, strings.NewReader(""), &o, &e)
	return code, o.String(), e.String()
}

func TestEventsReachTheSIEMAndCanBeSeenAndSentAgain(t *testing.T) {
	s := &siem{taken: map[string]int{}}
	server := httptest.NewServer(s)
	defer server.Close()
	r := start(t, "events:\n  sinks: [{name: siem, type: webhook, url: '"+server.URL+"', batch: {linger: 10ms}}]\n")
	if _, err := r.client().Get("https://10.0.0.1/"); err == nil {
		t.Fatal("it is not refused")
	}
	r.wait("delivered", func() bool { return s.count("connection-blocked") == 1 })
	r.wait("counted", func() bool {
		text, _ := io.ReadAll(r.get("/metrics").Body)
		return bytes.Contains(text, []byte(`tenantgate_sink_events_total{kind="tenant",result="sent",sink="siem"} 1`)) &&
			bytes.Contains(text, []byte(`tenantgate_sink_healthy{kind="tenant",sink="siem"} 1`))
	})

	code, out, errs := say("events", "tail", "-c", r.file, "--verdict", "block", "--since", "1h")
	if code != 0 || strings.Count(out, "\n") != 1 || !strings.Contains(out, "guarded-address") {
		t.Errorf("events tail: %d %q %q", code, out, errs)
	}
	id := strings.TrimSpace(out[strings.LastIndexByte(strings.TrimSpace(out), ' '):])
	if code, out, errs := say("events", "show", "-c", r.file, id); code != 0 || !strings.Contains(out, `"id": "`+id+`"`) {
		t.Errorf("events show: %d %q %q", code, out, errs)
	}
	if code, _, errs := say("events", "show", "-c", r.file, "none"); code != 1 || !strings.Contains(errs, "no event none") {
		t.Errorf("events show none: %d %q", code, errs)
	}
	if code, out, errs := say("events", "stats", "-c", r.file, "--json"); code != 0 || !strings.Contains(out, `"guarded-address":1`) {
		t.Errorf("events stats: %d %q %q", code, out, errs)
	}
	if code, out, errs := say("sinks", "test", "-c", r.file, "siem"); code != 0 || !strings.Contains(out, `thank you`) || strings.Contains(out, "\x1b") || s.count("sink-test") != 1 {
		t.Errorf("sinks test: %d %q %q", code, out, errs)
	}
	if code, _, errs := say("sinks", "test", "-c", r.file, "other"); code != 1 || !strings.Contains(errs, "there are siem") {
		t.Errorf("sinks test other: %d %q", code, errs)
	}
	if code, out, errs := say("spool", "replay", "-c", r.file, "siem", "--verdict", "block"); code != 0 || out != "1 events sent, 0 refused\n" || s.count("connection-blocked") != 2 {
		t.Errorf("spool replay: %d %q %q", code, out, errs)
	}
	if code, out, errs := say("spool", "ls", "-c", r.file, "--json"); code != 0 || !strings.Contains(out, `"sink":"siem","kind":"tenant","taken":1,"waiting":0`) {
		t.Errorf("spool ls: %d %q %q", code, out, errs)
	}
	if code, _, errs := say("spool", "purge", "-c", r.file, "--all"); code != 3 || !strings.Contains(errs, "stop the proxy first") {
		t.Errorf("spool purge beside the proxy: %d %q", code, errs)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := say("spool", "purge", "-c", r.file, "--all"); code != 0 || !strings.HasSuffix(out, "bytes removed\n") {
		t.Errorf("spool purge: %d %q %q", code, out, errs)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(r.file), "state/events/spool/*/*.seg")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestASinkThatDoesNotWorkSaysWhyAndHoldsUpNobody(t *testing.T) {
	s := &siem{status: http.StatusUnauthorized}
	server := httptest.NewServer(s)
	defer server.Close()
	t.Setenv("TENANTGATE_TEST_SINK", "t0p-s3cret")
	r := start(t, "events:\n  sinks: [{name: siem, type: webhook, url: '"+server.URL+"', token: '${env:TENANTGATE_TEST_SINK}', batch: {linger: 10ms}}]\n")
	if _, err := r.client().Get("https://10.0.0.1/"); err == nil {
		t.Fatal("it is not refused")
	}
	var text []byte
	r.wait("told", func() bool {
		text, _ = io.ReadAll(r.get("/readyz").Body)
		return bytes.Contains(text, []byte("401"))
	})
	if n := strings.Count(r.log.String(), "sink fails"); n != 1 || !strings.Contains(r.log.String(), "tenantgate sinks test siem") {
		t.Errorf("said %d times in %s", n, r.log)
	}
	code, out, errs := say("sinks", "test", "-c", r.file, "siem")
	if code != 3 || !strings.Contains(errs, "configuration: 401") {
		t.Errorf("sinks test: %d %q %q", code, out, errs)
	}
	metrics, _ := io.ReadAll(r.get("/metrics").Body)
	for _, said := range []string{string(text), string(metrics), out, errs, r.log.String()} {
		if strings.Contains(said, "t0p-s3cret") {
			t.Errorf("the secret is told: %s", said)
		}
	}
}

func TestSIGHUPExchangesTheSinks(t *testing.T) {
	s := &siem{taken: map[string]int{}}
	server := httptest.NewServer(s)
	defer server.Close()
	r := start(t, "")
	r.configure("events:\n  sinks: [{name: siem, type: webhook, url: '" + server.URL + "', batch: {linger: 10ms}}]\n")
	r.hup("configuration reloaded")
	if _, err := r.client().Get("https://10.0.0.1/"); err == nil {
		t.Fatal("it is not refused")
	}
	r.wait("delivered", func() bool { return s.count("connection-blocked") == 1 })
}
