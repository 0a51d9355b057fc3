package audit

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/audit/audittest"
)

// The points at which a child dies: between which two system calls, and in the
// middle of which.
const (
	beforeAppend  = "before append"
	midRecord     = "mid-record"
	afterAppend   = "after append, before the events file has it"
	beforeSync    = "after the answer, before fsync"
	newSegment    = "segment made, nothing in it"
	firstRecord   = "mid-record, the first of a segment"
	fullSegment   = "full segment synced, not closed"
	sentNotMarked = "the SIEM has it, the cursor does not"
	midCheckpoint = "cursor written in part"
)

var killPoints = []string{beforeAppend, midRecord, afterAppend, beforeSync, newSegment, firstRecord, fullSegment, sentNotMarked, midCheckpoint}

// A deathbed dies with SIGKILL when a point is reached for the nth time.
type deathbed struct {
	point string
	left  atomic.Int64
}

// at says so on standard output and dies, if this is the time. What is said
// comes after every answer that was given before.
func (d *deathbed) at(point string, last func()) {
	if point != d.point || d.left.Add(-1) != 0 {
		return
	}
	if last != nil {
		last()
	}
	fmt.Println("died " + point)
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {} // a signal to oneself may take a moment
}

// doomedFile is a segment at which the process dies.
type doomedFile struct {
	*os.File
	bed   *deathbed
	wrote bool
	fresh bool // made by this process
}

func (f *doomedFile) Write(b []byte) (int, error) {
	half := func() { _, _ = f.File.Write(b[:1+(len(b)*5/7)]) }
	if f.fresh && !f.wrote {
		f.bed.at(firstRecord, half)
	}
	f.bed.at(beforeAppend, nil)
	f.bed.at(midRecord, half)
	n, err := f.File.Write(b)
	f.wrote = true
	f.bed.at(afterAppend, nil)
	return n, err
}

func (f *doomedFile) Sync() error {
	f.bed.at(beforeSync, nil)
	return f.File.Sync()
}

func (f *doomedFile) Close() error {
	f.bed.at(fullSegment, nil)
	return f.File.Close()
}

// doomedSink is a sink that dies when the receiver has taken a batch.
type doomedSink struct {
	Sink
	bed *deathbed
}

func (s doomedSink) Send(ctx context.Context, batch []Line) error {
	err := s.Sink.Send(ctx, batch)
	if err == nil {
		s.bed.at(sentNotMarked, nil)
	}
	return err
}

// arm puts the bed under every segment from now on. Small segments make many.
func arm(l *Log, bed *deathbed) {
	l.writing.Lock()
	defer l.writing.Unlock()
	for _, s := range l.spool.streams {
		s.mu.Lock()
		s.segment = 32 << 10
		s.open = func(path string, flag int) (diskFile, error) {
			f, err := os.OpenFile(path, flag, 0o600)
			if err != nil {
				return nil, err
			}
			bed.at(newSegment, nil)
			return &doomedFile{File: f, bed: bed, fresh: true}, nil
		}
		if f, ok := s.f.(*os.File); ok {
			s.f = &doomedFile{File: f, bed: bed}
		}
		s.mu.Unlock()
	}
}

// dieAtPoint writes under load until it dies at AUDIT_TEST_POINT, the
// AUDIT_TEST_TIMEth time it is reached.
func dieAtPoint() int {
	bed := &deathbed{point: os.Getenv("AUDIT_TEST_POINT")}
	n, err := strconv.ParseInt(os.Getenv("AUDIT_TEST_TIME"), 10, 64)
	if err != nil {
		return complain("%v", err)
	}
	bed.left.Store(n)
	dir := os.Getenv("AUDIT_TEST_DIR")
	cfg := childConfig()
	cfg.Sinks[0].Batch.Count = 1000
	l, err := openLog(cfg, dir, testObserver, func(cfg SinkConfig, o Observer) (Sink, error) {
		s, err := newSink(cfg, o)
		return doomedSink{s, bed}, err
	})
	if err != nil {
		return complain("%v", err)
	}
	arm(l, bed)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for {
				e := blocked()
				e.ID = NewID()
				if l.Record(e) != nil || l.Record(forwarded()) != nil {
					return
				}
				fmt.Println(e.ID)
				time.Sleep(2 * time.Millisecond) // load, not flood: the receiver gets it again and again
			}
		})
	}
	all.Wait()
	return 1
}

