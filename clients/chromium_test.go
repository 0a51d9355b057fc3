package clients_test

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/console"
	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/needs"
	"github.com/tenantgate/tenantgate/pac"
	"github.com/tenantgate/tenantgate/proxy"
	"github.com/tenantgate/tenantgate/tagging"
	"github.com/tenantgate/tenantgate/tokens"
)

// admin serves the admin listener's pages and returns the address of the PAC.
func (s *stage) admin(t *testing.T) string {
	t.Helper()
	finder, err := tokens.New(tokens.Config{}, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	script := pac.Script{
		Restricted: proxy.Restricted(s.Tags, finder), Exempt: tagging.Exempt(), Proxies: []string{s.Explicit},
	}
	server := httptest.NewServer((&console.Console{
		Metrics: http.NotFoundHandler(), PAC: pac.Handler(func(string, netip.Addr) pac.Script { return script }),
	}).Handler())
	t.Cleanup(server.Close)
	return server.URL + "/proxy.pac"
}

// browser is Chromium on a company device: the PAC, and the proxy's CA in the
// user's own NSS database, which is where Chromium looks for it on Linux.
type browser struct {
	program string
	pac     string // address of the PAC; empty: every site goes to proxy
	proxy   string
	env     []string
}

func (s *stage) browser(t *testing.T) *browser {
	t.Helper()
	b := &browser{program: needs.Tool(t, "chromium"), pac: s.admin(t), proxy: s.proxy}
	home := scratch(t)
	b.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home, "LANG=C.UTF-8"}
	if err := os.MkdirAll(filepath.Join(home, ".pki", "nssdb"), 0o700); err != nil {
		t.Fatal(err)
	}
	b.certutil(t, "-N", "--empty-password")
	b.trust(t, "tenantgate", s.caFile)
	return b
}

// trust adds a root to the browser's own.
func (b *browser) trust(t *testing.T, name, file string) {
	t.Helper()
	b.certutil(t, "-A", "-t", "C,,", "-n", name, "-i", file)
}

func (b *browser) certutil(t *testing.T, args ...string) {
	t.Helper()
	home, _ := strings.CutPrefix(b.env[1], "HOME=")
	cmd := exec.CommandContext(within(t, patience), needs.Tool(t, "certutil"),
		append([]string{"-d", "sql:" + filepath.Join(home, ".pki", "nssdb")}, args...)...)
	cmd.Env = b.env
	if _, stderr, exit := run(t, cmd); exit != 0 {
		t.Fatalf("certutil %s: exit %d: %s", args[0], exit, stderr)
	}
}

// scratch is a directory with a short name, for the sockets that Chromium makes
// in it (sun_path of unix(7) has 108 bytes). Its crash handler may outlive it
// by a moment and write once more, so what is left over is no failure.
func scratch(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// open loads a page in a fresh profile and returns its DOM. With a file name
// it takes a picture too.
//
// No name resolves in the browser itself: what the PAC does not send to the
// proxy goes nowhere.
func (b *browser) open(t *testing.T, picture, address string, flags ...string) string {
	t.Helper()
	args := append(b.flags(t), "--timeout=20000", "--dump-dom")
	if picture != "" {
		args = append(args, "--screenshot="+picture)
	}
	cmd := exec.CommandContext(within(t, patience), b.program, append(append(args, flags...), address)...)
	cmd.Env = b.env
	dom, stderr, exit := run(t, cmd)
	if exit != 0 {
		t.Fatalf("chromium: exit %d: %s", exit, stderr)
	}
	return html.UnescapeString(dom)
}

// flags are those of a fresh profile without a window.
func (b *browser) flags(t *testing.T) []string {
	t.Helper()
	way := "--proxy-pac-url=" + b.pac
	if b.pac == "" {
		way = "--proxy-server=" + b.proxy
	}
	return []string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir=" + scratch(t), way,
		"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--window-size=1100,760",
	}
}

// picture names a screenshot, and keeps it where TENANTGATE_SCREENSHOTS says.
func picture(t *testing.T, name string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name+".png")
	t.Cleanup(func() {
		image, err := os.ReadFile(file)
		if err != nil || len(image) == 0 {
			t.Errorf("no picture was taken: %v", err)
			return
		}
		if dir := os.Getenv("TENANTGATE_SCREENSHOTS"); dir != "" {
			if err := os.WriteFile(filepath.Join(dir, name+".png"), image, 0o600); err != nil {
				t.Error(err)
			}
		}
	})
	return file
}

func contains(t *testing.T, dom string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(dom, text) {
			t.Errorf("the page does not say %q:\n%s", text, dom)
		}
	}
}

func TestChromiumSeesTheSignInPageAndItIsTagged(t *testing.T) {
	s := newStage(t, "chromium", "certutil")
	b := s.browser(t)
	const path = "/organizations/oauth2/v2.0/authorize"
	dom := b.open(t, picture(t, "sign-in"), "https://"+signInHost+path+"?client_id="+clientID+"&response_type=code")
	contains(t, dom, "<h1>Sign in</h1>", clientID)
	s.tagged(t)
	pages := slices.DeleteFunc(s.seen(signInHost), func(r demo.Seen) bool { return r.Path != path })
	if len(pages) != 1 || !strings.Contains(pages[0].Header.Get("User-Agent"), "Chrome") {
		t.Errorf("the cloud saw the page asked for as %+v", pages)
	}
	s.confined(t, signInHost)
}

func TestChromiumIsToldByEntraThatAForeignTenantIsRestricted(t *testing.T) {
	s := newStage(t, "chromium", "certutil")
	dom := s.browser(t).open(t, picture(t, "foreign-sign-in"), "https://"+signInHost+"/"+demo.Foreign.Domains[0]+
		"/oauth2/v2.0/authorize?client_id="+clientID+"&response_type=code&login_hint="+demo.Foreign.Users[0])
	contains(t, dom, "AADSTS5000211")
	s.tagged(t)
	s.confined(t, signInHost)
}

func TestChromiumTakesUnlistedSitesPastTheProxy(t *testing.T) {
	s := newStage(t, "chromium", "certutil")
	direct := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s without a proxy", r.Host)
	}))
	t.Cleanup(direct.Close)
	dom := s.browser(t).open(t, "", "http://"+site+"/", "--disable-features=HttpsUpgrades",
		"--host-resolver-rules=MAP "+site+" "+direct.Listener.Addr().String()+", MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
	contains(t, dom, site+" without a proxy")
	s.confined(t)
	s.kept(t, site)
}

func TestChromiumShowsOurPageForAForeignAnonymousLink(t *testing.T) {
	s := newStage(t, "chromium", "certutil")
	b := s.browser(t)
	link := "https://" + demo.Foreign.SharePoint() + "/:w:/g/personal/mallory/EaBcDeFgHiJkLmNoPqRsTuVwXyZ?e=4xYzAb"
	for name, flags := range map[string][]string{
		"refusal":        nil,
		"refusal-dark":   {"--blink-settings=preferredColorScheme=0"},
		"refusal-narrow": {"--window-size=500,900"}, // the narrowest that Chromium opens
	} {
		t.Run(name, func(t *testing.T) {
			s.Events.Reset()
			dom := b.open(t, picture(t, name), link, flags...)
			e := s.recorded(t, demo.Foreign.SharePoint(), "anonymous-link")
			contains(t, dom, "Your organization does not allow this", demo.Foreign.SharePoint(), "anonymous-link", e.ID)
			s.kept(t, demo.Foreign.SharePoint())
			s.confined(t, demo.Foreign.SharePoint())
		})
	}
}
