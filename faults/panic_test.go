package faults_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenantgate/tenantgate/proxy"
	"github.com/tenantgate/tenantgate/proxy/proxytest"
)

// ill panics at each tenth request, while on says so.
type ill struct {
	next            http.RoundTripper
	on              atomic.Bool
	asked, panicked atomic.Int64
}

func (i *ill) RoundTrip(r *http.Request) (*http.Response, error) {
	if n := i.asked.Add(1); i.on.Load() && n%10 == 0 {
		i.panicked.Add(1)
		panic("injected")
	}
	return i.next.RoundTrip(r)
}

// R25: a panic in the middle of a request costs that request. The proxy runs
// in this process: the program has nothing that panics.
func panics(s *stage) {
	var failed atomic.Int64
	sick := &ill{}
	rig := proxytest.New(s.T, proxytest.Options{Rules: func(r *proxy.Rules) {
		sick.next = r.HTTP
		s.Cleanup(r.HTTP.(*http.Transport).CloseIdleConnections)
		front := &http.Transport{}
		front.RegisterProtocol("https", sick)
		r.HTTP = front
	}})
	run := func(n int) {
		turns := make(chan struct{})
		var all sync.WaitGroup
		for range 32 {
			all.Go(func() {
				c := rig.Neighbour()
				defer c.Close()
				for range turns {
					if err := c.Ask(graphHost); err != nil {
						failed.Add(1)
					}
				}
			})
		}
		every := time.NewTicker(time.Second / time.Duration(s.scale.rate))
		defer every.Stop()
		for range n {
			<-every.C
			turns <- struct{}{}
		}
		close(turns)
		all.Wait()
	}
	sick.on.Store(true)
	run(6 * s.scale.rate)
	sick.on.Store(false)
	if sick.panicked.Load() == 0 || failed.Load() > sick.panicked.Load() {
		s.Errorf("%d requests failed for %d panics", failed.Load(), sick.panicked.Load())
	}
	s.Logf("%d panics, %d requests failed", sick.panicked.Load(), failed.Load())
	failed.Store(0)
	run(2 * s.scale.rate)
	if n := failed.Load(); n > 0 {
		s.Errorf("%d requests failed afterwards", n)
	}
}
