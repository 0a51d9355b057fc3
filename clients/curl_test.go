package clients_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/textproto"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/needs"
)

// versions are how curl is told to speak, and what it then reports.
var versions = []struct{ flag, version, proto string }{
	{"--http1.1", "1.1", "HTTP/1.1"},
	{"--http2", "2", "HTTP/2.0"},
}

// reply is what curl got.
type reply struct {
	exit    int
	stderr  string
	status  int    // of the answer; 0 without one
	connect int    // of the proxy's answer to CONNECT; 0 without one
	version string // HTTP version of the answer
	header  textproto.MIMEHeader
	body    string
}

// curl runs curl as a device has it that trusts one file.
func (s *stage) curl(t *testing.T, trust string, args ...string) reply {
	t.Helper()
	dir := t.TempDir()
	head, body := filepath.Join(dir, "head"), filepath.Join(dir, "body")
	args = append([]string{"-q", "-sS", "-D", head, "-o", body, "-w", "%{http_code} %{http_connect} %{http_version}"}, args...)
	cmd := exec.CommandContext(within(t, patience), needs.Tool(t, "curl"), args...)
	cmd.Env = s.device(t, trust)
	stdout, stderr, exit := run(t, cmd)
	r := reply{exit: exit, stderr: stderr, header: lastHeader(t, head)}
	if _, err := fmt.Sscan(stdout, &r.status, &r.connect, &r.version); err != nil {
		t.Fatalf("curl: %v: %q %s", err, stdout, stderr)
	}
	if text, err := os.ReadFile(body); err == nil { // no body, no file
		r.body = string(text)
	}
	return r
}

// lastHeader reads the last header section of a file: behind the answer to
// CONNECT stands that of the request.
func lastHeader(t *testing.T, file string) textproto.MIMEHeader {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	sections := strings.SplitAfter(string(text), "\r\n\r\n")
	if len(sections) < 2 {
		return nil
	}
	_, fields, _ := strings.Cut(sections[len(sections)-2], "\r\n")
	header, err := textproto.NewReader(bufio.NewReader(strings.NewReader(fields))).ReadMIMEHeader()
	if err != nil {
		t.Fatalf("cannot parse header %q: %v", fields, err)
	}
	return header
}

// secretSignIn is the form of a client with a secret.
func secretSignIn() string {
	return url.Values{
		"grant_type": {"client_credentials"}, "client_id": {clientID}, "client_secret": {clientSecret},
		"scope": {graphScope},
	}.Encode()
}

func tokenEndpoint(tenant string) string {
	return "https://" + signInHost + "/" + tenant + "/oauth2/v2.0/token"
}

// refused wants a refusal as the contract has it: reason and event in the
// header, one JSON object, no challenge.
func (s *stage) refused(t *testing.T, r reply, reason string) audit.Event {
	t.Helper()
	if got := r.header.Get("Tenantgate-Reason"); got != reason {
		t.Errorf("the reason is %q, want %q", got, reason)
	}
	if got := r.header.Get("Content-Type"); got != "application/json" {
		t.Errorf("the content type is %q", got)
	}
	for _, name := range []string{"Www-Authenticate", "Proxy-Authenticate"} {
		if r.header.Get(name) != "" {
			t.Errorf("the refusal looks like a challenge: %v", r.header)
		}
	}
	id := r.header.Get("Tenantgate-Event")
	if id == "" {
		t.Fatalf("the refusal names no event: %v", r.header)
	}
	e, ok := s.Events.Await(within(t, eventPatience), func(e audit.Event) bool { return e.ID == id })
	if !ok || e.Reason != reason || e.Verdict != "block" {
		t.Errorf("the event %q is %+v", id, e)
	}
	return e
}

// object wants the one JSON object of a refusal.
func object(t *testing.T, r reply, e audit.Event) {
	t.Helper()
	var body struct {
		Error struct{ Code, Message, Event string }
	}
	if err := json.Unmarshal([]byte(r.body), &body); err != nil {
		t.Fatalf("%v: %q", err, r.body)
	}
	if body.Error.Code != e.Reason || body.Error.Event != e.ID || body.Error.Message == "" {
		t.Errorf("the body is %s", r.body)
	}
}

func TestCurlSignsInTagged(t *testing.T) {
	s := newStage(t, "curl")
	for _, v := range versions {
		t.Run(v.version, func(t *testing.T) {
			s.Cloud.Reset()
			r := s.curl(t, s.caFile, v.flag, "--data", secretSignIn(), tokenEndpoint(demo.Home.Domains[0]))
			if r.exit != 0 || r.status != 200 || r.version != v.version || !strings.Contains(r.body, "access_token") {
				t.Errorf("exit %d, %d over HTTP/%s: %s%s", r.exit, r.status, r.version, r.stderr, r.body)
			}
			if n := len(s.seen(signInHost)); n != 1 {
				t.Errorf("the cloud saw %d requests, want 1", n)
			}
			s.tagged(t)
		})
	}
}

