package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/tenantgate/tenantgate/config"
)

func TestResolverSteersToTheSteeredListenerUntilItIsToldOtherwise(t *testing.T) {
	f := config.Default()
	f.State, f.Tenant = t.TempDir(), config.Tenant{ID: homeTenant, Policy: homePolicy}
	f.Listen.Proxy, f.Listen.Admin, f.Listen.Steered, f.Listen.DNS = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.2:0", "127.0.0.1:0"
	f.DNS.Upstreams = []string{"127.0.0.3:9"}
	d, err := open(f, nil, surroundings{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- d.serve(ctx) }()
	defer func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	steered := func(want string) {
		t.Helper()
		for _, network := range []string{"udp", "tcp"} {
			c := dns.Client{Net: network}
			in, _, err := c.Exchange(new(dns.Msg).SetQuestion("login.microsoftonline.com.", dns.TypeA), d.addr("dns"))
			if err != nil || len(in.Answer) != 1 || !strings.HasSuffix(in.Answer[0].String(), "\t"+want) {
				t.Errorf("over %s: %v, %v, want %s", network, in, err, want)
			}
		}
	}
	steered("127.0.0.2")
	f.DNS.Answers = []string{"10.0.0.8"}
	if err := d.replace(f); err != nil {
		t.Fatal(err)
	}
	steered("10.0.0.8")
	for path, want := range map[string]string{"/readyz": `"listen.dns","ok":true`, "/metrics": `tenantgate_dns_queries_total{result="steered"} 4`} {
		resp, err := http.Get("http://" + d.addr("admin") + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !strings.Contains(string(body), want) {
			t.Errorf("%s has no %s: %v", path, want, err)
		}
	}
}
