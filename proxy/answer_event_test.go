package proxy_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/proxy"
)

// blocks returns how often a registry has counted a code.
func blocks(t *testing.T, registry *prometheus.Registry, code string) float64 {
	t.Helper()
	for _, family := range must(registry.Gather())(t) {
		if family.GetName() != "tenantgate_entra_blocks_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			if m.GetLabel()[0].GetValue() == code {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

func TestWhatEntraRefusesIsToldAndCounted(t *testing.T) {
	const id = "0a1b2c3d-0000-4000-8000-000000000001"
	authorize := "/fabrikam.com/oauth2/v2.0/authorize?client_id=04b07795-8ddb-461a-bbee-02f9e1bf7b46&login_hint=mallory%40fabrikam.com&redirect_uri=https%3A%2F%2Fapp.example%2F"
	for name, tt := range map[string]struct {
		method, host, path, accept, code string
		form                             url.Values
	}{
		"json":     {"POST", signIn, "/fabrikam.com/oauth2/v2.0/token", "application/json", "5000211", password("mallory@fabrikam.com")},
		"page":     {"GET", signIn, authorize, "text/html", "5000211", nil},
		"device":   {"POST", signIn, "/fabrikam.com/oauth2/v2.0/devicecode", "*/*", "5000211", url.Values{"client_id": {"x"}}},
		"personal": {"GET", "login.live.com", "/oauth20_authorize.srf?login_hint=sam%40outlook.com", "text/html", "80045C4D", nil},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, proto string) {
				registry := prometheus.NewRegistry()
				r := newRig(t, func(s *setup) { s.server.Metrics = proxy.NewMetrics(registry) })
				req := must(http.NewRequest(tt.method, "https://"+tt.host+tt.path, strings.NewReader(tt.form.Encode())))(t)
				req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				req.Header.Set("Accept", tt.accept)
				req.Header.Set("Client-Request-Id", id)
				body(t, must(r.client(proto).Do(req))(t))
				e := r.events.wait(t, isAccess(""))
				if !e.Entra.Blocked || e.Entra.Code != tt.code || e.Entra.CorrelationID != id || e.Entra.RequestID == "" {
					t.Errorf("entra: %+v", e.Entra)
				}
				if line := string(e.JSON(audit.Observer{})); !strings.Contains(line, `"outcome":"failure"`) {
					t.Errorf("outcome of %s", line)
				}
				if e.SignIn.Attempt != id {
					t.Errorf("sign-in: %+v", e.SignIn)
				}
				if n := blocks(t, registry, tt.code); n != 1 {
					t.Errorf("counted %v times", n)
				}
				told := r.events.all(func(e audit.Event) bool { return e.Kind == audit.Tenant && e.Method != "" })
				if len(told) != 1 || told[0].SignIn != e.SignIn || told[0].Entra.Code != "" {
					t.Errorf("tenant events %+v", told)
				}
			})
		})
	}
}

// Pages of Entra are imitated by the demo without what one gives to the next
// request; here a sign-in service hands out a context as the real one does.
func TestASignInIsOneAttemptWithItsPerson(t *testing.T) {
	l := site(t, "h2", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if strings.HasSuffix(r.URL.Path, "GetCredentialType") {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"IfExistsResult":0}`)
			return
		}
		_, _ = io.WriteString(w, `<script>$Config={"sCtx":"context-of-the-page-0123456789","sFT":"flow-of-the-page-0123456789"};</script>`)
	})
	r := newRig(t, at(l))
	c := r.client("h2")
	body(t, must(c.Get("https://"+signIn+"/"+demo.Foreign.ID+"/oauth2/v2.0/authorize?client_id=1950a258-227b-4e31-a9cf-717495945fc2&state=state-of-the-app-0123456789"))(t))
	r.events.wait(t, isAccess("")) // the page is read to its end when it is there
	typed := must(http.NewRequest("POST", "https://"+signIn+"/common/GetCredentialType", strings.NewReader(`{"username":"mallory@fabrikam.com","originalRequest":"context-of-the-page-0123456789"}`)))(t)
	typed.Header.Set("Content-Type", "application/json; charset=UTF-8")
	body(t, must(c.Do(typed))(t))
	body(t, r.ask("h2", "/common/login", url.Values{"ctx": {"context-of-the-page-0123456789"}, "passwd": {answerMarker}}))

	all := r.events.all(func(e audit.Event) bool { return e.Kind == audit.Tenant && e.SignIn.Flow != "" })
	if len(all) != 3 {
		t.Fatalf("%d requests of a sign-in", len(all))
	}
	for _, e := range all {
		if e.SignIn.Attempt == "" || e.SignIn.Attempt != all[0].SignIn.Attempt || e.SignIn.Tenant != demo.Foreign.ID || e.SignIn.AppName != "Azure PowerShell" {
			t.Errorf("%s: %+v", e.Path, e.SignIn)
		}
		if e.ResourceTenant != demo.Foreign.ID {
			t.Errorf("%s: resource tenant %q", e.Path, e.ResourceTenant)
		}
	}
	if all[1].SignIn.Account != "mallory@fabrikam.com" || all[2].SignIn.Account != "mallory@fabrikam.com" {
		t.Errorf("who typed: %+v, %+v", all[1].SignIn, all[2].SignIn)
	}
	r.noToken("")
}

func TestTheBodyOfASignInArrivesByteForByte(t *testing.T) {
	each(t, func(t *testing.T, proto string) {
		r := newRig(t)
		form := password("alice@contoso.com")
		r.ask(proto, "/"+demo.Home.ID+"/oauth2/v2.0/token?x=%7e", form).Body.Close()
		seen := r.arrived()
		if string(seen.Body) != form.Encode() || seen.Query != "x=%7e" {
			t.Errorf("arrived: %s %s", seen.Query, seen.Body)
		}
	})
}

func TestOtherHostsAreNotLookedInto(t *testing.T) {
	cloud := must(demo.NewCloud())(t)
	defer cloud.Close()
	to := "https://app.example/#access_token=" + cloud.Mint(demo.Spec{Tenant: demo.Foreign.ID})
	r := newRig(t, at(site(t, "h1", func(w http.ResponseWriter, req *http.Request) {
		w.Header()["Location"], w.Header()["X-Asked"] = []string{to}, req.Header["Accept-Encoding"]
		w.WriteHeader(302)
	})))
	req := must(http.NewRequest("POST", "https://"+restricted+"/common/oauth2/v2.0/token", nil))(t)
	req.Header.Set("Accept-Encoding", "zstd")
	resp := must(r.client("h2").Do(req))(t)
	if resp.Header.Get("Location") != to || resp.Header.Get("X-Asked") != "zstd" {
		t.Errorf("%s %v", resp.Status, resp.Header)
	}
	if e := r.events.wait(t, isAccess("")); e.SignIn.Flow != "" || e.Reason != string(policy.NoCredential) {
		t.Errorf("%+v", e)
	}
}

func TestASignInHostIsAskedForWhatCanBeRead(t *testing.T) {
	for sent, want := range map[string]string{
		"gzip, deflate, br, zstd": "gzip, deflate, br", "gzip;q=1.0, *;q=0.1": "gzip;q=1.0", "zstd": "identity", "br": "br",
	} {
		r := newRig(t)
		r.ask("h2", "/common/oauth2/v2.0/token", password("alice@contoso.com"), "Accept-Encoding", sent).Body.Close()
		if got := r.arrived().Header.Get("Accept-Encoding"); got != want {
			t.Errorf("%s arrives as %s", sent, got)
		}
	}
}
