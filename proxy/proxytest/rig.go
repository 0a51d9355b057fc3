// Package proxytest runs a real proxy between raw senders and the demo cloud;
// for tests only.
//
// A Rig is the wiring of cmd/tenantgate in one process: real TLS on both
// sides, the real event log, the real policy. Nothing of it is replaced but
// names and addresses, which are the cloud's or scripted, and what it dials
// and records can be read back.
package proxytest

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/certs"
	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/proxy"
	"github.com/tenantgate/tenantgate/tagging"
	"github.com/tenantgate/tenantgate/tokens"
)

// Options are what a Rig may differ in. The zero Options is a configuration
// of tenant.id and tenant.policy alone.
type Options struct {
	Policy  *policy.Config // nil: policy.Default
	Observe bool
	Ports   []uint16 // nil: 443

	Rules func(*proxy.Rules) // changes the rules before they are used; nil: nothing
}

// Rig is a proxy in front of a cloud. Make one with New.
type Rig struct {
	Cloud    *demo.Cloud
	Server   *proxy.Server
	Tags     *tagging.Table
	Events   *Events
	Net      *Net
	Explicit string // address of the explicit proxy
	Steered  string // address of the steered listener
	Bait     *Bait  // a listener on loopback that nobody may be led to

	Restricted hosts.Set
	Roots      *x509.CertPool // the proxy's CA and the cloud's

	ca   *x509.Certificate
	last net.Addr
}

// Last returns the client's own address of the connection that was opened last.
func (r *Rig) Last() net.Addr { return r.last }

// New starts a Rig that ends with t.
func New(t testing.TB, o Options) *Rig {
	t.Helper()
	cloud, err := demo.NewCloud()
	must(t, err)
	t.Cleanup(func() { _ = cloud.Close() })
	cloud.KeepBytes()
	r := &Rig{Cloud: cloud, Net: &Net{cloud: cloud}, Bait: newBait(t)}
	dir := t.TempDir()
	r.Events = openEvents(t, filepath.Join(dir, "events"))
	r.Server = &proxy.Server{
		Recorder: r.Events, SOCKS: proxy.AnySOCKS, IdleTimeout: Patience, HandshakeTimeout: Patience, DrainTimeout: 5 * time.Second,
	}
	rules := r.rules(t, o)
	r.Restricted = proxy.Restricted(rules.Tags, rules.Tokens)
	authority, err := certs.Open(filepath.Join(dir, "ca"), r.Restricted)
	must(t, err)
	r.Server.Leaves, r.Tags, r.ca = authority, rules.Tags, authority.Certificate()
	r.Roots = cloud.Roots()
	r.Roots.AddCert(r.ca)
	r.Server.Use(rules)
	r.listen(t)
	t.Cleanup(rules.HTTP.(*http.Transport).CloseIdleConnections)
	return r
}

func (r *Rig) rules(t testing.TB, o Options) *proxy.Rules {
	t.Helper()
	tags, err := tagging.New(tagging.Default(), demo.Home.ID, demo.Home.Policy)
	must(t, err)
	finder, err := tokens.New(tokens.Config{}, []byte("a key for the digests of a test"))
	must(t, err)
	settings := policy.Default()
	if o.Policy != nil {
		settings = *o.Policy
	}
	decide, err := policy.New(settings, tokens.Tenant(demo.Home.ID), o.Observe, policy.Hosts{
		SignIn: tags.Hosts(), ARM: tokens.ARM, Restricted: proxy.Restricted(tags, finder),
		Exempt: tagging.Exempt(), Refused: tags.Refused(),
	}, nil)
	must(t, err)
	origin := &proxy.Dialer{
		Resolver: r.Net, Connect: r.Net.connect, Own: r.Server.Owns,
		Allow: []netip.Prefix{netip.MustParsePrefix(demo.Addresses)},
	}
	if o.Ports == nil {
		o.Ports = []uint16{443}
	}
	rules := &proxy.Rules{
		Tags: tags, Tokens: finder, Policy: decide, Origin: origin, Owner: Owner,
		HTTP: proxy.NewTransport(origin, r.Cloud.Roots()), Ports: o.Ports,
	}
	if o.Rules != nil {
		o.Rules(rules)
	}
	return rules
}

// Owner tells whose a host of the cloud is, by its first label.
func Owner(_ context.Context, n hosts.Name) tokens.Tenant {
	label := strings.TrimPrefix(string(n), "h1-")
	for _, t := range []demo.Tenant{demo.Home, demo.Foreign, demo.Partner} {
		if strings.HasPrefix(label, t.Short) {
			return tokens.Tenant(t.ID)
		}
	}
	return ""
}

func (r *Rig) listen(t testing.TB) {
	t.Helper()
	explicit, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	steered, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	r.Explicit, r.Steered = explicit.Addr().String(), steered.Addr().String()
	r.Server.Own(r.Bait.listener.Addr())
	ended := make(chan error, 2)
	go func() { ended <- r.Server.ServeProxy(explicit) }()
	go func() { ended <- r.Server.ServeSteered(steered) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = r.Server.Shutdown(ctx) // what is still open is closed
		for range 2 {
			if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
				t.Errorf("a listener ended with %v", err)
			}
		}
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
