package siem_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/tenantgate/tenantgate/audit"
)

const (
	home    = "11111111-1111-1111-1111-111111111111"
	foreign = "33333333-3333-3333-3333-333333333333"
)

// sample returns the events that the content is tried with, by name. Together
// they have every field that an event can have.
func sample() map[string]*audit.Event {
	at := time.Date(2026, 11, 21, 19, 0, 0, 123456000, time.UTC)
	request := func(kind audit.Kind, relation, reason, verdict string) *audit.Event {
		return &audit.Event{
			Kind: kind, Time: at, Action: "request-forwarded", Reason: reason, Source: netip.MustParseAddrPort("10.0.0.7:50123"), User: `CONTOSO\ada`,
			Host: "graph.microsoft.com", Port: 443, Scheme: "https", Path: "/v1.0/me", Method: "GET", Version: "2", UserAgent: "curl/8.5.0",
			RequestID: "b2f0e3c2-4c5a-4c43-9f0e-0f5f2a7f2c11", TLSVersion: "1.3", Plane: "data", Mode: "enforce", Verdict: verdict, Relation: relation, HomeTenant: home,
		}
	}
	refused := request(audit.Tenant, "external", "external-account", "block")
	refused.Action, refused.Denied, refused.Status, refused.ResourceTenant, refused.AccountTenant = "request-blocked", true, 403, foreign, foreign
	refused.Credentials = []audit.Credential{{Place: "authorization", Kind: "jwt", Tenant: foreign, App: "04b07795-8ddb-461a-bbee-02f9e1bf7b46", User: "eve@fabrikam.com", Digest: "5f2b0c9d4a7e1830"}}

	observed := *refused
	observed.Action, observed.Denied, observed.Observed, observed.Verdict, observed.Mode, observed.Status = "request-forwarded", false, true, "forward", "observe", 0

	consumer := *refused
	consumer.Relation, consumer.Reason, consumer.AccountTenant = "consumer", "consumer-account", "9188040d-6c67-4c5b-b112-36a304b66dad"

	passed := request(audit.Access, "home", "home-account", "forward")
	passed.Status, passed.BytesIn, passed.BytesOut, passed.Duration, passed.Addr = 200, 321, 65432, 12345678, "20.190.128.1"
	passed.For, passed.ResourceTenant, passed.AccountTenant = audit.NewID(), home, home
	passed.OriginTLS = audit.OriginTLS{Version: "TLS 1.3", Cipher: "TLS_AES_128_GCM_SHA256", Revocation: "good"}

	signIn := request(audit.Tenant, "none", "sign-in", "forward")
	signIn.Category, signIn.Action, signIn.Unknown, signIn.Plane = []string{"network", "web", "authentication"}, "request-tagged", true, "auth"
	signIn.Host, signIn.Path, signIn.Tags, signIn.ResourceDomain = "login.microsoftonline.com", "/fabrikam.com/oauth2/v2.0/token", []string{"sec-Restrict-Tenant-Access-Policy"}, "fabrikam.com"
	signIn.ClientTags = []string{"Restrict-Access-To-Tenants"}
	signIn.SignIn = audit.SignIn{Account: "eve@fabrikam.com", Tenant: "fabrikam.com", Domain: "fabrikam.com", App: "04b07795-8ddb-461a-bbee-02f9e1bf7b46", AppName: "Azure CLI", Flow: "password", Attempt: signIn.RequestID}

	answered := *signIn
	answered.Kind, answered.For, answered.Status, answered.Duration, answered.ClientTags = audit.Access, audit.NewID(), 400, 1, nil
	answered.Entra = audit.Entra{Code: "5000211", RequestID: "0a1b2c3d-0000-4000-8000-000000000001", CorrelationID: signIn.RequestID, Blocked: true}

	// A sign-in host on which restrictions are not enforced.
	untagged := *signIn
	untagged.Action, untagged.Reason, untagged.Verdict, untagged.Denied, untagged.Unknown, untagged.Tags = "connection-blocked", "untagged-sign-in", "block", true, false, nil
	untagged.Credentials = refused.Credentials

	link := request(audit.Tenant, "home", "link-external", "block")
	link.Action, link.Denied, link.Plane, link.Host, link.Method = "request-blocked", true, "arm", "management.azure.com", "PUT"
	link.Links = []audit.Link{{Kind: "vnet-peering", Resource: "/subscriptions/a", Target: "/subscriptions/b", Tenant: foreign}}

	tunnel := request(audit.Access, "none", "unlisted-host", "tunnel")
	tunnel.Action, tunnel.Plane, tunnel.Host, tunnel.Scheme, tunnel.Path, tunnel.Close, tunnel.Method = "connection-tunnelled", "other", "ex\xffample.org", "", "", "idle", "CONNECT"

	pinned := request(audit.Tenant, "none", "client-tls-failed", "block")
	pinned.Action, pinned.Denied, pinned.Method = "connection-blocked", true, ""

	signal := *pinned
	signal.Category, signal.Action, signal.Reason, signal.For = []string{"network", "intrusion_detection"}, "bypass-signal", "pinned-application", audit.NewID()
	signal.ClientHello, signal.Close = "t13d1516h2_8daaf6152771_e5627efa2ab1", "alert: unknown certificate authority"

	past := *refused
	past.Category, past.Action, past.Reason, past.For = signal.Category, signal.Action, "token-without-sign-in", audit.NewID()
	past.Denied, past.Unknown = false, true

	key := request(audit.Tenant, "none", "external-key", "forward")
	key.Mailbox = audit.Mailbox{User: "eve@fabrikam.com", Tenant: foreign}
	key.Credentials, key.ResourceTenant = []audit.Credential{{Place: "query", Kind: "key", Digest: "0011223344556677"}}, foreign

	long := request(audit.Access, "outbound", "outbound-account", "forward")
	long.UserAgent, long.ResourceTenant = strings.Repeat("a", 4<<10), foreign

	lost := &audit.Event{Time: at, Category: []string{"process"}, Type: []string{"info"}, Action: "spool-overrun", Reason: "spool-overrun", Sink: "siem", Count: 7}
	return map[string]*audit.Event{
		"refused": refused, "observed": &observed, "consumer": &consumer, "passed": passed, "sign-in": signIn, "refused by Entra": &answered, "untagged": &untagged,
		"link": link, "tunnel": tunnel, "pinned": pinned, "signal": &signal, "past": &past, "key": key, "long": long, "lost": lost,
	}
}

