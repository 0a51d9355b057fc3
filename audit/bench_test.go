package audit

import (
	"path/filepath"
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

func benchmarkRecord(b *testing.B, parallelism int, example func() *Event) {
	l, err := Open(Config{File: filepath.Join(b.TempDir(), "events.jsonl")}, b.TempDir(), testObserver)
	if err != nil {
		b.Fatal(err)
	}
	b.SetParallelism(parallelism)
	b.ReportAllocs()
	before := cpu(b)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		e := example()
		for pb.Next() {
			e.ID, e.Time = "", time.Time{} // as they come from the proxy
			if err := l.Record(e); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.StopTimer()
	n := float64(b.N)
	b.ReportMetric(float64(cpu(b)-before)/n, "cpu-ns/op")
	b.ReportMetric(n/b.Elapsed().Seconds(), "events/s")
	s := l.Stats()
	b.ReportMetric(float64(s.Shed)/n, "shed/op")
	b.SetBytes(int64(s.Bytes / max(s.Tenant+s.Access, 1)))
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkRecordTenantAlone(b *testing.B)    { benchmarkRecord(b, 1, blocked) }
func BenchmarkRecordTenantParallel(b *testing.B) { benchmarkRecord(b, 256, blocked) }
func BenchmarkRecordAccess(b *testing.B)         { benchmarkRecord(b, 8, forwarded) }

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
