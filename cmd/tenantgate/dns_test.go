package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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
		for _, network := range []string{"udp", "udp", "udp", "udp", "tcp"} { // each from a port of its own: the kernel picks the socket by it
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
	for path, want := range map[string]string{"/readyz": `"listen.dns","ok":true`, "/metrics": `tenantgate_dns_queries_total{result="steered"} 10`} {
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

// Whoever is blocked at the proxy is not told where the resolver is either.
func TestResolversOfOthersAreWithheldWhereTheyAreBlocked(t *testing.T) {
	for _, c := range []struct {
		setting string
		mode    string
		want    int
	}{{"block", config.Enforce, dns.RcodeNameError}, {"tunnel", config.Enforce, dns.RcodeServerFailure}, {"block", config.Observe, dns.RcodeServerFailure}} {
		f := config.Default()
		f.State, f.Mode, f.Tenant = t.TempDir(), c.mode, config.Tenant{ID: homeTenant, Policy: homePolicy}
		f.Listen.Proxy, f.Listen.Admin, f.Listen.Steered, f.Listen.DNS = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.2:0", "127.0.0.1:0"
		f.Policy.EncryptedDNS, f.DNS.Upstreams = c.setting, []string{"127.0.0.3:9"} // nobody is there
		d, err := open(f, nil, surroundings{}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error, 1)
		go func() { served <- d.serve(ctx) }()
		for _, name := range []string{"dns.google.", "mozilla.cloudflare-dns.com.", "DoH.opendns.com."} {
			client := dns.Client{Timeout: patience}
			in, _, err := client.Exchange(new(dns.Msg).SetQuestion(name, dns.TypeA), d.addr("dns"))
			if err != nil || in.Rcode != c.want {
				t.Errorf("%s, %s: %s: %v, %v", c.setting, c.mode, name, in, err)
			}
		}
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}
}

// An event of a question is an access event, with the names that ECS gives it.
func TestQuestionsToTheResolverLeaveEventsOnRequest(t *testing.T) {
	f := config.Default()
	f.State, f.Tenant = t.TempDir(), config.Tenant{ID: homeTenant, Policy: homePolicy}
	f.Listen.Proxy, f.Listen.Admin, f.Listen.Steered, f.Listen.DNS = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.2:0", "127.0.0.1:0"
	f.DNS.Upstreams, f.DNS.Events = []string{"127.0.0.3:9"}, "steered"
	d, err := open(f, nil, surroundings{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- d.serve(ctx) }()
	for _, name := range []string{"GRAPH.microsoft.com.", "mask.icloud.com."} {
		if _, err := dns.Exchange(new(dns.Msg).SetQuestion(name, dns.TypeA), d.addr("dns")); err != nil {
			t.Error(err)
		}
	}
	cancel()
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	lines, err := os.ReadFile(filepath.Join(f.State, "events", "events.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(string(lines)) {
		var e struct {
			Event   struct{ Action, Reason, Outcome string }
			Source  struct{ IP string }
			Network struct{ Transport string }
			DNS     struct {
				Question struct{ Name, Type string }
				Code     string `json:"response_code"`
			}
			Own struct{ Kind string } `json:"tenantgate"`
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		got = append(got, fmt.Sprint(e))
	}
	want := []string{
		"{{name-asked name-steered success} {127.0.0.1} {udp} {{graph.microsoft.com A} NOERROR} {access}}",
		"{{name-asked name-withheld failure} {127.0.0.1} {udp} {{mask.icloud.com A} NXDOMAIN} {access}}",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}