// observer is the proxy that the samples come from.
var observer = audit.Observer{Hostname: "gate-1", Version: "1.0.0"}

// formats are the renderings in JSON; a webhook sends each as it is.
var formats = []string{"ecs", "asim", "cim", "ocsf"}

// A look is what the events of sample look like: look[format][name].
type look map[string]map[string]map[string]any

func rendered(t *testing.T) look {
	t.Helper()
	all, err := render()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// render records the samples in a log whose sinks write every format.
var render = sync.OnceValues(func() (look, error) {
	dir, err := os.MkdirTemp("", "siem")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	events, names := sample(), map[string]string{}
	all := look{}
	var mu sync.Mutex
	var left sync.WaitGroup
	left.Add(len(events) * len(formats))
	cfg := audit.Config{}
	for _, format := range formats {
		all[format] = map[string]map[string]any{}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			mu.Lock()
			defer mu.Unlock()
			for line := range bytes.Lines(body) {
				var event map[string]any
				if err := json.Unmarshal(line, &event); err != nil {
					http.Error(w, err.Error(), http.StatusBadRequest)
					return
				}
				if name := names[idOf(format, event)]; name != "" && all[format][name] == nil {
					all[format][name] = event
					left.Done()
				}
			}
		}))
		defer server.Close()
		cfg.Sinks = append(cfg.Sinks, audit.SinkConfig{Name: format, Type: "webhook", URL: server.URL, Format: format, Batch: audit.BatchConfig{Linger: time.Millisecond}})
	}
	log, err := audit.Open(cfg, dir, observer)
	if err != nil {
		return nil, err
	}
	for name, e := range events {
		e.ID = audit.NewID()
		mu.Lock()
		names[e.ID] = name
		mu.Unlock()
		if err := log.Record(e); err != nil {
			return nil, err
		}
	}
	arrived := make(chan struct{})
	go func() { left.Wait(); close(arrived) }()
	select {
	case <-arrived:
	case <-time.After(2 * time.Minute):
		return nil, errors.Join(errors.New("not every event came in every format"), log.Close())
	}
	return all, log.Close()
})

// idOf is where a rendering has event.id.
func idOf(format string, event map[string]any) string {
	at := map[string][]string{"ecs": {"event", "id"}, "asim": {"EventUid"}, "cim": {"event_id"}, "ocsf": {"metadata", "uid"}}[format]
	var v any = event
	for _, key := range at {
		object, _ := v.(map[string]any)
		v = object[key]
	}
	id, _ := v.(string)
	return id
}

// fieldsOf returns the paths of all values that a rendering's events have, and
// one value of each. Elements of a list have mark behind the list's name.
func fieldsOf(t *testing.T, format, mark string) map[string]any {
	t.Helper()
	all := map[string]any{}
	for _, event := range rendered(t)[format] {
		flatten(all, "", mark, event)
	}
	return all
}

func flatten(into map[string]any, at, mark string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			flatten(into, strings.TrimPrefix(at+"."+key, "."), mark, inner)
		}
	case []any:
		if _, known := into[at+mark]; !known && len(v) == 0 {
			into[at+mark] = nil
		}
		for _, inner := range v {
			flatten(into, at+mark, mark, inner)
		}
	default:
		into[at] = v
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(src)
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(read(t, path)))
	if err := d.Decode(into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if d.More() {
		t.Fatalf("%s: more than one value", path)
	}
}

func readYAML(t *testing.T, path string, into any) {
	t.Helper()
	if err := yaml.UnmarshalWithOptions([]byte(read(t, path)), into, yaml.Strict()); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func files(t *testing.T, pattern string, atLeast int) []string {
	t.Helper()
	all, err := filepath.Glob(pattern)
	if err != nil || len(all) < atLeast {
		t.Fatalf("%s: %d files, want %d or more (%v)", pattern, len(all), atLeast, err)
	}
	return all
}

// words are all words in backticks on a page of the documentation.
func words(t *testing.T, page string) []string {
	t.Helper()
	var all []string
	for _, m := range regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(read(t, filepath.Join("..", "..", "docs", page)), -1) {
		all = append(all, m[1])
	}
	slices.Sort(all)
	return slices.Compact(all)
}
