package console

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/audit"
)

const (
	home    = "11111111-1111-1111-1111-111111111111"
	foreign = "33333333-3333-3333-3333-333333333333"
)

// opened is a console on a listener, with the events of a morning.
func opened(t *testing.T, events ...*audit.Event) (*Console, *httptest.Server) {
	t.Helper()
	c := &Console{
		Ready: func() []Component { return []Component{{Name: "events", OK: true}} },
		Status: func() Status {
			return Status{Version: "1.2.3", Mode: "enforce", Tenant: home, Hash: "abcdef", Started: time.Now(), Loaded: time.Now(),
				Restricted: []string{"graph.microsoft.com"}, Exempt: []string{"enterpriseregistration.windows.net"}}
		},
		Recent: NewRecent(audit.Observer{Hostname: "gate", Version: "1.2.3"}),
		Names:  []string{"gate.corp.example"},
		Tenant: func(id string) string {
			if id == home {
				return "contoso.com"
			}
			return ""
		},
		Words:   func(string) string { return "An account of another organization." },
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "metrics") }),
		PAC:     http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "pac") }),
	}
	for i, e := range events {
		e.Seq = uint64(i + 1)
		if e.ID == "" {
			e.ID = audit.NewID()
		}
		c.Recent.Add(e)
	}
	s := httptest.NewServer(c.Handler())
	t.Cleanup(s.Close)
	return c, s
}

func refusal() *audit.Event {
	return &audit.Event{
		Kind: audit.Tenant, Time: time.Now(), Action: "request-blocked", Denied: true, Verdict: "block", Reason: "external-account", Relation: "external",
		Source: netip.MustParseAddrPort("10.0.0.7:50123"), Host: "graph.microsoft.com", Port: 443, Scheme: "https", Method: "GET", Path: "/v1.0/me",
		HomeTenant: home, AccountTenant: foreign, ResourceTenant: foreign,
		Credentials: []audit.Credential{{Place: "authorization", Kind: "jwt", Tenant: foreign, User: "mallory@fabrikam.com", Digest: "d1"}},
	}
}

func signIn() *audit.Event {
	return &audit.Event{
		Kind: audit.Tenant, Time: time.Now(), Action: "request-tagged", Verdict: "forward", Reason: "sign-in", Relation: "none",
		Source: netip.MustParseAddrPort("10.0.0.8:50123"), Host: "login.microsoftonline.com", Port: 443, Method: "POST", Path: "/common/oauth2/v2.0/token",
		HomeTenant: home, Tags: []string{"sec-Restrict-Tenant-Access-Policy"},
	}
}

type answer struct {
	status int
	header http.Header
	body   string
}

func ask(t *testing.T, method, address, host string, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequest(method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		r.Host = host
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

// A signal says what its request was refused for, but is not what the person
// was told.
func TestASignalHasNoWordsForThePerson(t *testing.T) {
	refused, signal := refusal(), refusal()
	signal.Action, signal.Reason = "bypass-signal", "token-without-sign-in"
	_, s := opened(t, refused, signal)
	for id, want := range map[string]bool{refused.ID: true, signal.ID: false} {
		page := ask(t, http.MethodGet, s.URL+"/event/"+id, "")
		if page.status != http.StatusOK || strings.Contains(page.body, "The person reads") != want {
			t.Errorf("status %d, words: want %v\n%s", page.status, want, page.body)
		}
	}
}

func TestPagesTellWhatIsInForceAndWhatHappened(t *testing.T) {
	refused, passed := refusal(), signIn()
	_, s := opened(t, refused, passed)
	for path, want := range map[string][]string{
		"/": {"enforce", home, "contoso.com", "1.2.3", "abcdef", "Ready", "external-account", "graph.microsoft.com",
			"mallory@fabrikam.com", "10.0.0.7", "login.microsoftonline.com", "/event/" + refused.ID},
		"/event/" + refused.ID: {"mallory@fabrikam.com", foreign, "tenantgate.credentials[0].digest", "An account of another organization.", "number 1"},
		"/event/" + passed.ID:  {"sec-Restrict-Tenant-Access-Policy", "request-tagged"},
		"/hosts":               {"graph.microsoft.com", "enterpriseregistration.windows.net"},
		"/style.css":           {"prefers-color-scheme"},
		"/icon.svg":            {"<svg"},
	} {
		got := ask(t, http.MethodGet, s.URL+path, "")
		if got.status != http.StatusOK {
			t.Errorf("GET %s = %d", path, got.status)
		}
		for _, text := range want {
			if !strings.Contains(got.body, text) {
				t.Errorf("GET %s lacks %q", path, text)
			}
		}
	}
	if got := ask(t, http.MethodGet, s.URL+"/event/0000", ""); got.status != http.StatusNotFound || !strings.Contains(got.body, "No such event") {
		t.Errorf("an event that is not there = %d %s", got.status, got.body)
	}
	if got := ask(t, http.MethodGet, s.URL+"/nowhere", ""); got.status != http.StatusNotFound {
		t.Errorf("a page that is not there = %d", got.status)
	}
}

// hostile is text as clients send it to reach an operator's browser.
var hostile = []string{
	`<img src=x onerror=alert(1)>`, `"><script>alert(1)</script>`, `' onmouseover='alert(1)`, `javascript:alert(1)`,
	`{{.Status.Policy}}`, `</td></table><h1>`, `</title><script>`, "\u202egnp.exe", "a\x00b\x1b[31m", "%3Cscript%3E",
	`<!--`, `]]>`, `&lt;script&gt;`, "\xff\xfe<svg/onload=alert(1)>",
}

func TestHostileTextIsTextOnly(t *testing.T) {
	for i, text := range hostile {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			e := refusal()
			e.Host, e.Path, e.Method, e.UserAgent, e.RequestID = text, "/"+text, text, text, text
			e.AccountTenant, e.ResourceTenant, e.ClientTags = text, text, []string{text}
			e.Credentials = []audit.Credential{{Place: "authorization", Kind: "jwt", Tenant: text, User: text, App: text, IDP: text}}
			_, s := opened(t, e)
			query := "?" + url.Values{"q": {text}, "tenant": {text}, "verdict": {text}, "relation": {text}}.Encode()
			for _, path := range []string{"/", "/event/" + e.ID, "/" + query} {
				body := ask(t, http.MethodGet, s.URL+path, "").body
				for _, live := range []string{"<script", "<img src=x", "<svg/", "<h1></", "onmouseover='alert", `href="javascript:`, "<!--", "\x1b", "\x00", "\u202e"} {
					if strings.Contains(body, live) {
						t.Errorf("GET %s: %q is live", path, live)
					}
				}
			}
		})
	}
}

