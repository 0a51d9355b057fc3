package audit

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/audit/audittest"
	"github.com/tenantgate/tenantgate/needs"
)

// serverCertificate writes a certificate for 127.0.0.1 and its key, and returns
// the paths.
func serverCertificate(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	k, err1 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "rsyslog"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err2 := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	text, err3 := x509.MarshalPKCS8PrivateKey(k)
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	err4 := os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600)
	err5 := os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: text}), 0o600)
	for _, err := range []error{err1, err2, err3, err4, err5} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

// An rsyslog is Debian's rsyslogd with a configuration of the test's own. What
// it received it passes on, parsed, to a pipe.
type rsyslog struct {
	addr  string
	roots string
	lines *bufio.Reader
}

// rsyslogFields is how it passes a message on: fields of the header, and the
// body.
const rsyslogFields = "%timereported:::date-rfc3339%\t%hostname%\t%app-name%\t%msgid%\t%syslogfacility%\t%syslogseverity%\t%msg%\n"

func startRsyslog(t *testing.T, secure bool) *rsyslog {
	t.Helper()
	program, dir := needs.Tool(t, "rsyslogd"), t.TempDir()
	cert, key := serverCertificate(t, dir)
	pipe, port := filepath.Join(dir, "out"), filepath.Join(dir, "port")
	if out, err := exec.Command("mkfifo", pipe).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	driver := `load="imtcp"`
	if secure {
		driver += ` streamdriver.name="gtls" streamdriver.mode="1" streamdriver.authmode="anon"`
	}
	config := fmt.Sprintf(`global(workDirectory=%q maxMessageSize="64k" defaultNetstreamDriverCAFile=%q defaultNetstreamDriverCertFile=%q
  defaultNetstreamDriverKeyFile=%q parser.escapeControlCharactersOnReceive="off")
module(%s)
template(name="parsed" type="string" string=%q)
ruleset(name="all") { action(type="ompipe" pipe=%q template="parsed") }
input(type="imtcp" address="127.0.0.1" port="0" listenPortFileName=%q ruleset="all")
`, dir, cert, cert, key, driver, rsyslogFields, pipe, port)
	config = strings.ReplaceAll(config, `\\`, `\`)
	file := filepath.Join(dir, "rsyslog.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, program, "-n", "-f", file, "-i", filepath.Join(dir, "pid"))
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	out, err := os.OpenFile(pipe, os.O_RDWR, 0) // both ends: opening waits for nobody
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
		out.Close()
		if t.Failed() {
			t.Logf("rsyslogd said %s", said.String())
		}
	})
	addr := "127.0.0.1:" + awaitFile(t, port)
	awaitListener(t, addr) // it writes the file first
	return &rsyslog{addr: addr, roots: cert, lines: bufio.NewReaderSize(out, maxFrame)}
}

// awaitFile returns what is in a file as soon as something is.
func awaitFile(t *testing.T, path string) string {
	t.Helper()
	var text []byte
	await(t, path+" did not come", func() bool {
		text, _ = os.ReadFile(path)
		return len(text) > 0
	})
	return strings.TrimSpace(string(text))
}

// awaitListener returns when somebody listens at addr.
func awaitListener(t *testing.T, addr string) {
	t.Helper()
	await(t, "nobody listens at "+addr, func() bool {
		c, err := net.Dial("tcp", addr)
		return err == nil && c.Close() == nil
	})
}

func await(t *testing.T, missing string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(30 * time.Second); !is(); {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal(missing)
		}
	}
}

func TestRsyslogReadsWhatTheEventSays(t *testing.T) {
	for name, tt := range map[string]struct {
		scheme string
		cfg    SyslogConfig
	}{
		"TLS, octet counting": {"tls", SyslogConfig{}},
		"TLS, lines":          {"tls", SyslogConfig{Framing: "lines"}},
		"TCP, octet counting": {"tcp", SyslogConfig{}},
		"TCP, lines":          {"tcp", SyslogConfig{Framing: "lines"}},
		"TCP, RFC 3164":       {"tcp", SyslogConfig{Header: "rfc3164"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := startRsyslog(t, tt.scheme == "tls")
			c := SinkConfig{Name: "r", Type: "syslog", URL: tt.scheme + "://" + r.addr, Syslog: tt.cfg}
			if tt.scheme == "tls" {
				c.Roots = r.roots
			}
			s, err := newSink(c, testObserver)
			if err != nil {
				t.Fatal(err)
			}
			defer s.(io.Closer).Close()
			long := blocked()
			long.Path = "/" + strings.Repeat("x", 2000)
			for i, e := range []*Event{blocked(), forwarded(), long, hostileEvent()} {
				send(t, s, sample(e))
				line, err := r.lines.ReadString('\n')
				if err != nil {
					t.Fatal(err)
				}
				f := strings.SplitN(strings.TrimSuffix(line, "\n"), "\t", 7)
				if len(f) != 7 {
					t.Fatalf("event %d: %q", i, line)
				}
				got, err := audittest.Parse([]byte(strings.TrimPrefix(f[6], " ") + "\n"))
				if err != nil || got.Event.ID != e.ID {
					t.Fatalf("event %d: the body is %q, %v", i, f[6], err)
				}
				severity := map[Kind]string{Tenant: "4", Access: "6"}[e.Kind]
				if f[1] != testObserver.Hostname || f[2] != "tenantgate" || f[4] != "13" || f[5] != severity {
					t.Errorf("event %d: header %q", i, f[:6])
				}
				if tt.cfg.Header == "" && (f[0] != "2026-11-21T19:00:00.123456Z" && f[0] != "2026-11-21T19:00:00.123456+00:00" || f[3] != e.Kind.String()) {
					t.Errorf("event %d: header %q", i, f[:6])
				}
			}
		})
	}
}
