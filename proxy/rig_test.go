package proxy_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/certs"
	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/proxy"
	"github.com/tenantgate/tenantgate/tagging"
	"github.com/tenantgate/tenantgate/tokens"
)

// Hosts of the demo cloud, one for each thing that can become of a connection.
const (
	restricted = "graph.microsoft.com"
	signIn     = "login.microsoftonline.com"
	unlisted   = "www.example.com"
	exempt     = "device.login.microsoftonline.com"
)

// patience ends a test that hangs; nothing waits that long for what works.
const patience = 20 * time.Second

// rig is a real proxy.Server on loopback with the demo cloud behind it.
type rig struct {
	t       *testing.T
	cloud   *demo.Cloud
	server  *proxy.Server
	rules   *proxy.Rules
	events  *notebook
	proxy   string // host:port of the explicit proxy
	steered string // host:port of the steered listener
	roots   *x509.CertPool
	ca      *x509.Certificate
}

// setup is what a test may change before the proxy starts.
type setup struct {
	cloud   *demo.Cloud
	server  *proxy.Server
	policy  policy.Config
	tagging tagging.Config
	observe bool
	dialer  *proxy.Dialer
	rules   func(*proxy.Rules)
}

func newRig(t *testing.T, change ...func(*setup)) *rig {
	t.Helper()
	cloud := must(demo.NewCloud())(t)
	r := &rig{t: t, cloud: cloud, events: newNotebook(), roots: cloud.Roots()}
	t.Cleanup(func() { cloud.Close() })
	s := &setup{
		cloud:  cloud,
		server: &proxy.Server{Recorder: r.events},
		policy: policy.Default(), tagging: tagging.Default(),
		dialer: &proxy.Dialer{
			Resolver: cloud, Connect: cloud.Connect,
			Allow: []netip.Prefix{netip.MustParsePrefix(demo.Addresses)},
		},
		rules: func(*proxy.Rules) {},
	}
	for _, f := range change {
		f(s)
	}
	r.build(s)
	r.proxy = r.listen(r.server.ServeProxy)
	r.steered = r.listen(r.server.ServeSteered)
	t.Cleanup(r.shutdown)
	return r
}

func (r *rig) build(s *setup) {
	r.t.Helper()
	tags := must(tagging.New(s.tagging, demo.Home.ID, demo.Home.Policy))(r.t)
	finder := must(tokens.New(tokens.Config{}, make([]byte, 32)))(r.t)
	hosts := proxy.Restricted(tags, finder)
	ca := must(certs.Open(r.t.TempDir()+"/ca", hosts))(r.t)
	r.ca = ca.Certificate()
	r.roots.AddCert(r.ca)
	origins := r.cloud.Roots()
	origins.AddCert(testCA().Leaf)
	s.dialer.Own = s.server.Owns
	r.server, s.server.Leaves = s.server, ca
	r.rules = &proxy.Rules{
		Tags: tags, Tokens: finder, Ports: []uint16{443}, Origin: s.dialer, HTTP: proxy.NewTransport(s.dialer, origins),
		Policy: must(policy.New(s.policy, tokens.Tenant(demo.Home.ID), s.observe, policy.Hosts{
			SignIn: tags.Hosts(), ARM: tokens.ARM, Restricted: hosts, Exempt: tagging.Exempt(), Refused: tags.Refused(), Tagged: proxy.Tagged(tags, finder),
		}, nil))(r.t),
	}
	s.rules(r.rules)
	r.server.Use(r.rules)
}

func (r *rig) listen(serve func(net.Listener) error) string {
	l := must(net.Listen("tcp", "127.0.0.1:0"))(r.t)
	go func() { _ = serve(l) }()
	return l.Addr().String()
}

func (r *rig) shutdown() {
	now, cancel := context.WithCancel(context.Background())
	cancel()
	_ = r.server.Shutdown(now)
	(&http.Client{Transport: r.rules.HTTP}).CloseIdleConnections()
}

// dial connects to the explicit proxy.
func (r *rig) dial() net.Conn {
	r.t.Helper()
	c := must(net.Dial("tcp", r.proxy))(r.t)
	_ = c.SetDeadline(time.Now().Add(patience))
	r.t.Cleanup(func() { c.Close() })
	return c
}

// connect sends a CONNECT and returns the connection and the status.
func (r *rig) connect(target string) (net.Conn, *http.Response) {
	r.t.Helper()
	c := r.dial()
	send(r.t, c, "CONNECT "+target+" HTTP/1.1\r\nHost: "+target+"\r\n\r\n")
	return c, answer(r.t, c, http.MethodConnect)
}

