package audit

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkSend tells how many bytes of events a second a sink brings to a
// receiver on this machine, both ends on the same processors.
func BenchmarkSend(b *testing.B) {
	for name, c := range map[string]SinkConfig{
		"webhook":      {Type: "webhook"},
		"webhook-ocsf": {Type: "webhook", Format: "ocsf"},
		"splunk":       {Type: "splunk", Token: "t"},
		"sentinel":     {Type: "sentinel", Sentinel: SentinelConfig{Rule: testRule}},
		"otlp":         {Type: "otlp"},
	} {
		b.Run(name, func(b *testing.B) {
			var got atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				n, _ := io.Copy(io.Discard, r.Body)
				got.Add(n)
				io.WriteString(w, `{}`)
			}))
			defer server.Close()
			c.Name, c.URL = "s", server.URL
			s, err := newSink(c, testObserver)
			if err != nil {
				b.Fatal(err)
			}
			defer closeSink(s)
			if azure, ok := s.(*Sentinel); ok {
				azure.credential = token{new(atomic.Value)}
			}
			batch, size := many(1000), 0
			for _, l := range batch {
				size += len(l.JSON)
			}
			b.SetBytes(int64(size))
			for b.Loop() {
				if err := s.Send(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkDeliver tells how fast a backlog goes: spool, shipper, sink,
// receiver.
func BenchmarkDeliver(b *testing.B) {
	var got atomic.Int64
	done := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		got.Add(n)
		poke(done)
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	dir := b.TempDir()
	l, err := Open(Config{Sinks: []SinkConfig{{Name: "siem", Type: "webhook", URL: down}}}, dir, testObserver)
	if err != nil {
		b.Fatal(err)
	}
	e := blocked()
	for range b.N {
		if err := l.Record(e); err != nil {
			b.Fatal(err)
		}
	}
	size := int64(l.Stats().Bytes)
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size / int64(b.N))
	b.ResetTimer()
	if l, err = Open(Config{Sinks: []SinkConfig{{Name: "siem", Type: "webhook", URL: server.URL, Batch: BatchConfig{Linger: 1}}}}, dir, testObserver); err != nil {
		b.Fatal(err)
	}
	for late := time.After(time.Minute); got.Load() < size; {
		select {
		case <-done:
		case <-late:
			b.Fatalf("%d of %d bytes came", got.Load(), size)
		}
	}
	b.StopTimer()
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
}
