package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/proxy/proxytest"
)

// patience ends a test that hangs; nothing waits that long for what works.
const patience = 20 * time.Second

// running is a whole daemon in front of the demo cloud, as run starts it.
type running struct {
	*daemon
	t      *testing.T
	cloud  *demo.Cloud
	file   string // the configuration
	log    *notes
	stop   func() error // SIGTERM, and what serve returned
	tokens sync.Map     // by tenant
}

const configuration = `state: STATE
tenant: {id: 11111111-1111-1111-1111-111111111111, policy: 22222222-2222-2222-2222-222222222222, domains: [contoso.com]}
listen: {proxy: "127.0.0.1:0", admin: "127.0.0.1:0"}
`

// start starts a daemon whose configuration is the above with more behind it.
func start(t *testing.T, more string) *running {
	t.Helper()
	cloud, err := demo.NewCloud()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cloud.Close() })
	r := &running{t: t, cloud: cloud, file: filepath.Join(t.TempDir(), "tenantgate.yaml"), log: &notes{}}
	r.configure(more)
	from := &source{file: r.file}
	f, err := from.read()
	if err != nil {
		t.Fatal(err)
	}
	if r.daemon, err = open(f, from, demoSurroundings(cloud), slog.New(slog.NewTextHandler(r.log, nil))); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- r.serve(ctx) }()
	r.stop = sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-served:
			return err
		case <-time.After(2 * patience):
			return context.DeadlineExceeded
		}
	})
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("serve = %v", err)
		}
	})
	r.wait("ready", func() bool { return r.get("/readyz").StatusCode == http.StatusOK })
	return r
}

func (r *running) configure(more string) {
	r.t.Helper()
	text := strings.Replace(configuration, "STATE", filepath.Join(filepath.Dir(r.file), "state"), 1)
	if err := os.WriteFile(r.file, []byte(text+more), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

// hup sends SIGHUP and waits until the log says what came of it.
func (r *running) hup(says string) {
	r.t.Helper()
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		r.t.Fatal(err)
	}
	r.wait(says, func() bool { return strings.Contains(r.log.String(), says) })
}

func (r *running) wait(what string, done func() bool) {
	r.t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("not %s; log:\n%s", what, r.log)
		}
	}
}

// get asks the admin listener.
func (r *running) get(path string) *http.Response {
	r.t.Helper()
	resp, err := http.Get("http://" + r.addr("admin") + path)
	if err != nil {
		return &http.Response{Body: http.NoBody, Header: http.Header{}}
	}
	text, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		r.t.Fatal(err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(text))
	return resp
}

// page is the text of a page of the admin listener.
func (r *running) page(path string) string {
	text, _ := io.ReadAll(r.get(path).Body)
	return string(text)
}

// client is a client that trusts the CA and goes through the proxy.
func (r *running) client() *http.Client {
	pool := x509.NewCertPool()
	pool.AddCert(r.ca.Certificate())
	pool.AppendCertsFromPEM(r.cloud.RootPEM())
	t := &http.Transport{
		Proxy:             http.ProxyURL(&url.URL{Scheme: "http", Host: r.addr("proxy")}),
		TLSClientConfig:   &tls.Config{RootCAs: pool},
		ForceAttemptHTTP2: true,
	}
	r.t.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t, Timeout: patience}
}

// ask sends a request with a token of tenant; the answer is its status and the
// reason of a refusal.
func (r *running) ask(c *http.Client, tenant, address string) (int, string) {
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		r.t.Error(err)
		return 0, ""
	}
	if tenant != "" {
		token, ok := r.tokens.Load(tenant)
		if !ok { // signing one costs more than the request
			token, _ = r.tokens.LoadOrStore(tenant, r.cloud.Mint(demo.Spec{Tenant: tenant}))
		}
		req.Header.Set("Authorization", "Bearer "+token.(string))
	}
	resp, err := c.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return resp.StatusCode, resp.Header.Get("Tenantgate-Reason")
}

// notes is a log that can be read while it is written.
type notes = proxytest.Log

// supervisor is the other end of NOTIFY_SOCKET.
func supervisor(t *testing.T) (*net.UnixConn, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, path
}

func told(t *testing.T, conn *net.UnixConn) string {
	t.Helper()
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatalf("nothing was told: %v", err)
	}
	return string(buf[:n])
}

// events reads the event log.
func events(t *testing.T, file string) []map[string]any {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []map[string]any
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var e map[string]any
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
		all = append(all, e)
	}
	return all
}
