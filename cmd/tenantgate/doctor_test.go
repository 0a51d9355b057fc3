package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/tenantgate/tenantgate/certs"
	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/doctor"
	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/tagging"
)

// examined is what the program found, and how it ended.
type examined struct {
	t      *testing.T
	exit   int
	status map[string]doctor.Status
	what   map[string]string
	text   string
}

// examine runs the program as an administrator would. trust are the roots that
// the machine has.
func (r *running) examine(t *testing.T, trust []byte, args ...string) examined {
	t.Helper()
	bundle := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(bundle, trust, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("tenantgate", append([]string{"doctor", "--json"}, args...)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "SSL_CERT_FILE=" + bundle, "SSL_CERT_DIR=" + t.TempDir()}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	e := examined{t: t, exit: cmd.ProcessState.ExitCode(), status: map[string]doctor.Status{}, what: map[string]string{}, text: out.String() + errs.String()}
	var said struct {
		OK     bool
		Checks []doctor.Finding
	}
	if bad := json.Unmarshal(out.Bytes(), &said); bad != nil || said.OK != (err == nil) {
		t.Fatalf("%v, %v: %s", err, bad, e.text)
	}
	for _, f := range said.Checks {
		e.status[f.Check], e.what[f.Check] = f.Status, f.What
	}
	delete(e.status, "dns") // as this machine's is
	return e
}

func (e examined) want(exit int, status map[string]doctor.Status) {
	e.t.Helper()
	if diff := cmp.Diff(status, e.status); diff != "" || e.exit != exit {
		e.t.Errorf("exit %d; (-want +got):\n%s%s", e.exit, diff, e.text)
	}
}

// but is what is found where all is well, but for pairs of a check and its
// status.
func but(pairs ...string) map[string]doctor.Status {
	all := map[string]doctor.Status{
		"mode": doctor.Skipped, "proxy": doctor.Pass, "ready": doctor.Skipped, "sinks": doctor.Skipped, "pac": doctor.Pass, "trust": doctor.Pass,
		"intercepted": doctor.Pass, "tag": doctor.Pass, "exempt": doctor.Pass, "clock": doctor.Pass, "discovery": doctor.Skipped, "quic": doctor.Skipped,
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		all[pairs[i]] = doctor.Status(pairs[i+1])
	}
	return all
}

func (r *running) roots(ours bool) []byte {
	r.t.Helper()
	if !ours {
		return r.cloud.RootPEM()
	}
	ca, err := os.ReadFile(r.caFile())
	if err != nil {
		r.t.Fatal(err)
	}
	return append(ca, r.cloud.RootPEM()...)
}

func (r *running) caFile() string {
	return filepath.Join(filepath.Dir(r.file), "state", "ca", "ca.crt")
}

func TestDoctorOnADeviceFindsWhatIsBroken(t *testing.T) {
	r := start(t, "")
	device := []string{"--from-client", "--proxy", r.addr("proxy"), "--pac", "http://" + r.addr("admin") + "/proxy.pac", "--canary", demo.Foreign.ID}
	r.examine(t, r.roots(true), device...).want(0, but())
	r.examine(t, r.roots(true), append(device, "--ca", r.caFile())...).want(0, but())

	t.Run("the CA is not trusted", func(t *testing.T) {
		r.examine(t, r.roots(false), append(device, "--ca", r.caFile())...).want(1, but("trust", "fail"))
		r.examine(t, r.roots(false), device...).want(1, but("trust", "fail", "tag", "skipped", "clock", "skipped"))
	})
	t.Run("the PAC file is another", func(t *testing.T) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`function FindProxyForURL(url, host) { return host == "login.live.com" ? "DIRECT" : "PROXY ` + r.addr("proxy") + `"; }`))
		}))
		t.Cleanup(server.Close)
		e := r.examine(t, r.roots(true), append(device, "--pac", server.URL)...)
		e.want(1, but("pac", "fail"))
		if !strings.Contains(e.what["pac"], "login.live.com") {
			t.Error(e.what["pac"])
		}
	})
	t.Run("the policy of the cloud permits the canary", func(t *testing.T) {
		r.examine(t, r.roots(true), append(device, "--canary", demo.Partner.ID)...).want(1, but("tag", "fail"))
	})
	t.Run("no tag arrives", func(t *testing.T) {
		whole := r.now.Load().rules
		bare := *whole
		bare.Tags = &tagging.Table{}
		r.server.Use(&bare)
		t.Cleanup(func() { r.server.Use(whole) })
		r.examine(t, r.roots(true), device...).want(1, but("tag", "fail"))
	})
	t.Run("the proxy is away", func(t *testing.T) {
		e := r.examine(t, r.roots(true), "--from-client", "--proxy", "127.0.0.1:1")
		e.want(1, but("proxy", "fail", "pac", "skipped", "trust", "skipped", "intercepted", "fail", "tag", "skipped", "exempt", "fail", "clock", "skipped"))
	})
}

