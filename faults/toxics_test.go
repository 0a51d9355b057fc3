package faults_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// poisons are what toxiproxy does to the way to an origin.
var poisons = []struct {
	name, toxic string
	wants       []string
}{
	{"latency", `{"type": "latency", "attributes": {"latency": 700, "jitter": 300}}`, []string{"whole answer"}},
	{"latency on the way there", `{"type": "latency", "stream": "upstream", "attributes": {"latency": 700}}`, []string{"whole answer"}},
	{"reset", `{"type": "reset_peer", "attributes": {"timeout": 0}}`, []string{"502"}},
	{"reset on the way there", `{"type": "reset_peer", "stream": "upstream", "attributes": {"timeout": 0}}`, []string{"502"}},
	{"end after 100 bytes", `{"type": "limit_data", "attributes": {"bytes": 100}}`, []string{"502"}},
	{"end after the handshake", `{"type": "limit_data", "attributes": {"bytes": 2000}}`, []string{"502", "cut", "whole answer"}},
	{"nothing for a second, then the end", `{"type": "timeout", "attributes": {"timeout": 1000}}`, []string{"502"}},
	{"slow close", `{"type": "slow_close", "attributes": {"delay": 1000}}`, []string{"whole answer"}},
	{"10 KB a second", `{"type": "bandwidth", "attributes": {"rate": 10}}`, []string{"whole answer"}},
	{"in slices", `{"type": "slicer", "attributes": {"average_size": 16, "size_variation": 8, "delay": 100}}`, []string{"whole answer"}},
}

// toxics are the faults of R18 as toxiproxy makes them.
func toxics(s *stage) {
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	for _, p := range poisons {
		s.Run(strings.ReplaceAll(p.name, " ", "-"), func(t *testing.T) {
			way := toxiproxy.NewProxy(server, p.name, toxicAddr+":443", dataAddr+":443")
			if err := way.Start(); err != nil {
				t.Fatal(err)
			}
			defer way.Stop()
			defer way.Toxics.ResetToxics(context.Background())
			if _, err := way.Toxics.AddToxicJson(strings.NewReader(p.toxic)); err != nil {
				t.Fatal(err)
			}
			for _, got := range s.askAll("toxic.faults.test", 0) {
				if !slices.Contains(p.wants, got) {
					t.Errorf("%s, want one of %q", got, p.wants)
				}
			}
		})
	}
}
