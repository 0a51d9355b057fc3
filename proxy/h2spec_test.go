package proxy_test

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/xml"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/needs"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/proxy"
	"github.com/tenantgate/tenantgate/tokens"
)

// h2spec names the host it connects to in :authority, so localhost is made a
// host that carries tokens.
const local = "localhost"

// leastPassed is what a plain net/http server of Go 1.26.8 passes of 145.
const leastPassed = 140

// TestH2specFindsNoFaultThatNetHTTPHasNot runs h2spec against an intercepted
// connection and against a plain server, and compares.
func TestH2specFindsNoFaultThatNetHTTPHasNot(t *testing.T) {
	tool := needs.Tool(t, "h2spec")
	plain := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	both := new(http.Protocols)
	both.SetHTTP1(true)
	both.SetHTTP2(true)
	srv := &http.Server{
		Handler: http.HandlerFunc(swallow), Protocols: both, ErrorLog: log.New(io.Discard, "", 0),
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{testCA()}},
	}
	defer srv.Close()
	go func() { _ = srv.ServeTLS(plain, "", "") }()
	forwarder := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	r := newRig(t, at(site(t, "h1", swallow)), carries(t, local, forwarder))
	defer r.forward(forwarder)()

	known, _ := failures(t, tool, plain.Addr())
	ours, total := failures(t, tool, forwarder.Addr())
	for name := range ours {
		if !known[name] {
			t.Errorf("fails, and does not with net/http: %s", name)
		}
	}
	if passed := total - len(ours); passed < leastPassed {
		t.Errorf("%d of %d pass, want %d", passed, total, leastPassed)
	}
}

func swallow(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	_, _ = io.WriteString(w, "swallowed\n")
}

// carries makes host, at the port of l, one that carries tokens.
func carries(t *testing.T, host string, l net.Listener) func(*setup) {
	return func(s *setup) {
		s.dialer.Resolver = somewhere{}
		s.rules = func(r *proxy.Rules) {
			r.Ports = append(r.Ports, l.Addr().(*net.TCPAddr).AddrPort().Port())
			r.Tokens = must(tokens.New(tokens.Config{Hosts: []string{host}}, make([]byte, 32)))(t)
			restricted := proxy.Restricted(r.Tags, r.Tokens)
			r.Policy = must(policy.New(s.policy, r.Policy.Home(), false, policy.Hosts{Restricted: restricted}, nil))(t)
			s.server.Leaves = oneLeaf{} // no CA of ours would sign this host
		}
	}
}

// oneLeaf answers for every host with the same certificate.
type oneLeaf struct{}

func (oneLeaf) Leaf(hosts.Name) (*tls.Certificate, error) {
	leaf := testCA()
	return &leaf, nil
}

// somewhere resolves every name to an address of the cloud's.
type somewhere struct{}

func (somewhere) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 23})}, nil
}

// forward takes connections from a client that knows no proxy to localhost
// through it. The returned function ends that.
func (r *rig) forward(l net.Listener) (end func()) {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				up, resp := r.connect(local + ":" + port)
				if resp.StatusCode != http.StatusOK {
					r.t.Errorf("CONNECT: %s", resp.Status)
					return
				}
				defer up.Close()
				all.Go(func() { _, _ = io.Copy(up, c); _ = up.(*net.TCPConn).CloseWrite() })
				_, _ = io.Copy(c, up)
			})
		}
	})
	return func() { l.Close(); all.Wait() }
}

// failures runs h2spec and returns the names of the cases that failed.
func failures(t *testing.T, tool string, addr net.Addr) (failed map[string]bool, total int) {
	t.Helper()
	report := filepath.Join(t.TempDir(), "report.xml")
	port := strconv.Itoa(addr.(*net.TCPAddr).Port)
	out, err := exec.CommandContext(t.Context(), tool, "-t", "-k", "-h", local, "-p", port, "-j", report).CombinedOutput()
	raw, missing := os.ReadFile(report) // the exit code is 1 for any failed case
	if missing != nil {
		t.Fatalf("h2spec: %v\n%s", cmp.Or(err, missing), out)
	}
	var suites struct {
		Suites []struct {
			Cases []struct {
				Package string    `xml:"package,attr"`
				Class   string    `xml:"classname,attr"`
				Failure *struct{} `xml:"failure"`
				Error   *struct{} `xml:"error"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(raw, &suites); err != nil {
		t.Fatal(err)
	}
	failed = map[string]bool{}
	for _, s := range suites.Suites {
		for _, c := range s.Cases {
			total++
			if c.Failure != nil || c.Error != nil {
				failed[strconv.Itoa(total)+" "+c.Package+": "+c.Class] = true
			}
		}
	}
	t.Logf("%s: %d of %d pass", addr, total-len(failed), total)
	return failed, total
}
