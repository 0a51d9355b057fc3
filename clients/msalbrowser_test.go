package clients_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/needs"
)

// appHost is where the company's own application is. Nobody restricts it.
const appHost = "expenses.example.com"

// application publishes a page that signs in with @azure/msal-browser, and
// opens it in Chromium. Every site goes to the proxy, which tunnels this one.
func (s *stage) application(t *testing.T, tenant string) *visit {
	t.Helper()
	library := filepath.Join("node", "node_modules", "@azure", "msal-browser", "lib", "msal-browser.min.js")
	if _, err := os.Stat(library); err != nil {
		needs.Missing(t, "@azure/msal-browser is not installed (npm ci in clients/node)")
	}
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServer(http.Dir(filepath.Join("node", "app"))))
	mux.HandleFunc("/msal-browser.min.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, library) })
	mux.HandleFunc("/settings.json", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]string{"clientId": clientID, "authority": "https://" + signInHost + "/" + tenant})
	})
	s.Cloud.Publish(appHost, mux)
	b := s.browser(t)
	b.pac = ""
	b.trust(t, "public roots", s.rootFile)
	return b.visit(t, "https://"+appHost+"/")
}

// signIn presses the application's button and signs in as user.
func (v *visit) signIn(user string) {
	v.t.Helper()
	v.until("#sign-in:not([hidden])")
	v.click("#sign-in")
	v.until("main form[action*=login]")
	v.enter("[name=login]", user)
}

func TestMSALInABrowserSignsInAtHome(t *testing.T) {
	for name, tenant := range map[string]string{"own tenant": demo.Home.ID, "organizations": "organizations"} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, "chromium", "certutil")
			v := s.application(t, tenant)
			v.signIn(demo.Home.Users[0])
			got := v.until("#says")
			v.picture("msal-home")
			if got != "Hello Alice, you are signed in as "+demo.Home.Users[0]+"." {
				t.Errorf("the page says %q", got)
			}
			s.tagged(t)
			s.untagged(t, graphHost)
			s.recorded(t, graphHost, "home-account")
			if !slices.ContainsFunc(s.seen(signInHost), func(r demo.Seen) bool {
				return r.Method == http.MethodPost && strings.HasSuffix(r.Path, "/token") && strings.Contains(string(r.Body), "code_verifier=")
			}) {
				t.Error("no code was redeemed with its verifier")
			}
		})
	}
}

func TestMSALInABrowserLeadsToEntrasRefusalOfAForeignTenant(t *testing.T) {
	s := newStage(t, "chromium", "certutil")
	v := s.application(t, demo.Foreign.Domains[0])
	v.signIn(demo.Foreign.Users[0])
	if got := v.until("h1 + p"); !strings.Contains(got, "AADSTS5000211") {
		t.Errorf("the page says %q", got)
	}
	v.picture("msal-foreign")
	s.tagged(t)
	s.kept(t, graphHost)
}

// The cloud's policy allows Partner and so issues the token; ours has no entry
// for it.
func TestMSALInABrowserShowsThatATokenWasWithheld(t *testing.T) {
	s := newStage(t, "chromium", "certutil")
	v := s.application(t, "organizations")
	v.signIn(demo.Partner.Users[0])
	got := v.until("#says")
	v.picture("msal-withheld")
	e := s.withheld(t, demo.Partner)
	for _, text := range []string{"access_denied", "account of another organization", "tenantgate: external-account", e.ID} {
		if !strings.Contains(got, text) {
			t.Errorf("the page does not say %q: %s", text, got)
		}
	}
	s.tagged(t)
	s.kept(t, graphHost)
}