// nameServer answers every question with one of Entra's published addresses.
func nameServer(t *testing.T) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		if q.Question[0].Qtype == dns.TypeA {
			m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: net.IPv4(20, 190, 130, 1)}}
		}
		_ = w.WriteMsg(m)
	})}
	go func() { _ = server.ActivateAndServe() }()
	t.Cleanup(func() { _ = server.Shutdown() })
	return conn.LocalAddr().String()
}

func TestDoctorOnTheServerKnowsMore(t *testing.T) {
	r := start(t, "")
	roots := filepath.Join(t.TempDir(), "cloud.pem")
	if err := os.WriteFile(roots, r.cloud.RootPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	server := func(more string) string {
		file := filepath.Join(t.TempDir(), "server.yaml")
		text := strings.NewReplacer("STATE", filepath.Join(filepath.Dir(r.file), "state"), `"127.0.0.1:0", admin: "127.0.0.1:0"`, `"`+r.addr("proxy")+`", admin: "`+r.addr("admin")+`"`).Replace(configuration) +
			"upstream: {roots: " + roots + ", resolver: '" + nameServer(t) + "'}\n" + more
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	known := []string{"mode", "pass", "ready", "pass"}
	e := r.examine(t, nil, "-c", server("doctor: {canary: {tenant: fabrikam.com}}\n"))
	e.want(0, but(known...))
	if !strings.Contains(e.what["dns"], "published ranges") {
		t.Error(e.what["dns"])
	}
	e = r.examine(t, nil, "-c", server("mode: observe\n"))
	e.want(0, but("mode", "warn", "ready", "pass", "tag", "skipped"))
}

func TestDoctorTakesNoOtherCommandLine(t *testing.T) {
	for want, args := range map[string][]string{
		"at least one of the flags": nil,
		"proxy":                     {"--from-client"},
		"none of the others can be": {"-c", "x", "--from-client", "--proxy", "a:1"},
		"a is not HOST:PORT":        {"--from-client", "--proxy", "a"},
		"flags in the group [confi": {"-c", "x", "--resolver", "a"},
		"canary.tenant":             {"--from-client", "--proxy", "a:1", "--canary", "../common"},
	} {
		var out, errs bytes.Buffer
		if code := run(append([]string{"doctor"}, args...), nil, &out, &errs); code != exitUsage || !strings.Contains(errs.String(), want) {
			t.Errorf("%q: exit %d, %s", args, code, errs.String())
		}
	}
}

// greedy is a proxy like ours that decrypts device sign-in too: its CA says it
// may. It answers CONNECT and shakes hands, no more.
func greedy(t *testing.T) (address, ca string) {
	t.Helper()
	key, err := certs.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	a, err := certs.Create(hosts.MustParseSet("*.microsoftonline.com", "*.microsoft.com", "*.windows.net", "login.live.com"), key, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	ca = filepath.Join(t.TempDir(), "greedy.crt")
	var text bytes.Buffer
	if err := a.Export(&text, "pem"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ca, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, err := hosts.Parse(strings.TrimSuffix(r.Host, ":443"))
		leaf, err2 := a.Leaf(name)
		if err != nil || err2 != nil {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		if _, err := conn.Write([]byte("HTTP/1.1 200 OK\r\n\r\n")); err == nil {
			_ = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{*leaf}}).Handshake()
		}
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String(), ca
}

func TestDoctorFindsThatDeviceSignInIsDecrypted(t *testing.T) {
	r := start(t, "")
	at, ca := greedy(t)
	trust, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	want := but("pac", "skipped", "tag", "skipped", "exempt", "fail", "clock", "skipped")
	r.examine(t, trust, "--from-client", "--proxy", at, "--ca", ca).want(1, want)
	e := r.examine(t, trust, "--from-client", "--proxy", at) // known by its name
	e.want(1, want)
	if !strings.Contains(e.what["exempt"], "device.login.microsoftonline.com is decrypted") {
		t.Error(e.what["exempt"])
	}
}
