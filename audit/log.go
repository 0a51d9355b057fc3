// Package audit keeps one event per verdict, on disk first, in sinks later; a
// file per sink.
//
// What must not be got wrong: a tenant event is in the file when Record
// returns nil (it survives kill -9), and a verdict is carried out only then.
// Access events wait a moment in memory and may be shed, which is itself a
// tenant event. Sequence numbers are given out by the one writer as it writes:
// lines are in their order, and a gap is a loss.
package audit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// ErrClosed is returned for an event that comes after Close.
var ErrClosed = errors.New("event log is closed")

// Bounds in time. Survival of a power loss is promised from syncEvery on.
const (
	flushEvery    = 250 * time.Millisecond // an access event waits no longer
	syncEvery     = time.Second
	announceEvery = time.Second // shedding is announced no more often
)

// Observer is what every event says of the proxy that saw it.
type Observer struct{ Hostname, Version string }

// A Log appends events to one file. Its methods may be called concurrently.
type Log struct {
	observer []byte // its JSON
	opened   time.Time
	records  sync.Pool // of *record

	dir    *directory
	file   *file
	seq    uint64 // of the last event in the file; the writer's
	batch  []*record
	out    []byte
	due    time.Time   // when shedding may be announced again; the writer's
	failed atomic.Bool // the last sync failed: no event is safe until one succeeds
	synced atomic.Uint64

	wake     chan struct{}   // something waits for the writer
	flush    *time.Timer     // access events have waited long enough
	dirty    chan struct{}   // something waits for a sync
	reopen   chan chan error // Reopen waits
	quit     chan struct{}
	finished chan struct{} // the writer is done
	syncer   sync.WaitGroup

	mu      sync.Mutex
	queue   queue
	stats   Stats
	failing bool // the last write failed
	closed  bool

	damaged string
}

// Stats counts what became of events since Open.
type Stats struct {
	Tenant, Access uint64 // events in the file
	Failed         uint64 // tenant events that could not be written: the caller has the error
	Shed           uint64 // access events given up because writing could not keep up
	Errors         uint64 // writes and syncs that failed
	Bytes          uint64 // written
	Pending        int    // access events that wait
	LastError      string
	LastErrorTime  time.Time
}

// Open opens the log that cfg describes and takes up its sequence where it
// ended. Dir is STATE/events: it is made when it does not exist, and locked
// against a second instance.
//
// A damaged end of the file, which a crash leaves, is moved to a file of its
// own in dir (see Damaged), and an event says so. Open fails when the
// directory or the file cannot be written.
func Open(cfg Config, dir string, o Observer) (*Log, error) {
	d, err := openDirectory(dir)
	if err != nil {
		return nil, fmt.Errorf("open event log: %w", err)
	}
	path := cfg.File
	if path == "" {
		path = filepath.Join(dir, "events.jsonl")
	}
	l := &Log{
		observer: appendObserver(nil, o),
		opened:   time.Now(),
		dir:      d,
		file:     &file{path: path},
		wake:     make(chan struct{}, 1),
		dirty:    make(chan struct{}, 1),
		reopen:   make(chan chan error),
		quit:     make(chan struct{}),
		finished: make(chan struct{}),
	}
	l.records.New = func() any { return newRecord() }
	if err := l.start(); err != nil {
		return nil, errors.Join(fmt.Errorf("open event log: %w", err), l.file.close(), d.close())
	}
	return l, nil
}

// start reads the end of the file, repairs it, and starts the writer.
func (l *Log) start() error {
	if err := l.file.open(); err != nil {
		return err
	}
	end, err := l.file.mend(l.dir.path)
	if err != nil {
		return err
	}
	l.seq = max(end.seq, l.dir.seq)
	l.damaged = end.aside
	l.flush = time.NewTimer(flushEvery)
	l.flush.Stop()
	go l.run()
	l.syncer.Go(l.sync)
	if end.damaged == 0 {
		return nil
	}
	if err := l.Record(damagedEvent(end.damaged)); err != nil {
		return errors.Join(err, l.stop())
	}
	return nil
}

// Damaged returns the file that holds the damaged end which Open found and set
// aside; empty if there was none.
func (l *Log) Damaged() string { return l.damaged }

// Stats returns the counts as they are.
func (l *Log) Stats() Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.stats
	s.Pending = len(l.queue.access)
	return s
}

// Reopen closes the file and opens the one that has its name now: what
// logrotate's postrotate asks for with SIGHUP. A file that was removed or
// replaced is noticed without it.
func (l *Log) Reopen() error {
	reply := make(chan error, 1)
	select {
	case l.reopen <- reply:
		return <-reply
	case <-l.finished:
		return ErrClosed
	}
}

// Close writes what waits, syncs and closes. Events that come later get
// ErrClosed.
func (l *Log) Close() error {
	err := l.stop()
	if errors.Is(err, ErrClosed) {
		return nil
	}
	return errors.Join(err, l.file.sync(), l.file.close(), l.dir.close())
}

// stop ends the writer and the syncer and returns what could not be written.
func (l *Log) stop() error {
	l.mu.Lock()
	closed := l.closed
	l.closed = true
	l.mu.Unlock()
	if closed {
		<-l.finished
		return ErrClosed
	}
	close(l.quit)
	<-l.finished
	l.syncer.Wait()
	l.flush.Stop()
	l.dir.keep(l.seq)
	if n := len(l.queue.access); n > 0 {
		return fmt.Errorf("close event log: %d access events could not be written: %s", n, l.stats.LastError)
	}
	return nil
}

// sync makes the file survive a power loss, syncEvery after something was
// written to it. It runs beside the writer, so that a slow disk delays no
// event.
func (l *Log) sync() {
	tick := time.NewTimer(syncEvery)
	tick.Stop()
	defer tick.Stop()
	for {
		select {
		case <-l.dirty:
			tick.Reset(syncEvery)
		case <-l.quit:
			return
		}
		select {
		case <-tick.C:
		case <-l.quit:
			return
		}
		l.file.check.Store(true)
		l.dir.keep(l.synced.Load())
		if err := l.file.sync(); err != nil && !errors.Is(err, os.ErrClosed) {
			l.failed.Store(true)
			l.mu.Lock()
			l.stats.fail(err)
			l.mu.Unlock()
		}
	}
}

func (s *Stats) fail(err error) {
	s.Errors++
	s.LastError = err.Error()
	s.LastErrorTime = time.Now()
}
