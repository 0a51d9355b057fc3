package proxy_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/tenantgate/tenantgate/proxy"
)

// TestACrowdOfRequestsCostsFewHandshakes asks an origin of HTTP/2 for a hundred
// things while nothing is connected to it.
func TestACrowdOfRequestsCostsFewHandshakes(t *testing.T) {
	const crowd = 100
	var dials atomic.Int32
	connect := make(chan struct{})
	origin := site(t, "h2", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	r := newRig(t, func(s *setup) {
		s.dialer.Connect = func(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
			dials.Add(1)
			<-connect
			return new(net.Dialer).DialContext(ctx, "tcp", origin.Addr().String())
		}
	})
	client := r.client("h2")
	var asked sync.WaitGroup
	for range crowd {
		asked.Go(func() {
			resp, err := client.Get("https://" + restricted + "/")
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Errorf("%v, %v", resp, err)
			}
		})
	}
	r.until("all are under way", func() bool { return r.server.UnderWay() == crowd })
	if n := dials.Load(); n > proxy.DialsAtOnce {
		t.Errorf("%d are dialled at once", n)
	}
	close(connect)
	asked.Wait()
	if n := dials.Load(); n > crowd/2 { // a dial that came late to its own request may be one for nothing
		t.Errorf("%d connections for %d requests that one would do for", n, crowd)
	}
}

// TestACrowdLooksForAConnectionAFewAtOnce does so while clients rush. Who has
// found one does not keep others waiting until it is answered.
func TestACrowdLooksForAConnectionAFewAtOnce(t *testing.T) {
	const more = 20
	connect := make(chan struct{})
	var there sync.WaitGroup
	there.Add(proxy.SeekAtOnce + more)
	origin := site(t, "h2", func(w http.ResponseWriter, _ *http.Request) {
		there.Done()
		there.Wait()
		_, _ = io.WriteString(w, "ok")
	})
	r := newRig(t, func(s *setup) {
		s.dialer.Connect = func(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
			<-connect
			return new(net.Dialer).DialContext(ctx, "tcp", origin.Addr().String())
		}
	})
	r.server.Rush()
	client := r.client("h2")
	var asked sync.WaitGroup
	for range proxy.SeekAtOnce + more {
		asked.Go(func() {
			resp, err := client.Get("https://" + restricted + "/")
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Errorf("%v, %v", resp, err)
			}
		})
	}
	r.until("a few wait until others have found one", func() bool { return r.server.WaitingSeekers() == more })
	close(connect)
	asked.Wait()
	r.until("nobody looks", func() bool { return r.server.WaitingSeekers() < 0 })
}
