package clients_test

import (
	"context"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/certs"
	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/needs"
	"github.com/tenantgate/tenantgate/proxy/proxytest"
)

const (
	signInHost = "login.microsoftonline.com"
	graphHost  = "graph.microsoft.com"
	site       = "www.example.com" // nobody restricts it
)

// patience bounds a client's run. A client that starts cold on a busy machine
// needs seconds, one that hangs needs an end.
const patience = 60 * time.Second

// eventPatience bounds the wait for an event: those of tunnels come when the
// connection ends.
const eventPatience = 10 * time.Second

// stage is a proxy in front of the cloud, and what a company device has of it.
type stage struct {
	*proxytest.Rig
	proxy     string // http://127.0.0.1:port
	authority *certs.Authority
	caFile    string // the proxy's CA: what endpoints are told to trust
	rootFile  string // the cloud's own root, which stands for the public ones
}

// newStage starts a stage, or skips the test where one of the tools is missing.
func newStage(t *testing.T, tools ...string) *stage {
	t.Helper()
	return stageOf(t, proxytest.Options{}, tools...)
}

// stageOf is newStage with a proxy that differs.
func stageOf(t *testing.T, o proxytest.Options, tools ...string) *stage {
	t.Helper()
	for _, name := range tools {
		needs.Tool(t, name)
	}
	rig := proxytest.New(t, o)
	s := &stage{Rig: rig, proxy: "http://" + rig.Explicit, authority: rig.Server.Leaves.(*certs.Authority)}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.authority.Certificate().Raw})
	s.caFile = write(t, "ca.pem", ca)
	s.rootFile = write(t, "cloud.pem", rig.Cloud.RootPEM())
	return s
}

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// device is the whole environment of a client that trusts one file and uses
// the proxy as operating systems are set up to. What is not named here is not
// set: the machine's own trust and proxies would make tests pass or fail for
// the wrong reason.
func (s *stage) device(t *testing.T, trust string) []string {
	t.Helper()
	home := t.TempDir()
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home, "LANG=C.UTF-8",
		"SSL_CERT_DIR=" + t.TempDir(), // empty
	}
	for _, name := range []string{"SSL_CERT_FILE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO"} {
		env = append(env, name+"="+trust)
	}
	// curl reads http_proxy in lower case only (CGI programs get HTTP_PROXY
	// from a request's Proxy field).
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "http_proxy"} {
		env = append(env, name+"="+s.proxy)
	}
	return env
}

// run runs a client to its end and returns what it printed and its exit code.
func run(t *testing.T, cmd *exec.Cmd) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatalf("%s: %v: %s", filepath.Base(cmd.Path), err, errs.String())
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// within ends with the test, or when somebody has had their time.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// seen returns what the cloud saw for a host.
func (s *stage) seen(host string) []demo.Seen {
	return slices.DeleteFunc(s.Cloud.Seen(), func(r demo.Seen) bool { return r.Host != host })
}

// tagged wants at least one sign-in request in the cloud, and on every one
// exactly our tag. What the proxy's own directory asks there is no sign-in.
func (s *stage) tagged(t *testing.T) {
	t.Helper()
	list := slices.DeleteFunc(s.seen(signInHost), func(r demo.Seen) bool { return r.Header.Get("User-Agent") == "tenantgate" })
	if len(list) == 0 {
		t.Error("no sign-in reached the cloud")
	}
	want := []string{"Sec-Restrict-Tenant-Access-Policy: " + demo.Home.Tag()}
	for _, r := range list {
		if got := r.Tags(); !slices.Equal(got, want) {
			t.Errorf("%s %s: the cloud saw the tags %q, want %q", r.Method, r.Path, got, want)
		}
	}
}

// untagged wants that a host was reached, and without any tag.
func (s *stage) untagged(t *testing.T, host string) {
	t.Helper()
	list := s.seen(host)
	if len(list) == 0 {
		t.Errorf("nothing for %s reached the cloud", host)
	}
	for _, r := range list {
		if got := r.Tags(); len(got) > 0 {
			t.Errorf("%s%s: the cloud saw the tags %q, want none", host, r.Path, got)
		}
	}
}

// kept wants that nothing for host reached the cloud, nor any of the markers.
func (s *stage) kept(t *testing.T, host string, markers ...string) {
	t.Helper()
	for _, r := range s.seen(host) {
		t.Errorf("%s %s%s reached the cloud", r.Method, r.Host, r.Path)
	}
	for _, marker := range markers {
		if s.Cloud.SawBytes(marker) {
			t.Errorf("%s reached the cloud", marker)
		}
	}
}

// recorded waits for the event and returns it.
func (s *stage) recorded(t *testing.T, host, reason string) audit.Event {
	t.Helper()
	e, ok := s.Events.Await(within(t, eventPatience), func(e audit.Event) bool { return e.Host == host && e.Reason == reason })
	if !ok {
		t.Fatalf("no event for %s with the reason %s", host, reason)
	}
	return e
}

// confined wants that the client asked the proxy for nothing else.
func (s *stage) confined(t *testing.T, hosts ...string) {
	t.Helper()
	for _, e := range s.Events.Given() {
		if e.Host != "" && !slices.Contains(hosts, e.Host) {
			t.Errorf("the client asked for %s too", e.Host)
		}
	}
}

// stolen is a token of a foreign account, with a text that tells where it went.
func (s *stage) stolen(t *testing.T) (token, marker string) {
	t.Helper()
	marker = "stolen-" + audit.NewID()
	return s.Cloud.Mint(demo.Spec{Tenant: demo.Foreign.ID, V1: true, Marker: marker}), marker
}
