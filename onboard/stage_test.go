package onboard_test

import (
	"context"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/certs"
	"github.com/tenantgate/tenantgate/console"
	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/needs"
	"github.com/tenantgate/tenantgate/onboard"
	"github.com/tenantgate/tenantgate/pac"
	"github.com/tenantgate/tenantgate/proxy"
	"github.com/tenantgate/tenantgate/proxy/proxytest"
	"github.com/tenantgate/tenantgate/tagging"
	"github.com/tenantgate/tenantgate/tokens"
)

const signInHost = "login.microsoftonline.com"

// patience bounds a client's run on a busy machine.
const patience = 90 * time.Second

// stage is a proxy in front of the cloud, and a directory with what its
// administrator would copy.
type stage struct {
	*proxytest.Rig
	dir string
}

func newStage(t *testing.T, tools ...string) *stage {
	t.Helper()
	for _, name := range tools {
		needs.Tool(t, name)
	}
	rig := proxytest.New(t, proxytest.Options{})
	s := &stage{Rig: rig, dir: scratch(t)}
	files, err := onboard.Files(onboard.Installation{
		Tenant: demo.Home.ID, Policy: demo.Home.Policy, V2: true, Version: "test",
		Roots: []*x509.Certificate{rig.Server.Leaves.(*certs.Authority).Certificate()},
		PAC:   s.pac(t), Proxies: []string{rig.Explicit}, Tags: rig.Tags, SignIn: proxy.SignInRanges(),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := onboard.Write(s.dir, files, false); err != nil {
		t.Fatal(err)
	}
	return s
}

// pac serves the PAC file as the admin listener does.
func (s *stage) pac(t *testing.T) string {
	t.Helper()
	finder, err := tokens.New(tokens.Config{}, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	script := pac.Script{Restricted: proxy.Restricted(s.Tags, finder), Exempt: tagging.Exempt(), Proxies: []string{s.Explicit}}
	server := httptest.NewServer((&console.Console{
		Metrics: http.NotFoundHandler(), PAC: pac.Handler(func(string, netip.Addr) pac.Script { return script }),
	}).Handler())
	t.Cleanup(server.Close)
	return server.URL + "/proxy.pac"
}

func (s *stage) file(name string) string { return filepath.Join(s.dir, filepath.FromSlash(name)) }

// tagged wants a sign-in in the cloud from a client of that name, and our tag,
// once, on every one.
func (s *stage) tagged(t *testing.T, agent string) {
	t.Helper()
	found := false
	for _, r := range s.Cloud.Seen() {
		if r.Host != signInHost {
			t.Errorf("the client asked for %s too", r.Host)
			continue
		}
		found = found || strings.Contains(r.Header.Get("User-Agent"), agent)
		if want := []string{"Sec-Restrict-Tenant-Access-Policy: " + demo.Home.Tag()}; !slices.Equal(r.Tags(), want) {
			t.Errorf("%s: the cloud saw the tags %q, want %q", r.Path, r.Tags(), want)
		}
	}
	if !found {
		t.Errorf("no sign-in of %s reached the cloud", agent)
	}
}

// scratch is a directory with a name short enough for a browser's sockets.
func scratch(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "tg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // a crash handler may still write
	return dir
}

// isolated runs a shell script in namespaces of its own, where it may mount and
// load rules; "$1" and so on are args.
func isolated(t *testing.T, kind, script string, args ...string) (string, error) {
	t.Helper()
	if os.Getuid() != 0 {
		needs.Missing(t, "this user may not make namespaces")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	home := scratch(t)
	cmd := exec.CommandContext(ctx, needs.Tool(t, "unshare"), append([]string{kind, "bash", "-euc", script, "bash"}, args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH") + ":/usr/sbin", "HOME=" + home, "TMPDIR=" + home, "LANG=C.UTF-8", "TZ=UTC"}
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	return string(out), err
}
