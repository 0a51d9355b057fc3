package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"net/netip"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/certs"
	"github.com/tenantgate/tenantgate/memory"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/proxy"
	"github.com/tenantgate/tenantgate/tagging"
	"github.com/tenantgate/tenantgate/tokens"
)

// serveTenantgate is the real proxy: token check, policy, tags, metrics and
// events on disk.
func serveTenantgate(s setup) error {
	tags, err1 := tagging.New(tagging.Config{Version: "v2"}, homeTenant, homePolicy)
	finder, err2 := tokens.New(tokens.Config{}, make([]byte, 32))
	events, err3 := audit.Open(audit.Config{}, filepath.Join(s.Dir, "events"), audit.Observer{Hostname: "bench", Version: "bench"})
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	restricted := proxy.Restricted(tags, finder)
	rules, err1 := policy.New(policy.Default(), homeTenant, false, policy.Hosts{
		SignIn: tags.Hosts(), ARM: tokens.ARM, Restricted: restricted, Exempt: tagging.Exempt(), Refused: tags.Refused(),
	}, nil)
	ca, err2 := certs.Open(filepath.Join(s.Dir, "ca"), restricted)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.RootPEM)
	origin := &proxy.Dialer{Resolver: onePublicAddress{}, Connect: func(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", s.Origin)
	}}
	memory.Pace() // as "tenantgate run" does
	server := &proxy.Server{Leaves: ca, Recorder: events, Metrics: proxy.NewMetrics(prometheus.NewRegistry())}
	server.Use(&proxy.Rules{
		Tags: tags, Tokens: finder, Policy: rules, Origin: origin,
		HTTP: proxy.NewTransport(origin, pool), Ports: []uint16{443},
	})
	if err := s.announce(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Certificate().Raw})); err != nil {
		return err
	}
	return server.ServeProxy(s.listener)
}

// onePublicAddress resolves every name to an address that the guard permits;
// nothing is sent there, see Connect.
type onePublicAddress struct{}

// LookupNetIP implements proxy.Resolver.
func (onePublicAddress) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.AddrFrom4([4]byte{9, 9, 9, 9})}, nil
}