// deadAt runs a child until it dies at a point and returns what it answered.
func deadAt(t *testing.T, dir, point string, nth int) (ids []string) {
	t.Helper()
	c := child("point", dir)
	c.Env = append(c.Env, "AUDIT_TEST_POINT="+point, "AUDIT_TEST_TIME="+strconv.Itoa(nth))
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	died := false
	for s := bufio.NewScanner(out); s.Scan(); {
		if s.Text() == "died "+point {
			died = true
			continue
		}
		ids = append(ids, s.Text())
	}
	err = c.Wait()
	if status, ok := c.ProcessState.Sys().(syscall.WaitStatus); !died || !ok || status.Signal() != syscall.SIGKILL {
		t.Fatalf("%s: the child ended otherwise: died there: %v, %v", point, died, err)
	}
	return ids
}

// Kill -9 at each point where something is half done, under load, again and
// again on the same log: whoever got an answer left an event, and the receiver
// has it. TENANTGATE_KILLS=200 is the long run.
func TestEveryAnsweredEventReachesTheReceiverThroughDeathAtEachPoint(t *testing.T) {
	kills := len(killPoints) + 5
	if more, err := strconv.Atoi(os.Getenv("TENANTGATE_KILLS")); err == nil {
		kills = more
	}
	r, dir := newReceiver(t), t.TempDir()
	r.mu.Lock() // who asks is another process, which orders nothing here
	r.answer = func(n int, _ []audittest.Line) (int, http.Header) {
		if n%17 == 3 {
			return 0, nil // taken, and the acknowledgement is lost
		}
		return http.StatusOK, nil
	}
	r.mu.Unlock()
	t.Setenv("AUDIT_TEST_URL", r.URL)
	var answered []string
	for i := range kills {
		point, nth := killPoints[i%len(killPoints)], 1+(7*i)%23
		switch point {
		case beforeSync, fullSegment: // once a second
			nth = 1
		case newSegment, firstRecord:
			nth = 1 + i%5
		case midCheckpoint:
			tearCursors(t, dir, i)
			point, nth = sentNotMarked, 1+i%3
		case sentNotMarked:
			nth = 1 + i%3
		}
		answered = append(answered, deadAt(t, dir, point, nth)...)
	}
	received := len(r.ids())
	r.mu.Lock()
	r.answer = nil
	r.mu.Unlock()
	cfg := childConfig()
	cfg.Sinks[0].Batch.Count = 1000
	l := open(t, cfg, dir)
	r.await(t, answered)
	for i, one := range read(t, filepath.Join(dir, "events.jsonl")) {
		if one.Tenantgate.Seq != uint64(i+1) {
			t.Fatalf("line %d of the file has number %d", i+1, one.Tenantgate.Seq)
		}
	}
	for _, s := range l.Stats().Sinks {
		if s.Dropped+s.Damaged+s.Dead > 0 {
			t.Errorf("%+v", s)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	t.Logf("%d kills at %d points: %d answered, %d received before the last start, 0 missing; %d arrived, %d of them again",
		kills, len(killPoints), len(answered), received, len(r.taken), len(r.taken)-distinct(r.taken))
}

func distinct(all []arrival) int {
	ids := make([]string, len(all))
	for i, one := range all {
		ids[i] = one.id
	}
	slices.Sort(ids)
	return len(slices.Compact(ids))
}

// tearCursors leaves the cursors as a machine that stopped in the middle of
// their one sector could: in part, or empty.
func tearCursors(t *testing.T, dir string, i int) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "spool", "*"+cursorSuffix))
	if err != nil || len(all) == 0 {
		t.Fatalf("no cursors: %v", err)
	}
	for _, path := range all {
		if err := os.Truncate(path, int64(i%21)); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Error(err)
		}
	}
}
