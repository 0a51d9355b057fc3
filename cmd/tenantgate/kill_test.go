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

// killing is an installation that is killed again and again while it refuses
// replayed tokens, and the SIEM that its events go to.
type killing struct {
	t                 *testing.T
	config, state, ca string
	token             string // that is replayed
	kills             int
	siem              *records
	answered          []string // events that refusals named
}

// newKilling makes one that is killed so often, or TENANTGATE_KILLS times; more
// is what its configuration has beside the sink.
func newKilling(t *testing.T, kills int, more string) *killing {
	t.Helper()
	cloud, err := demo.NewCloud()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cloud.Close() })
	dir := t.TempDir()
	k := &killing{t: t, config: filepath.Join(dir, "tenantgate.yaml"), state: filepath.Join(dir, "state"), kills: kills,
		token: cloud.Mint(demo.Spec{Tenant: demo.Foreign.ID}), siem: &records{taken: map[string]bool{}}}
	k.ca = filepath.Join(k.state, "ca", "ca.crt")
	if n, err := strconv.Atoi(os.Getenv("TENANTGATE_KILLS")); err == nil {
		k.kills = n
	}
	server := httptest.NewServer(k.siem)
	t.Cleanup(server.Close)
	text := strings.Replace(configuration, "STATE", k.state, 1) + more +
		"events:\n  spool: {max_bytes: 16777216}\n  sinks: [{name: siem, type: webhook, url: '" + server.URL + "', batch: {linger: 10ms}}]\n"
	if err := os.WriteFile(k.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return k
}

// arrives starts the program for the last time and waits until every refusal is
// at the SIEM.
func (k *killing) arrives() {
	k.t.Helper()
	before := len(k.answered) - k.siem.missing(k.answered)
	p := startVictim(k.t, k.config)
	defer func() {
		_ = p.Process.Kill()
		_ = p.Wait()
	}()
	for end := time.Now().Add(patience); k.siem.missing(k.answered) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			k.t.Fatalf("%d of %d refusals are not at the receiver", k.siem.missing(k.answered), len(k.answered))
		}
	}
	k.t.Logf("%d kills, %d refusals answered, %d received before the last start, 0 missing", k.kills, len(k.answered), before)
}

// The whole program is killed while it refuses replayed tokens: every refusal
// that a client got is an event at the SIEM. TENANTGATE_KILLS=200 is the long
// run.
func TestEveryRefusalReachesTheSIEMThroughKill9(t *testing.T) {
	k := newKilling(t, 6, "")
	for i := range k.kills {
		got := startVictim(t, k.config).attack(t, k.ca, k.token, 20+(i*37)%300)
		if len(got) == 0 {
			t.Fatalf("round %d: nothing was refused", i)
		}
		k.answered = append(k.answered, got...)
	}
	k.arrives()
}
