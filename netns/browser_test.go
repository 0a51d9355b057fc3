package netns_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/needs"
)

// A device whose browser has the policy that onboard wrote, and no other word
// of a proxy: where the PAC file is, and whom to trust.
func TestABrowserThatKnowsOnlyThePAC(t *testing.T) {
	chromium := needs.Tool(t, "chromium")
	for _, name := range []string{"unshare", "certutil"} {
		needs.Tool(t, name)
	}
	n := newNetwork(t)
	n.runGate("")
	n.closeWaysRound()
	n.resolvesAt(n.device, dnsAddr)
	n.must("certutil", "-N", "--empty-password", "-d", "sql:"+n.nssdb())
	n.must("certutil", "-A", "-d", "sql:"+n.nssdb(), "-t", "C,,", "-n", "the public web", "-i", n.dir+"/cloud.pem")

	page := n.browse(chromium, "https://"+signInHost+"/organizations/oauth2/v2.0/authorize?client_id=1&response_type=code")
	if !strings.Contains(page, "<h1>Sign in</h1>") {
		t.Errorf("the browser shows %s", page)
	}
	asked := 0
	for _, s := range n.cloud.Seen() {
		if s.Host != signInHost {
			continue
		}
		if asked++; !slices.Equal(s.Tags(), []string{"Sec-Restrict-Tenant-Access-Policy: " + demo.Home.Tag()}) {
			t.Errorf("at the cloud arrived %+v", s)
		}
	}
	if came := n.visits(); asked == 0 || slices.Contains(came, visit{deviceAddr, signInAddr}) || !slices.Contains(came, visit{gateAddr, signInAddr}) {
		t.Errorf("the world saw %v", came)
	}
	n.event(`"connection-intercepted"`, `"`+signInHost+`"`, `"`+deviceAddr+`"`)

	if page := n.browse(chromium, "https://"+siteHost+"/"); !strings.Contains(page, siteHost) {
		t.Errorf("the browser shows %s", page)
	}
	if came := n.visits(); !slices.Contains(came, visit{deviceAddr, siteAddr}) || slices.Contains(came, visit{gateAddr, siteAddr}) {
		t.Errorf("the world saw %v", came)
	}
}

// nssdb is where Chromium keeps the roots of its user.
func (n *network) nssdb() string {
	dir := filepath.Join(n.dir, ".pki", "nssdb")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		n.t.Fatal(err)
	}
	return dir
}

// browse loads a page on the device, in a fresh profile.
func (n *network) browse(chromium, address string) string {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	profile, err := os.MkdirTemp("", "tg") // its name is short, see unix(7)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { _ = os.RemoveAll(profile) })
	cmd := exec.CommandContext(ctx, "ip", "netns", "exec", n.device, "unshare", "--mount", "sh", "-euc", `
		mkdir -p /etc/chromium
		mount -t tmpfs none /etc/chromium
		mkdir -p /etc/chromium/policies/managed
		cp "$2" /etc/chromium/policies/managed/tenantgate.json
		exec "$1" --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update \
			--disable-sync --user-data-dir="$3" --timeout=20000 --dump-dom "$4"`,
		"sh", chromium, n.dir+"/onboard/browsers/chrome.json", profile, address)
	cmd.Env, cmd.WaitDelay = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + n.dir}, time.Second
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		n.t.Fatalf("chromium: %v: %s", err, said.String())
	}
	if len(out) == 0 {
		n.t.Logf("chromium shows nothing: %s", said.String())
	}
	return string(out)
}
