package onboard_test

import (
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/policy"
)

const signIn = "https://" + signInHost + "/organizations/oauth2/v2.0/authorize?client_id=1&response_type=code"

// Chromium is told nothing on its command line: proxy and trust come from the
// managed policy alone.
func TestChromiumTakesProxyAndTrustFromThePolicy(t *testing.T) {
	s := newStage(t, "chromium", "unshare")
	out, err := isolated(t, "--mount", `
		mkdir -p /etc/chromium
		mount -t tmpfs none /etc/chromium
		mkdir -p /etc/chromium/policies/managed
		cp "$1" /etc/chromium/policies/managed/tenantgate.json
		chromium --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update \
			--disable-sync --user-data-dir="$HOME/profile" --host-resolver-rules="MAP * ~NOTFOUND, EXCLUDE 127.0.0.1" --timeout=20000 --dump-dom "$2"`,
		s.file("browsers/chrome.json"), signIn)
	if err != nil || !strings.Contains(out, "<h1>Sign in</h1>") {
		t.Fatalf("%v: %s", err, out)
	}
	s.tagged(t, "Chrome")
}

// HttpHeaderInjection is Chromium's policy as well as Edge's: with it the tag is
// there before the proxy sets it, and the event says so.
func TestChromiumSetsTheTagItselfByThePolicyForEdge(t *testing.T) {
	s := newStage(t, "chromium", "unshare")
	out, err := isolated(t, "--mount", `
		mkdir -p /etc/chromium
		mount -t tmpfs none /etc/chromium
		mkdir -p /etc/chromium/policies/managed
		cp "$1" /etc/chromium/policies/managed/tenantgate.json
		cp "$2" /etc/chromium/policies/managed/tenantgate-headers.json
		chromium --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update \
			--disable-sync --user-data-dir="$HOME/profile" --host-resolver-rules="MAP * ~NOTFOUND, EXCLUDE 127.0.0.1" --timeout=20000 --dump-dom "$3"`,
		s.file("browsers/chrome.json"), s.file("browsers/edge-headers.json"), signIn)
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.tagged(t, "Chrome")
	asked := 0
	for _, e := range s.Events.Given() {
		if e.Reason != string(policy.SignIn) {
			continue
		}
		asked++
		if len(e.ClientTags) != 1 || !strings.EqualFold(e.ClientTags[0], "sec-Restrict-Tenant-Access-Policy") {
			t.Errorf("the browser sent the tags %q to %s", e.ClientTags, e.Host)
		}
	}
	if asked == 0 {
		t.Error("no sign-in was recorded")
	}
}

// Firefox too; what keeps it from asking for more is beside the policy.
func TestFirefoxTakesProxyAndTrustFromThePolicy(t *testing.T) {
	s := newStage(t, "firefox-esr", "unshare")
	out, err := isolated(t, "--mount", `
		mkdir -p /etc/firefox /usr/local/share/ca-certificates
		mount -t tmpfs none /etc/firefox
		mount -t tmpfs none /usr/local/share/ca-certificates
		mkdir -p /etc/firefox/policies "$HOME/profile"
		cp "$1/browsers/firefox.json" /etc/firefox/policies/policies.json
		cp "$1/ca/tenantgate.crt" /usr/local/share/ca-certificates/
		cat >"$HOME/profile/user.js" <<-'END'
			user_pref("network.dns.forceResolve", "127.0.0.1");
			user_pref("network.captive-portal-service.enabled", false);
			user_pref("network.connectivity-service.enabled", false);
			user_pref("browser.startup.homepage_override.mstone", "ignore");
			user_pref("services.settings.server", "data:,");
			user_pref("app.normandy.enabled", false);
			user_pref("toolkit.telemetry.enabled", false);
			user_pref("datareporting.policy.dataSubmissionEnabled", false);
			user_pref("browser.safebrowsing.malware.enabled", false);
			user_pref("browser.safebrowsing.phishing.enabled", false);
			user_pref("browser.region.network.url", "");
			user_pref("media.gmp-manager.updateEnabled", false);
			user_pref("extensions.getAddons.cache.enabled", false);
			user_pref("security.OCSP.enabled", 0);
		END
		export MOZ_HEADLESS=1 MOZ_CRASHREPORTER_DISABLE=1
		firefox-esr --headless --no-remote --profile "$HOME/profile" --screenshot "$HOME/page.png" "$2"
		test -s "$HOME/page.png"`,
		s.dir, signIn)
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.tagged(t, "Firefox")
}