// tunnel is connect where the answer must be 200.
func (r *rig) tunnel(target string) net.Conn {
	r.t.Helper()
	c, resp := r.connect(target)
	if resp.StatusCode != http.StatusOK {
		r.t.Fatalf("CONNECT %s: %s", target, resp.Status)
	}
	return c
}

// tls opens a TLS connection to host through the explicit proxy.
func (r *rig) tls(host string, protos ...string) *tls.Conn {
	r.t.Helper()
	return r.shake(r.tunnel(host+":443"), &tls.Config{ServerName: host, NextProtos: protos})
}

func (r *rig) shake(c net.Conn, cfg *tls.Config) *tls.Conn {
	r.t.Helper()
	cfg.RootCAs = r.roots
	tc := tls.Client(c, cfg)
	if err := tc.Handshake(); err != nil {
		r.t.Fatalf("TLS with %s: %v", cfg.ServerName, err)
	}
	return tc
}

// client is an HTTP client that uses the proxy.
func (r *rig) client(proto string) *http.Client {
	p := new(http.Protocols)
	p.SetHTTP1(proto == "h1")
	p.SetHTTP2(proto == "h2")
	tr := &http.Transport{
		Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: r.proxy}), TLSClientConfig: &tls.Config{RootCAs: r.roots},
		Protocols: p, DisableCompression: true, ExpectContinueTimeout: patience,
	}
	r.t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tidy{tr, r.t}, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// tidy closes every answer at the end of the test.
type tidy struct {
	*http.Transport
	t *testing.T
}

func (c tidy) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.Transport.RoundTrip(r)
	if err == nil {
		c.t.Cleanup(func() { resp.Body.Close() })
	}
	return resp, err
}

// raw sends one HTTP/1.1 request as it stands over an intercepted connection.
func (r *rig) raw(host, request string) *http.Response {
	r.t.Helper()
	c := r.tls(host)
	send(r.t, c, request)
	method, _, _ := strings.Cut(request, " ")
	return answer(r.t, c, method)
}

// arrived returns the one request that reached the cloud.
func (r *rig) arrived() demo.Seen {
	r.t.Helper()
	seen := r.cloud.Seen()
	if len(seen) != 1 {
		r.t.Fatalf("%d requests arrived, want 1", len(seen))
	}
	return seen[0]
}

func (r *rig) await(what string, until func([]demo.Seen) bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := r.cloud.Await(ctx, until); err != nil {
		r.t.Fatalf("%s: %v; arrived: %+v", what, err, r.cloud.Seen())
	}
}

// notebook is a Recorder that keeps events in memory, or refuses to.
type notebook struct {
	mu      sync.Mutex
	events  []audit.Event
	changed chan struct{}
	failing atomic.Bool
}

func newNotebook() *notebook { return &notebook{changed: make(chan struct{})} }

func (n *notebook) Record(e *audit.Event) error {
	if n.failing.Load() {
		return errors.New("disk full")
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	kept := *e
	kept.Credentials = slices.Clone(e.Credentials) // the exchange uses its own again
	n.events = append(n.events, kept)
	close(n.changed)
	n.changed = make(chan struct{})
	return nil
}

func (n *notebook) all(like func(audit.Event) bool) (list []audit.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, e := range n.events {
		if like(e) {
			list = append(list, e)
		}
	}
	return list
}

// forget drops the events that were kept.
func (n *notebook) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.events = nil
}

// wait returns the first event that is like this.
func (n *notebook) wait(t *testing.T, like func(audit.Event) bool) audit.Event {
	t.Helper()
	late := time.After(patience)
	for {
		n.mu.Lock()
		changed := n.changed
		n.mu.Unlock()
		if list := n.all(like); len(list) > 0 {
			return list[0]
		}
		select {
		case <-changed:
		case <-late:
			t.Fatalf("no such event among %+v", n.all(func(audit.Event) bool { return true }))
		}
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func send(t *testing.T, c io.Writer, s string) {
	t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		t.Fatalf("send: %v", err)
	}
}

// answer reads one response, one byte at a time so that nothing behind it is lost.
func answer(t *testing.T, c net.Conn, method string) *http.Response {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	resp, err := http.ReadResponse(bufio.NewReaderSize(single{c}, 1), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("read answer: %v", err)
	}
	return resp
}

type single struct{ io.Reader }

func (s single) Read(b []byte) (int, error) { return s.Reader.Read(b[:min(1, len(b))]) }

func body(t *testing.T, resp *http.Response) string {
	t.Helper()
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("read body: %v", err)
	}
	return string(b)
}
