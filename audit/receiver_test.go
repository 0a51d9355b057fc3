package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/audit/audittest"
)

// A receiver is a SIEM: an HTTP server that takes lines of JSON, holds to a
// limit in size, and can be told to misbehave.
type receiver struct {
	*httptest.Server
	limit int64
	// Answer says what to do with a request that could be read: a status, or 0
	// to close the connection instead of answering. If nil, all is well.
	answer func(n int, lines []audittest.Line) (status int, header http.Header)

	mu       sync.Mutex
	requests int
	taken    []arrival // of requests that were answered with 2xx or not at all
	changed  chan struct{}
}

// An arrival is what is remembered of an event that came.
type arrival struct{ id, action string }

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{limit: 1 << 20, changed: make(chan struct{}, 1)}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, r.limit))
	if err != nil {
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		return
	}
	var lines []audittest.Line
	s := bufio.NewScanner(bytes.NewReader(body))
	s.Buffer(nil, len(body)+1)
	for s.Scan() {
		var l audittest.Line
		if err := json.Unmarshal(s.Bytes(), &l); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		lines = append(lines, l)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests++
	status := http.StatusNoContent
	if r.answer != nil {
		var header http.Header
		status, header = r.answer(r.requests, lines)
		for name := range header {
			w.Header().Set(name, header.Get(name))
		}
	}
	if status == 0 || status/100 == 2 {
		for _, l := range lines {
			r.taken = append(r.taken, arrival{l.Event.ID, l.Event.Action})
		}
		poke(r.changed)
	}
	if status == 0 {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(status)
}

// ids returns the ids of what was taken, each once, in the order of its first
// coming.
func (r *receiver) ids() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []string
	seen := map[string]bool{}
	for _, l := range r.taken {
		if !seen[l.id] {
			seen[l.id] = true
			all = append(all, l.id)
		}
	}
	return all
}

func (r *receiver) actions() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := map[string]int{}
	for _, l := range r.taken {
		n[l.action]++
	}
	return n
}

// await waits until what was taken includes all ids.
func (r *receiver) await(t *testing.T, ids []string) {
	t.Helper()
	late := time.NewTimer(time.Minute)
	defer late.Stop()
	missing, looked := map[string]bool{}, 0
	for _, id := range ids {
		missing[id] = true
	}
	for {
		r.mu.Lock()
		for _, one := range r.taken[looked:] {
			delete(missing, one.id)
		}
		looked = len(r.taken)
		r.mu.Unlock()
		if len(missing) == 0 {
			return
		}
		select {
		case <-r.changed:
			late.Reset(time.Minute) // as long as something comes
		case <-late.C:
			t.Fatalf("%d of %d events did not come", len(missing), len(ids))
		}
	}
}

// to is a configuration that sends everything to r, without delay.
func (r *receiver) to(sinks ...SinkConfig) Config {
	if len(sinks) == 0 {
		sinks = []SinkConfig{{Name: "siem"}}
	}
	for i := range sinks {
		s := &sinks[i]
		s.Type, s.URL = "webhook", r.URL
		if s.Batch.Linger == 0 {
			s.Batch.Linger = 1
		}
	}
	return Config{Sinks: sinks}
}

// recordMany records n tenant events, and an access event for each, and
// returns the ids of both.
func recordMany(t *testing.T, l *Log, n int) (tenant, access []string) {
	t.Helper()
	for range n {
		e, a := blocked(), forwarded()
		e.ID, a.ID = NewID(), NewID()
		keep(t, l, e)
		keep(t, l, a)
		tenant, access = append(tenant, e.ID), append(access, a.ID)
	}
	return tenant, access
}
