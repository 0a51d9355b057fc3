package resolver

import (
	"context"
	"testing"

	"github.com/tenantgate/tenantgate/peer/peertest"
)

func TestAnUpstreamThatNoOriginCouldBeIsAskedNothing(t *testing.T) {
	for _, s := range peertest.Servers(t) {
		for _, scheme := range []string{"tls://", "https://"} {
			t.Run(scheme+s.Is, func(t *testing.T) {
				addr, taken := s.Listen(t)
				path := ""
				if scheme == "https://" {
					path = "/dns-query"
				}
				cfg := Default()
				cfg.Answers, cfg.Upstreams = []string{"10.0.0.7"}, []string{scheme + addr + path}
				r, err := NewRules(cfg, Names{}, Addresses{DNS: "127.0.0.1:1"}, s.Trust)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				for _, c := range r.secure {
					go func() {
						_, err := c.ask(ctx, []byte("\x00\x11\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x01"))
						ended <- err
					}()
				}
				if got := <-taken; got != s.Fine {
					t.Errorf("it was asked: %v", got)
				}
				cancel()
				if err := <-ended; err == nil {
					t.Error("there was an answer")
				}
				r.retire()
			})
		}
	}
}