func TestCurlCannotForgeTheTag(t *testing.T) {
	s := newStage(t, "curl")
	for _, v := range versions {
		t.Run(v.version, func(t *testing.T) {
			s.Cloud.Reset()
			r := s.curl(t, s.caFile, v.flag, "--data", secretSignIn(), tokenEndpoint(demo.Foreign.Domains[0]),
				"-H", "sec-Restrict-Tenant-Access-Policy: "+demo.Foreign.Tag(), "-H", "SEC_Restrict_Tenant_Access_Policy: "+demo.Foreign.Tag())
			if !strings.Contains(r.body, "AADSTS5000211") {
				t.Errorf("%d: %s", r.status, r.body)
			}
			s.tagged(t)
		})
	}
}

func TestCurlIsRefusedWithAForeignToken(t *testing.T) {
	s := newStage(t, "curl")
	token, marker := s.stolen(t)
	for _, v := range versions {
		t.Run(v.version, func(t *testing.T) {
			s.Cloud.Reset()
			r := s.curl(t, s.caFile, v.flag, "-H", "Authorization: Bearer "+token, "https://"+graphHost+"/v1.0/me")
			if r.exit != 0 || r.status != 403 || r.version != v.version {
				t.Errorf("exit %d, %d over HTTP/%s: %s", r.exit, r.status, r.version, r.stderr)
			}
			e := s.refused(t, r, "external-account")
			if e.AccountTenant != demo.Foreign.ID || e.Path != "/v1.0/me" {
				t.Errorf("the event names %q and %q", e.AccountTenant, e.Path)
			}
			object(t, r, e)
			s.kept(t, graphHost, marker)
		})
	}
}

func TestCurlSeesAnUnlistedSitesOwnCertificate(t *testing.T) {
	s := newStage(t, "curl")
	for _, v := range versions {
		t.Run(v.version, func(t *testing.T) {
			s.Cloud.Reset()
			r := s.curl(t, s.rootFile, v.flag, "https://"+site+"/")
			if r.exit != 0 || r.status != 200 || r.version != v.version {
				t.Errorf("exit %d, %d over HTTP/%s: %s", r.exit, r.status, r.version, r.stderr)
			}
			s.untagged(t, site)
			if list := s.seen(site); len(list) > 0 && list[0].Proto != v.proto {
				t.Errorf("the site was spoken to in %s, want %s", list[0].Proto, v.proto)
			}
			if e := s.recorded(t, site, "unlisted-host"); e.Verdict != "tunnel" {
				t.Errorf("the verdict is %s", e.Verdict)
			}
		})
	}
	const untrusted = 60 // CURLE_PEER_FAILED_VERIFICATION
	if r := s.curl(t, s.caFile, "https://"+site+"/"); r.exit != untrusted {
		t.Errorf("trusting the proxy's CA alone: exit %d, want %d: %s", r.exit, untrusted, r.stderr)
	}
	if r := s.curl(t, s.rootFile, "https://"+signInHost+"/"); r.exit != untrusted {
		t.Errorf("a sign-in host without the proxy's CA: exit %d, want %d: %s", r.exit, untrusted, r.stderr)
	}
}

func TestCurlGetsPlainHTTPOfUnlistedSitesOnly(t *testing.T) {
	s := newStage(t, "curl")
	r := s.curl(t, s.caFile, "http://"+site+"/")
	if r.exit != 0 || r.status != 200 {
		t.Errorf("an unlisted site: exit %d, %d: %s", r.exit, r.status, r.stderr)
	}
	s.untagged(t, site)
	for _, host := range []string{signInHost, graphHost} {
		r := s.curl(t, s.caFile, "http://"+host+"/common/oauth2/v2.0/authorize")
		if r.exit != 0 || r.status != 403 {
			t.Errorf("%s: exit %d, %d: %s", host, r.exit, r.status, r.stderr)
		}
		object(t, r, s.refused(t, r, "plain-http"))
		s.kept(t, host)
	}
}

func TestCurlIsNotLedToThisMachine(t *testing.T) {
	s := newStage(t, "curl")
	for _, at := range []string{"127.0.0.1", "127.1.2.3", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "168.63.129.16"} {
		r := s.curl(t, s.caFile, "-x", s.proxy, "https://"+at+"/")
		const refusedByProxy = 56 // CURLE_RECV_ERROR, what curl calls a CONNECT that was refused
		if r.connect != 403 || r.status != 0 || r.exit != refusedByProxy {
			t.Errorf("%s: exit %d, CONNECT %d, status %d: %s", at, r.exit, r.connect, r.status, r.stderr)
			continue
		}
		s.refused(t, r, "guarded-address")
	}
	if n := s.Bait.Taken(); n > 0 || len(s.Cloud.Seen()) > 0 {
		t.Errorf("%d connections were made to this machine, the cloud saw %d requests", n, len(s.Cloud.Seen()))
	}
}
