package proxy_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/needs"
	"github.com/tenantgate/tenantgate/policy"
)

// ask502 sends a request and wants it refused for the origin's TLS.
func (r *rig) ask502(t *testing.T, host, fault string) {
	t.Helper()
	resp := r.raw(host, "GET / HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n")
	if got := resp.Header.Get("Tenantgate-Reason"); resp.StatusCode != http.StatusBadGateway || got != string(policy.OriginUntrusted) {
		t.Errorf("%s %s, want 502 %s", resp.Status, got, policy.OriginUntrusted)
	}
	r.events.wait(t, func(e audit.Event) bool { return e.Close == string(policy.OriginUntrusted)+": "+fault })
}

// Somebody between hides from the origin that the proxy speaks TLS 1.3, which
// the origin's random then tells (RFC 8446, 4.1.3). There is one attempt and no
// other with less.
func TestOriginThatIsMadeToSpeakAnOlderTLSIsRefused(t *testing.T) {
	origin := scripted(t, func(c net.Conn) { _, _ = io.ReadAll(c) }, "http/1.1")
	var hellos atomic.Int32
	between := scripted(t, func(c net.Conn) {
		hellos.Add(1)
		to, err := net.Dial("tcp", origin.Addr().String())
		if err != nil {
			return
		}
		defer to.Close()
		head := make([]byte, 5)
		if _, err := io.ReadFull(c, head); err != nil {
			return
		}
		hello := make([]byte, int(head[3])<<8|int(head[4]))
		if _, err := io.ReadFull(c, hello); err != nil {
			return
		}
		supported := []byte{0, 43, 0, 5, 4, 3, 4, 3, 3} // supported_versions: 1.3 and 1.2
		if !bytes.Contains(hello, supported) {
			t.Errorf("no versions to hide in %x", hello)
		}
		_, _ = to.Write(append(head, bytes.Replace(hello, supported, append([]byte{0xfa, 0xfa}, supported[2:]...), 1)...))
		go func() { _, _ = io.Copy(to, c) }()
		_, _ = io.Copy(c, to)
	})
	r := newRig(t, at(between))
	r.ask502(t, restricted, "handshake")
	if n := hellos.Load(); n != 1 {
		t.Errorf("%d attempts, want 1", n)
	}
}

// An answer without a length ends with the connection: if TLS was not closed
// in good order, somebody may have cut it.
func TestAnswerThatIsCutOffByTheNetworkIsCutOffForTheClient(t *testing.T) {
	for _, tt := range []struct {
		name    string
		orderly bool
		version uint16
	}{{"TLS 1.3", true, tls.VersionTLS13}, {"TLS 1.2", true, tls.VersionTLS12}, {"TLS 1.3, cut", false, tls.VersionTLS13}, {"TLS 1.2, cut", false, tls.VersionTLS12}} {
		t.Run(tt.name, func(t *testing.T) {
			l := must(net.Listen("tcp", "127.0.0.1:0"))(t)
			done := make(chan struct{})
			t.Cleanup(func() { l.Close(); <-done })
			go func() {
				defer close(done)
				raw, err := l.Accept()
				if err != nil {
					return
				}
				c := tls.Server(raw, &tls.Config{Certificates: []tls.Certificate{testCA()}, MaxVersion: tt.version})
				_, _ = c.Read(make([]byte, 4096))
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\nfirst half")
				if tt.orderly {
					c.Close()
				}
				_ = raw.(*net.TCPConn).CloseWrite()
				_, _ = io.Copy(io.Discard, raw)
				raw.Close()
			}()
			r := newRig(t, at(l))
			resp := r.get("h1", "https://"+restricted+"/")
			text, err := io.ReadAll(resp.Body)
			if string(text) != "first half" || tt.orderly != (err == nil) {
				t.Errorf("%q, %v", text, err)
			}
		})
	}
}

// openssl s_server asks for another handshake when told R.
func TestOriginThatRenegotiatesIsRefused(t *testing.T) {
	tool := needs.Tool(t, "openssl")
	free := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	addr := free.Addr().String()
	free.Close()
	cmd := exec.CommandContext(t.Context(), tool, "s_server", "-accept", addr, "-tls1_2", "-cert", pemOf(t, testCA()), "-naccept", "1")
	stdin := must(cmd.StdinPipe())(t)
	stdout := must(cmd.StdoutPipe())(t)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	until(t, stdout, "ACCEPT")
	told := make(chan struct{})
	go func() {
		defer close(told)
		until(t, stdout, "Host: "+restricted)
		_, _ = io.WriteString(stdin, "R\n")
		_, _ = io.Copy(io.Discard, stdout)
	}()
	r := newRig(t, at(another(addr)))
	r.ask502(t, restricted, "handshake")
	_ = cmd.Process.Kill()
	<-told
}

// until reads until s was said.
func until(t *testing.T, r io.Reader, s string) {
	var said strings.Builder
	for b := make([]byte, 1); !strings.Contains(said.String(), s); {
		if _, err := r.Read(b); err != nil {
			t.Errorf("no %q: %v; %s", s, err, said.String())
			return
		}
		said.Write(b)
	}
}

// another is a listener of somebody else's.
type another string

func (f another) Accept() (net.Conn, error) { return nil, errors.New("not ours") }
func (f another) Close() error              { return nil }
func (f another) Addr() net.Addr            { a, _ := net.ResolveTCPAddr("tcp", string(f)); return a }

func pemOf(t *testing.T, c tls.Certificate) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "both.pem")
	der := must(x509.MarshalPKCS8PrivateKey(c.PrivateKey))(t)
	text := pemBlock("CERTIFICATE", c.Certificate[0]) + pemBlock("PRIVATE KEY", der)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
