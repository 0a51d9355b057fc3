package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/demo"
)

// records is a SIEM that remembers which events came.
type records struct {
	mu    sync.Mutex
	taken map[string]bool
}

func (s *records) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	lines := bufio.NewScanner(r.Body)
	lines.Buffer(nil, 1<<20)
	s.mu.Lock()
	defer s.mu.Unlock()
	for lines.Scan() {
		var e struct{ Event struct{ ID string } }
		if json.Unmarshal(lines.Bytes(), &e) == nil {
			s.taken[e.Event.ID] = true
		}
	}
}

func (s *records) missing(ids []string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		if !s.taken[id] {
			n++
		}
	}
	return n
}

// victim is the program itself, run as an administrator would.
type victim struct {
	*exec.Cmd
	proxy string
	shot  bool // killed from outside, in attack
}

func startVictim(t *testing.T, config string) *victim {
	t.Helper()
	p := &victim{Cmd: exec.Command("tenantgate", "run", "-c", config)}
	errs, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill() }) // where the test ends early
	lines := bufio.NewScanner(errs)
	for p.proxy == "" && lines.Scan() {
		var said struct{ Msg, Proxy string }
		if json.Unmarshal(lines.Bytes(), &said) == nil && said.Msg == "tenantgate runs" {
			p.proxy = said.Proxy
		}
	}
	if p.proxy == "" {
		_ = p.Process.Kill()
		t.Fatalf("it did not start: %v, %s", p.Wait(), lines.Text())
	}
	go func() {
		for lines.Scan() { // nobody reads it, and the pipe must not fill
		}
	}()
	return p
}

// attack replays a foreign token from several clients until the proxy is gone,
// and returns the events that the refusals named. It kills it after enough.
func (p *victim) attack(t *testing.T, ca, token string, enough int) (answered []string) {
	t.Helper()
	pem, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			tr := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: p.proxy}), TLSClientConfig: &tls.Config{RootCAs: pool}}
			defer tr.CloseIdleConnections()
			c := &http.Client{Transport: tr, Timeout: patience}
			for {
				req, _ := http.NewRequest(http.MethodGet, "https://graph.microsoft.com/v1.0/me", nil)
				req.Header.Set("Authorization", "Bearer "+token)
				resp, err := c.Do(req)
				if err != nil {
					return
				}
				resp.Body.Close()
				mu.Lock()
				if id := resp.Header.Get("Tenantgate-Event"); resp.StatusCode == http.StatusForbidden && id != "" {
					answered = append(answered, id)
				}
				if len(answered) == enough {
					p.shot = true
					_ = p.Process.Kill()
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	_ = p.Process.Kill() // at the latest
	_ = p.Wait()
	return answered
}

// policyNumber is a policy that changes nothing for the token of the attack,
// and whose last line says that it is whole.
func policyNumber(n string) []byte {
	return fmt.Appendf(nil, "policy:\n  default: {outbound: allow, inbound: allow, tenant_restrictions: block}\n  partners:\n  - {tenant: 44444444-4444-4444-4444-%012s, tenant_restrictions: allow}\n# end of %s\n", n, n)
}

// replacePolicy is what policy sync does at the end.
func replacePolicy() {
	if _, err := replaceFile(os.Args[1], policyNumber(os.Args[2])); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// The whole program is killed while it refuses replayed tokens: every refusal
// that a client got is an event at the SIEM. TENANTGATE_KILLS=200 is the long
// run.
func TestEveryRefusalReachesTheSIEMThroughKill9(t *testing.T) {
	kills := 6
	if more, err := strconv.Atoi(os.Getenv("TENANTGATE_KILLS")); err == nil {
		kills = more
	}
	cloud, err := demo.NewCloud()
	if err != nil {
		t.Fatal(err)
	}
	defer cloud.Close()
	s := &records{taken: map[string]bool{}}
	server := httptest.NewServer(s)
	defer server.Close()
	dir := t.TempDir()
	config := filepath.Join(dir, "tenantgate.yaml")
	text := strings.Replace(configuration, "STATE", filepath.Join(dir, "state"), 1) +
		"events:\n  sinks: [{name: siem, type: webhook, url: '" + server.URL + "', batch: {linger: 10ms}}]\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	token := cloud.Mint(demo.Spec{Tenant: demo.Foreign.ID})
	var answered []string
	for i := range kills {
		p := startVictim(t, config)
		got := p.attack(t, filepath.Join(dir, "state", "ca", "ca.crt"), token, 20+(i*37)%300)
		if len(got) == 0 {
			t.Fatalf("round %d: nothing was refused", i)
		}
		answered = append(answered, got...)
	}
	before := len(answered) - s.missing(answered)
	p := startVictim(t, config)
	defer func() {
		_ = p.Process.Kill()
		_ = p.Wait()
	}()
	for end := time.Now().Add(patience); s.missing(answered) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d of %d refusals are not at the receiver", s.missing(answered), len(answered))
		}
	}
	t.Logf("%d kills, %d refusals answered, %d received before the last start, 0 missing", kills, len(answered), before)
}