func TestNoPageHasAScript(t *testing.T) {
	e := refusal()
	_, s := opened(t, e)
	for _, path := range []string{"/", "/?live=1", "/event/" + e.ID, "/hosts", "/event/none", "/style.css"} {
		got := ask(t, http.MethodGet, s.URL+path, "")
		if policy := got.header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "script-src") {
			t.Errorf("GET %s: Content-Security-Policy = %q", path, policy)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"} {
			if v := got.header.Get(name); v != want {
				t.Errorf("GET %s: %s = %q, want %q", path, name, v, want)
			}
		}
		if got.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("GET %s lets another site read it", path)
		}
		for _, bad := range []string{"<script", " style=", " onclick=", "javascript:"} {
			if strings.Contains(got.body, bad) {
				t.Errorf("GET %s has %q", path, bad)
			}
		}
	}
}

func TestNothingChangesByAnyMethod(t *testing.T) {
	e := refusal()
	c, s := opened(t, e)
	before := len(c.Recent.entries())
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"} {
		for _, path := range []string{"/", "/event/" + e.ID, "/hosts", "/doctor", "/readyz", "/healthz", "/metrics"} {
			if got := ask(t, method, s.URL+path, ""); got.status != http.StatusMethodNotAllowed {
				t.Errorf("%s %s = %d, want 405", method, path, got.status)
			}
		}
	}
	if got := ask(t, "POST", s.URL+"/", "", "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"); got.status != http.StatusForbidden {
		t.Errorf("POST by another site = %d, want 403", got.status)
	}
	if len(c.Recent.entries()) != before {
		t.Error("a request changed what is remembered")
	}
}

func TestAnotherSitesNameLeadsNowhere(t *testing.T) {
	_, s := opened(t, refusal())
	address := s.Listener.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	for host, want := range map[string]int{
		address: 200, "localhost:" + port: 200, "LocalHost": 200, "localhost.": 200, "gate.localhost": 200, "[::1]:" + port: 200, "127.9.9.9": 200,
		"gate.corp.example": 200, "GATE.corp.example:9090": 200,
		"evil.example": 421, "evil.example:" + port: 421, "localhost.evil.example": 421, "127.0.0.1.nip.io": 421, "10.0.0.1": 421,
		"[::ffff:10.0.0.1]": 421, "gate": 421, "notlocalhost": 421, "127.0.0.1@evil.example": 421, "0.0.0.0": 421,
	} {
		got := ask(t, http.MethodGet, s.URL+"/", host)
		if got.status != want && got.status != http.StatusBadRequest || want == 200 && got.status != 200 {
			t.Errorf("Host %q = %d, want %d", host, got.status, want)
		}
		if want != 200 && strings.Contains(got.body, "graph.microsoft.com") {
			t.Errorf("Host %q reads the events", host)
		}
	}
}

func TestMachinesAreAnsweredUnderAnyName(t *testing.T) {
	_, s := opened(t)
	for path, want := range map[string]string{"/healthz": "ok\n", "/metrics": "metrics", "/proxy.pac": "pac", "/readyz": `"ready":true`} {
		got := ask(t, http.MethodGet, s.URL+path, "wpad.corp.example")
		if got.status != http.StatusOK || !strings.Contains(got.body, want) {
			t.Errorf("GET %s = %d %q", path, got.status, got.body)
		}
	}
}

func TestOnePartThatFailsIsNotReady(t *testing.T) {
	c, s := opened(t)
	c.Ready = func() []Component {
		return []Component{{Name: "ca", OK: true}, {Name: "events", Detail: "no space left"}}
	}
	got := ask(t, http.MethodGet, s.URL+"/readyz", "")
	if got.status != http.StatusServiceUnavailable || !strings.Contains(got.body, `"name":"events","ok":false,"detail":"no space left"`) {
		t.Errorf("GET /readyz = %d %s", got.status, got.body)
	}
	if page := ask(t, http.MethodGet, s.URL+"/", "").body; !strings.Contains(page, "Not ready") || !strings.Contains(page, "no space left") {
		t.Error("the page does not say what fails")
	}
}
