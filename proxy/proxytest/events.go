package proxytest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/tenantgate/tenantgate/audit"
)

// Events is the real event log, and a list of what was given to it.
type Events struct {
	*audit.Log
	file string

	mu      sync.Mutex
	given   []audit.Event
	changed chan struct{}
	start   int64 // of the file when Reset was called
}

func openEvents(t testing.TB, dir string) *Events {
	t.Helper()
	log, err := audit.Open(audit.Config{}, dir, audit.Observer{Hostname: "test", Version: "test"})
	must(t, err)
	e := &Events{Log: log, file: filepath.Join(dir, "events.jsonl"), changed: make(chan struct{})}
	t.Cleanup(func() { must(t, log.Close()) })
	return e
}

// Record implements proxy.Recorder.
func (e *Events) Record(event *audit.Event) error {
	err := e.Log.Record(event)
	e.mu.Lock()
	defer e.mu.Unlock()
	kept := *event
	kept.Credentials = slices.Clone(event.Credentials) // the proxy uses those of an access event again
	e.given = append(e.given, kept)
	close(e.changed)
	e.changed = make(chan struct{})
	return err
}

// Reset forgets what was given. The file stays, and is read from here on.
func (e *Events) Reset() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.given = nil
	if info, err := os.Stat(e.file); err == nil {
		e.start = info.Size()
	}
}

// Given returns the events since Reset.
func (e *Events) Given() []audit.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.given)
}

// Await waits until there is an event that is as want says, or ctx ends. It
// returns the last such event.
func (e *Events) Await(ctx context.Context, want func(audit.Event) bool) (audit.Event, bool) {
	for {
		e.mu.Lock()
		changed := e.changed
		given := slices.Clone(e.given)
		e.mu.Unlock()
		for _, event := range slices.Backward(given) {
			if want(event) {
				return event, true
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return audit.Event{}, false
		}
	}
}

// Raw returns what came into the event file since Reset, as it is on disk.
func (e *Events) Raw() ([]byte, error) {
	e.mu.Lock()
	start := e.start
	e.mu.Unlock()
	f, err := os.Open(e.file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if _, err := f.Seek(start, io.SeekStart); err != nil {
		return nil, err
	}
	return io.ReadAll(f)
}

// A Line is one event as it stands in the file.
type Line map[string]any

// Line returns the event with this id from Raw; nil if it is not there.
func (e *Events) Line(id string) (Line, error) {
	raw, err := e.Raw()
	if err != nil {
		return nil, err
	}
	for text := range bytes.Lines(raw) {
		if !bytes.Contains(text, []byte(id)) {
			continue
		}
		var l Line
		if err := json.Unmarshal(text, &l); err != nil {
			return nil, err
		}
		if l.Text("event.id") == id {
			return l, nil
		}
	}
	return nil, nil
}

// Text returns the member at a dotted path: a string as it is, anything else
// as JSON, nothing as "". A number picks from an array.
func (l Line) Text(path string) string {
	var v any = map[string]any(l)
	for step := range strings.SplitSeq(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			v = in[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(in) {
				return ""
			}
			v = in[i]
		default:
			return ""
		}
	}
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	default:
		text, err := json.Marshal(v)
		if err != nil {
			return ""
		}
		return string(text)
	}
}
