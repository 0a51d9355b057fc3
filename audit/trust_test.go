package audit

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/tenantgate/tenantgate/peer/peertest"
)

// One sink for each way to speak TLS: what shares a poster shares its trust.
func TestAReceiverThatNoOriginCouldBeGetsNoEvent(t *testing.T) {
	sinks := map[string]func(addr string) SinkConfig{
		"webhook": func(addr string) SinkConfig { return SinkConfig{URL: "https://" + addr} },
		"splunk":  func(addr string) SinkConfig { return SinkConfig{URL: "https://" + addr, Token: "t"} },
		"otlp":    func(addr string) SinkConfig { return SinkConfig{URL: "https://" + addr} },
		"syslog":  func(addr string) SinkConfig { return SinkConfig{URL: "tls://" + addr} },
		"kafka":   func(addr string) SinkConfig { return SinkConfig{Kafka: KafkaConfig{Brokers: []string{addr}}} },
	}
	for _, s := range peertest.Servers(t) {
		if s.Public {
			continue // a sink's roots are the operator's own
		}
		roots := filepath.Join(t.TempDir(), "roots.pem")
		if err := os.WriteFile(roots, s.Roots, 0o600); err != nil {
			t.Fatal(err)
		}
		for kind, make := range sinks {
			t.Run(kind+": "+s.Is, func(t *testing.T) {
				addr, taken := s.Listen(t)
				c := make(addr)
				c.Name, c.Type, c.Roots = "siem", kind, roots
				o := testObserver
				o.Ours = s.Trust.Ours
				sink, err := newSink(c, o)
				if err != nil {
					t.Fatal(err)
				}
				offer(t, sink, taken, s.Fine)
			})
		}
	}
}

// offer sends an event until the receiver has taken something or refused to.
func offer(t *testing.T, sink Sink, taken <-chan bool, want bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = sink.Send(ctx, []Line{sample(blocked())})
	}()
	if got := <-taken; got != want {
		t.Errorf("it got something: %v", got)
	}
	cancel()
	<-ended
	if c, ok := sink.(io.Closer); ok {
		c.Close()
	}
}

// A certificate does not heal by itself, and neither does one that breaks a
// rule of ours.
func TestAReceiverThatBreaksARuleIsForSomebodyToChange(t *testing.T) {
	for _, s := range peertest.Servers(t) {
		if s.Is != "one that our own CA has signed" && s.Is != "a stranger's" {
			continue
		}
		addr, _ := s.Listen(t)
		roots := filepath.Join(t.TempDir(), "roots.pem")
		if err := os.WriteFile(roots, s.Roots, 0o600); err != nil {
			t.Fatal(err)
		}
		o := testObserver
		o.Ours = s.Trust.Ours
		for kind, url := range map[string]string{"webhook": "https://", "syslog": "tls://"} {
			sink, err := newSink(SinkConfig{Name: "siem", Type: kind, URL: url + addr, Roots: roots}, o)
			if err != nil {
				t.Fatal(err)
			}
			if f := failure(sink.Send(t.Context(), []Line{sample(blocked())})); f.Class != Settings {
				t.Errorf("%s, %s: %v", kind, s.Is, f)
			}
		}
	}
}
