package audit

import (
	"context"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantgate/tenantgate/audit/audittest"
)

// heap is how much memory is in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A receiver that is busy, for long: nothing piles up in memory, and once it is
// back it gets everything in order.
func TestABacklogGrowsOnDiskAloneAndIsDrainedInOrder(t *testing.T) {
	const n, most = 20000, 8 << 20
	var up atomic.Bool
	r, dir := newReceiver(t), t.TempDir()
	r.answer = func(int, []audittest.Line) (int, http.Header) {
		if up.Load() {
			return http.StatusNoContent, nil
		}
		return http.StatusServiceUnavailable, nil
	}
	l := open(t, r.to(), dir)
	before := heap()
	ids := make([]string, n)
	for i := range ids {
		e := blocked()
		e.ID = NewID()
		keep(t, l, e)
		ids[i] = e.ID
	}
	grown := int64(heap()) - int64(before) - int64(n*(16+36)) // the ids are ours
	stats := l.Stats()
	if waiting := stats.Sinks[0].QueuedBytes; waiting < 2*most {
		t.Fatalf("only %d bytes wait", waiting)
	}
	if grown > most {
		t.Errorf("%d bytes more in memory, with a backlog of %d", grown, stats.Sinks[0].QueuedBytes)
	}
	closeLog(t, l)
	up.Store(true)
	l = open(t, r.to(), dir)
	r.await(t, ids)
	closeLog(t, l)
	if got := r.ids(); !slices.Equal(got, ids) {
		t.Errorf("%d events came in another order: %s", len(got), cmp.Diff(ids[:5], got[:5]))
	}
}

// Splunk indexed the events and its word got lost: they go again, with the
// same event.id.
func TestAnAcknowledgementOfSplunkThatIsLostMakesEventsGoAgain(t *testing.T) {
	c := &collector{acks: map[string]int{}, channel: true}
	var lost atomic.Int32 // a connection that is cut puts nothing in order
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/services/collector/ack" && lost.Add(1) <= 2 {
			panic(http.ErrAbortHandler)
		}
		c.ServeHTTP(w, r)
	}))
	defer server.Close()
	s, err := newSink(SinkConfig{Name: "s", Type: "splunk", URL: server.URL, Token: "s3cr3t", Splunk: SplunkConfig{Acknowledge: true}}, testObserver)
	if err != nil {
		t.Fatal(err)
	}
	defer closeSink(s)
	tries := 1
	for ; s.Send(context.Background(), []Line{sample(blocked())}) != nil && tries < 5; tries++ {
	}
	events := c.taken()
	if len(events) != tries || tries < 2 {
		t.Fatalf("%d events in %d tries", len(events), tries)
	}
	if diff := cmp.Diff(events[0], events[1]); diff != "" {
		t.Errorf("what came again is another event: %s", diff)
	}
}
