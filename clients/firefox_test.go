package clients_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/needs"
)

// firefox is Firefox on a company device: the PAC file, and a CA in the
// profile's NSS database.
type firefox struct {
	program, certutil string
	pac               string
	ca                string         // PEM file to trust; may be empty
	prefs             map[string]any // beside the usual ones
}

// user returns the preferences that keep Firefox from asking for more than it is
// told to, and what it asks for all the same on this machine: every name is
// loopback.
func (b firefox) user() string {
	prefs := map[string]any{
		"network.proxy.type": 2, "network.proxy.autoconfig_url": b.pac, "network.proxy.allow_bypass": false,
		"network.proxy.failover_direct": false, "network.dns.forceResolve": "127.0.0.1",
		"network.captive-portal-service.enabled": false, "network.connectivity-service.enabled": false, "network.http.http3.enable": false,
		"network.trr.mode": 5, "dom.security.https_first": false, "dom.security.https_first_schemeless": false, "browser.startup.homepage_override.mstone": "ignore",
		"browser.shell.checkDefaultBrowser": false, "app.update.enabled": false, "app.normandy.enabled": false, "toolkit.telemetry.enabled": false,
		"datareporting.policy.dataSubmissionEnabled": false, "datareporting.healthreport.uploadEnabled": false, "datareporting.usage.uploadEnabled": false,
		"browser.safebrowsing.malware.enabled": false, "browser.safebrowsing.phishing.enabled": false, "browser.safebrowsing.downloads.enabled": false,
		"extensions.update.enabled": false, "extensions.getAddons.cache.enabled": false, "media.gmp-manager.updateEnabled": false,
		"services.settings.server": "data:,", "browser.region.network.url": "", "browser.aboutConfig.showWarning": false,
		"privacy.trackingprotection.enabled": false, "security.OCSP.enabled": 0, "network.prefetch-next": false, "network.dns.disablePrefetch": true,
	}
	for k, v := range b.prefs {
		prefs[k] = v
	}
	var text strings.Builder
	for k, v := range prefs {
		value, _ := json.Marshal(v)
		fmt.Fprintf(&text, "user_pref(%q, %s);\n", k, value)
	}
	return text.String()
}

// open loads a page in a fresh profile, to its end, and keeps a picture of it.
func (b firefox) open(t *testing.T, picture, address string) {
	t.Helper()
	home := scratch(t)
	profile := filepath.Join(home, "profile")
	if err := os.Mkdir(profile, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(b.user()), 0o600); err != nil {
		t.Fatal(err)
	}
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home, "LANG=C.UTF-8", "TZ=UTC", "MOZ_CRASHREPORTER_DISABLE=1", "MOZ_HEADLESS=1"}
	if b.ca != "" {
		cmd := exec.CommandContext(within(t, patience), b.certutil, "-A", "-d", "sql:"+profile, "-t", "C,,", "-n", "tenantgate", "-i", b.ca)
		cmd.Env = env
		if _, stderr, exit := run(t, cmd); exit != 0 {
			t.Fatalf("certutil: exit %d: %s", exit, stderr)
		}
	}
	cmd := exec.CommandContext(within(t, 2*patience), b.program, "--headless", "--no-remote", "--profile", profile,
		"--window-size", "1100,760", "--screenshot", picture, address)
	cmd.Env = env
	if _, stderr, exit := run(t, cmd); exit != 0 {
		t.Fatalf("firefox: exit %d: %s", exit, stderr)
	}
}

func (s *stage) firefox(t *testing.T) firefox {
	t.Helper()
	return firefox{program: needs.Tool(t, "firefox-esr"), certutil: needs.Tool(t, "certutil"), pac: s.admin(t), ca: s.caFile}
}

func TestFirefoxSignsInThroughTheProxyAndItIsTagged(t *testing.T) {
	s := newStage(t, "firefox-esr", "certutil")
	const path = "/organizations/oauth2/v2.0/authorize"
	s.firefox(t).open(t, picture(t, "firefox-sign-in"), "https://"+signInHost+path+"?client_id="+clientID+"&response_type=code")
	s.tagged(t)
	asked := false
	for _, r := range s.seen(signInHost) {
		asked = asked || r.Path == path && strings.Contains(r.Header.Get("User-Agent"), "Firefox")
	}
	if !asked {
		t.Errorf("the cloud did not see the page asked for by Firefox: %+v", s.seen(signInHost))
	}
	s.confined(t, signInHost)
}

func TestFirefoxIsRefusedAForeignAnonymousLink(t *testing.T) {
	s := newStage(t, "firefox-esr", "certutil")
	link := "https://" + demo.Foreign.SharePoint() + "/:w:/g/personal/mallory/EaBcDeFgHiJkLmNoPqRsTuVwXyZ?e=4xYzAb"
	s.firefox(t).open(t, picture(t, "firefox-refusal"), link)
	s.recorded(t, demo.Foreign.SharePoint(), "anonymous-link")
	s.kept(t, demo.Foreign.SharePoint())
	s.confined(t, demo.Foreign.SharePoint())
}

func TestFirefoxTakesUnlistedSitesPastTheProxy(t *testing.T) {
	s := newStage(t, "firefox-esr", "certutil")
	asked := make(chan string, 100)
	direct := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Host
		fmt.Fprintf(w, "%s without a proxy", r.Host)
	}))
	t.Cleanup(direct.Close)
	host := site + direct.URL[strings.LastIndexByte(direct.URL, ':'):]
	s.firefox(t).open(t, picture(t, "firefox-direct"), "http://"+host+"/")
	if len(asked) == 0 {
		t.Error("the site was not reached")
	}
	s.confined(t)
	s.kept(t, site)
}
