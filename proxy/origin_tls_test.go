package proxy_test

import (
	"context"
	"crypto/fips140"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/certs"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/proxy"
	"github.com/tenantgate/tenantgate/tokens"
)

// An inspection is a proxy whose origin is changed for every row.
type inspection struct {
	*rig
	origin  atomic.Pointer[string] // where connections go
	arrived atomic.Int32           // requests that an origin has read
	ours    *holder
	dialer  *proxy.Dialer
}

func newInspection(t *testing.T) *inspection {
	t.Helper()
	in := &inspection{}
	in.rig = newRig(t, func(s *setup) {
		in.dialer = s.dialer
		s.dialer.Resolver = somewhere{}
		s.dialer.Connect = func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
			at := *in.origin.Load()
			if to.Port() == 80 { // a revocation list; what the guard let through
				_, at, _ = strings.Cut(at, " ")
			} else {
				at, _, _ = strings.Cut(at, " ")
			}
			return new(net.Dialer).DialContext(ctx, "tcp", at)
		}
		s.rules = func(r *proxy.Rules) {
			r.Tokens = must(tokens.New(tokens.Config{Hosts: []string{"shop.com", "shop.co.uk", "shop.test"}}, make([]byte, 32)))(t)
			restricted := proxy.Restricted(r.Tags, r.Tokens)
			r.Policy = must(policy.New(s.policy, r.Policy.Home(), false, policy.Hosts{SignIn: r.Tags.Hosts(), Restricted: restricted, Refused: r.Tags.Refused()}, nil))(t)
			k := key(t, "ours", "p256")
			ca := must(certs.Create(restricted, k, time.Hour))(t)
			in.ours = &holder{ca.Certificate(), k}
			s.server.Leaves = ca
		}
	})
	in.roots.AddCert(in.ours.Certificate)
	return in
}

// serve starts the origin of a recipe and returns what is behind it.
func (in *inspection) serve(t *testing.T, r recipe, host string) (pki, *tls.Config) {
	t.Helper()
	p, chain := r.people(t, host, in.ours)
	cfg := &tls.Config{
		Certificates: []tls.Certificate{chain}, MinVersion: tls.VersionTLS10, MaxVersion: tlsVersions[r.or("server.max", "1.3")],
		CipherSuites: r.suites(t),
	}
	if protos := r.or("server.alpn", "h2,http/1.1"); protos != "" {
		cfg.NextProtos = strings.Split(protos, ",")
	}
	if r["server.ask"] == "true" {
		cfg.ClientAuth = tls.RequestClientCert
	}
	both := new(http.Protocols)
	both.SetHTTP1(true)
	both.SetHTTP2(true)
	srv := &http.Server{Protocols: both, ErrorLog: log.New(io.Discard, "", 0), Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		in.arrived.Add(1)
		_, _ = fmt.Fprintf(w, "over HTTP/%d", req.ProtoMajor)
	})}
	l := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	at := l.Addr().String()
	if lists := r["crl.at"]; lists != "" {
		at += " " + lists
	}
	in.origin.Store(&at)
	t.Cleanup(func() { srv.Close() })
	go func() { _ = srv.Serve(tls.NewListener(l, cfg)) }()
	return p, cfg
}

// ask sends one request through the proxy to the origin of the row; the answer
// is its verdict in the words of the file.
func (in *inspection) ask(t *testing.T, row tlsRow) string {
	t.Helper()
	host := row.recipe.or("host", restricted)
	lists := newLists(t, in, row.recipe)
	p, _ := in.serve(t, row.recipe, host)
	lists.publish(p)
	trust := &proxy.OriginTLS{
		Roots: x509.NewCertPool(), SignIn: in.rules.Tags.Hosts(), Revoked: lists.known(),
		Ours: func(c *x509.Certificate) bool { return c.Equal(in.ours.Certificate) },
	}
	trust.Roots.AddCert(p.root.Certificate)
	trust.Roots.AddCert(in.ours.Certificate)
	if row.recipe["root.private"] == "true" {
		trust.Private = []*x509.Certificate{p.root.Certificate}
	}
	rules := *in.rules
	transport := trust.Transport(in.dialer)
	defer transport.CloseIdleConnections()
	rules.HTTP = transport
	in.server.Use(&rules)
	before := in.rig.events.all(func(audit.Event) bool { return true })
	read := in.arrived.Load()
	resp := in.raw(host, "GET / HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n")
	text := body(t, resp)
	e := in.events.wait(t, func(e audit.Event) bool {
		return e.Kind == audit.Access && e.Method != "" && !among(before, e.ID)
	})
	switch {
	case resp.StatusCode == http.StatusOK:
		return "pass"
	case in.arrived.Load() != read:
		t.Errorf("an origin that is refused has read the request")
	case resp.StatusCode != http.StatusBadGateway, resp.Header.Get("Tenantgate-Reason") != string(policy.OriginUntrusted):
		t.Errorf("%s %s, want 502 %s\n%s", resp.Status, resp.Header.Get("Tenantgate-Reason"), policy.OriginUntrusted, text)
	}
	return strings.TrimPrefix(e.Close, string(policy.OriginUntrusted)+": ")
}

func among(list []audit.Event, id string) bool {
	for _, e := range list {
		if e.ID == id {
			return true
		}
	}
	return false
}

// Every row of the table, against a real server, through the real proxy: an
// origin that is refused is told to the client as 502 and gets no request.
func TestOriginsThatPresentWhatNoBrowserWouldTakeAreRefused(t *testing.T) {
	in := newInspection(t)
	card, bad := &strings.Builder{}, 0
	rows := tlsRows(t, "testdata/tls/upstream.txt")
	for _, row := range rows {
		t.Run(row.id, func(t *testing.T) {
			got := in.ask(t, row)
			if fips140.Enabled() && row.verdict == "weak-key" {
				row.verdict = "invalid" // crypto/x509 takes no such key for approved, before we are asked
			}
			mark := "ok  "
			if got != row.verdict {
				t.Errorf("%s: %s, want %s", row.what, got, row.verdict)
				mark, bad = "FAIL", bad+1
			}
			fmt.Fprintf(card, "%s %s %-18s %s\n", mark, row.id, got, row.what)
		})
	}
	t.Logf("scorecard: %d of %d\n%s", len(rows)-bad, len(rows), card)
}
