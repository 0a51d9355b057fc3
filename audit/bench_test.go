package audit

import (
	"context"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// cpu returns the processor time that the process has used.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// A deaf sink takes nothing, and costs nothing: what is measured is what an
// event costs whoever records it, with a spool beside the file.
type deaf struct{}

func (deaf) Name() string { return "deaf" }

func (deaf) Send(ctx context.Context, _ []Line) error {
	<-ctx.Done()
	return ctx.Err()
}

var siem = SinkConfig{Name: "siem", Type: "webhook", URL: "https://siem.example"}

// openDeaf opens a log whose sinks are deaf.
func openDeaf(tb testing.TB, sinks ...SinkConfig) *Log {
	tb.Helper()
	dir := tb.TempDir()
	cfg := Config{File: filepath.Join(dir, "events.jsonl"), Sinks: sinks}
	l, err := openLog(cfg, dir, testObserver, func(SinkConfig, Observer) (Sink, error) { return deaf{}, nil })
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := l.Leave(); err != nil {
			tb.Error(err)
		}
	})
	return l
}

// recordNew records e as it comes from the proxy.
func recordNew(tb testing.TB, l *Log, e *Event) {
	e.ID, e.Time = "", time.Time{}
	if err := l.Record(e); err != nil {
		tb.Error(err)
	}
}

// benchmarkRecord has callers record events. Each has recorded a few before the
// count begins: buffers and stacks have their size.
func benchmarkRecord(b *testing.B, callers int, example func() *Event, sinks ...SinkConfig) {
	l := openDeaf(b, sinks...)
	var ready, done sync.WaitGroup
	ready.Add(callers)
	begin := make(chan struct{})
	for caller := range callers {
		done.Go(func() {
			e := example()
			for range 10 {
				recordNew(b, l, e)
			}
			ready.Done()
			<-begin
			for range (b.N + caller) / callers {
				recordNew(b, l, e)
			}
		})
	}
	ready.Wait()
	b.ReportAllocs()
	before, warm := cpu(b), l.Stats()
	b.ResetTimer()
	close(begin)
	done.Wait()
	b.StopTimer()
	n := float64(b.N)
	b.ReportMetric(float64(cpu(b)-before)/n, "cpu-ns/op")
	b.ReportMetric(n/b.Elapsed().Seconds(), "events/s")
	s := l.Stats()
	b.ReportMetric(float64(s.Shed-warm.Shed)/n, "shed/op")
	b.SetBytes(int64(s.Bytes / max(s.Tenant+s.Access, 1)))
}

func BenchmarkRecordTenantAlone(b *testing.B)    { benchmarkRecord(b, 1, blocked) }
func BenchmarkRecordTenantParallel(b *testing.B) { benchmarkRecord(b, 256, blocked) }
func BenchmarkRecordAccess(b *testing.B)         { benchmarkRecord(b, 8, forwarded) }

func BenchmarkRecordTenantSpooledAlone(b *testing.B)    { benchmarkRecord(b, 1, blocked, siem) }
func BenchmarkRecordTenantSpooledParallel(b *testing.B) { benchmarkRecord(b, 256, blocked, siem) }

func BenchmarkEncode(b *testing.B) {
	for name, example := range examples {
		b.Run(name, func(b *testing.B) {
			e, r, o := example(), newRecord(), appendObserver(nil, testObserver)
			b.ReportAllocs()
			for b.Loop() {
				r.encode(e, o, time.Second)
			}
			b.SetBytes(int64(len(r.b)))
		})
	}
}

func BenchmarkNewID(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		NewID()
	}
}
