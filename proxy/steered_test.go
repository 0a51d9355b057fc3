package proxy_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"testing"

	"github.com/tenantgate/tenantgate/proxy"
)

func TestListenersThatComeAfterShutdownEndAtOnce(t *testing.T) {
	s := new(proxy.Server)
	if err := s.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	for name, serve := range map[string]func(net.Listener) error{"proxy": s.ServeProxy, "steered": s.ServeSteered} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if err := serve(l); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("%s ended with %v", name, err)
		}
		if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
			t.Errorf("%s still listens", name)
		}
	}
}
