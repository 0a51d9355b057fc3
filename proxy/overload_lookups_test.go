package proxy_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantgate/tenantgate/proxy"
)

// undecided is a resolver that tells when it is asked and answers when it is
// over.
type undecided struct{ asked, over chan struct{} }

func (u undecided) LookupNetIP(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	u.asked <- struct{}{}
	select {
	case <-ctx.Done():
	case <-u.over:
	}
	return nil, errors.New("no answer")
}

func TestNamesThatAResolverIsSlowAboutTakeTheirClientsShareAndNoMore(t *testing.T) {
	dns := undecided{make(chan struct{}, 8), make(chan struct{})}
	r := newRig(t, func(s *setup) {
		s.dialer.Resolver, s.server.Metrics = dns, proxy.NewMetrics(prometheus.NewRegistry())
	})
	r.server.Starve("lookups", 2)
	ask := func(from string) {
		c := r.from(from)
		send(t, c, "CONNECT "+unlisted+":443 HTTP/1.1\r\nHost: "+unlisted+":443\r\n\r\n")
		t.Cleanup(func() { _, _ = io.Copy(io.Discard, c) })
		<-dns.asked
	}
	ask("127.0.0.1")
	ask("127.0.0.1")
	_, resp := r.connect(unlisted + ":443")
	if reason := resp.Header.Get("Tenantgate-Reason"); resp.StatusCode != http.StatusServiceUnavailable || reason != "overloaded" {
		t.Errorf("a client with two names that nobody answers asks for a third: %s %s", resp.Status, reason)
	}
	if len(dns.asked) != 0 {
		t.Error("the third was looked up")
	}
	ask("127.0.0.2") // hangs if the first client took everything
	close(dns.over)
}
