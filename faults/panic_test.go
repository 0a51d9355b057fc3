package faults_test

import (
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenantgate/tenantgate/proxy"
	"github.com/tenantgate/tenantgate/proxy/proxytest"
)

// R25: a panic in the middle of a request costs that request. The proxy runs
// in this process: the program has nothing that panics.
func panics(s *stage) {
	var asked, panicked, failed atomic.Int64
	var ill atomic.Bool
	rig := proxytest.New(s.T, proxytest.Options{Rules: func(r *proxy.Rules) {
		r.HTTP.(*http.Transport).Proxy = func(*http.Request) (*url.URL, error) {
			if n := asked.Add(1); ill.Load() && n%10 == 0 {
				panicked.Add(1)
				panic("injected")
			}
			return nil, nil
		}
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
	ill.Store(true)
	run(6 * s.scale.rate)
	ill.Store(false)
	if panicked.Load() == 0 || failed.Load() > panicked.Load() {
		s.Errorf("%d requests failed for %d panics", failed.Load(), panicked.Load())
	}
	s.Logf("%d panics, %d requests failed", panicked.Load(), failed.Load())
	failed.Store(0)
	run(2 * s.scale.rate)
	if n := failed.Load(); n > 0 {
		s.Errorf("%d requests failed afterwards", n)
	}
}
