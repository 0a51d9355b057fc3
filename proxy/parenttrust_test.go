package proxy_test

import (
	"context"
	"testing"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/peer/peertest"
	"github.com/tenantgate/tenantgate/proxy"
)

// Its password would be the first thing that it is told.
func TestAParentThatNoOriginCouldBeIsToldNothing(t *testing.T) {
	to := must(hosts.ParseAuthority("graph.microsoft.com:443", 443))(t)
	for _, s := range peertest.Servers(t) {
		t.Run(s.Is, func(t *testing.T) {
			addr, taken := s.Listen(t)
			p := must(proxy.NewParent("https://user:hunter2@"+addr, s.Trust))(t)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() {
				_, err := p.Dial(ctx, to, nil)
				ended <- err
			}()
			if got := <-taken; got != s.Fine {
				t.Errorf("it was told something: %v", got)
			}
			cancel()
			if err := <-ended; err == nil {
				t.Error("there is a tunnel")
			}
		})
	}
}
