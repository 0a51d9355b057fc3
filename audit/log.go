// Package audit keeps one event per verdict, on disk first, in sinks later; a
// file per sink.
//
// What must not be got wrong: a tenant event is in the file when Record
// returns nil (it survives kill -9), and a verdict is carried out only then.
// Access events wait a moment in memory and may be shed, which is itself a
// tenant event. Sequence numbers are given out under one lock, as it is written:
// lines are in their order, and a gap is a loss.
package audit

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
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

// Observer is the proxy that saw an event: what each says of it, and which CA
// is its own.
type Observer struct {
	Hostname, Version string
	Ours              func(*x509.Certificate) bool // tells the CA by which no receiver is believed; nil: there is none
}

// A Log appends events to one file. Its methods may be called concurrently.
type Log struct {
	observer []byte // its JSON
	opened   time.Time
	records  sync.Pool // of *record

	dir    *directory
	file   *file
	spool  *spool                // open once there is a sink
	spools atomic.Bool           // events go to the spool: there is a sink
	fleet  atomic.Pointer[fleet] // what brings them from there
	sinks  sync.Mutex            // held while the fleet is exchanged
	who    Observer
	people atomic.Pointer[privacy] // what is told of them
	make   makeSink
	when   string      // when events are synced: always, interval, never
	pass   bool        // let happen what could not be recorded because the disk is full
	failed atomic.Bool // the last sync failed: no event is safe until one succeeds
	synced atomic.Uint64

	writing sync.Mutex // held by whoever writes; guards these and what file and spool call the writer's
	seq     uint64     // of the last event in the file
	batch   []*record
	out     []byte
	due     time.Time // when shedding may be announced again
	over    bool      // the last batch is written

	wake     chan struct{} // something waits for the writer
	flush    *time.Timer   // access events have waited long enough
	dirty    chan struct{} // something waits for a sync
	quit     chan struct{}
	finished chan struct{} // the writer is done
	syncer   sync.WaitGroup

	mu      sync.Mutex
	queue   queue
	stats   Stats
	led     bool // somebody is about to write the next batch
	failing bool // the last write failed
	closed  bool

	damaged string
}

// Stats counts what became of events since Open.
type Stats struct {
	Tenant, Access uint64 // events in the file
	Failed         uint64 // tenant events that could not be written: the caller has the error
	Passed         uint64 // tenant events that a full disk kept out of the file, with events.full: pass
	Shed           uint64 // access events given up because writing could not keep up
	Errors         uint64 // writes and syncs that failed
	Bytes          uint64 // written
	Pending        int    // access events that wait
	LastError      string
	LastErrorTime  time.Time
	Sinks          []SinkStats // one for each sink and kind
}

// Open opens the log that cfg describes and takes up its sequence where it
// ended. Dir is STATE/events: it is made when it does not exist, and locked
// against a second instance.
//
// A damaged end of the file, which a crash leaves, is moved to a file of its
// own in dir (see Damaged), and an event says so. Open fails when the
// directory or the file cannot be written.
func Open(cfg Config, dir string, o Observer) (*Log, error) { return openLog(cfg, dir, o, newSink) }

func openLog(cfg Config, dir string, o Observer, newSink makeSink) (*Log, error) {
	sinks, err := cfg.build(o, newSink)
	if err = errors.Join(cfg.check(), err); err != nil {
		return nil, err
	}
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
		who:      o,
		make:     newSink,
		spool:    newSpool(filepath.Join(dir, "spool"), cfg.Spool),
		opened:   time.Now(),
		dir:      d,
		file:     &file{path: path},
		when:     cmp.Or(cfg.Sync, "interval"),
		pass:     cfg.Full == "pass",
		wake:     make(chan struct{}, 1),
		dirty:    make(chan struct{}, 1),
		quit:     make(chan struct{}),
		finished: make(chan struct{}),
	}
	l.records.New = func() any { return newRecord() }
	l.people.Store(newPrivacy(cfg.Privacy))
	if err := l.start(cfg, sinks); err != nil {
		return nil, errors.Join(fmt.Errorf("open event log: %w", err), l.spool.close(), l.file.close(), d.close())
	}
	return l, nil
}

// start reads the ends of the file and of the spool, repairs them, and starts
// the writer and the sinks.
func (l *Log) start(cfg Config, sinks []Sink) error {
	if err := l.file.open(); err != nil {
		return err
	}
	end, err := l.file.mend(l.dir.path)
	if err != nil {
		return err
	}
	l.seq = max(end.seq, l.dir.seq)
	l.damaged = end.aside
	l.spools.Store(len(sinks) > 0)
	spooled, err := l.openSpool(end.seq)
	if err != nil {
		return err
	}
	l.flush = time.NewTimer(flushEvery)
	l.flush.Stop()
	last := l.seq
	go l.run()
	l.syncer.Go(l.sync)
	if err := l.tellDamage(end.damaged, spooled); err != nil {
		return errors.Join(err, l.stop())
	}
	if err := l.launch(cfg, sinks, last); err != nil {
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
	for _, one := range l.fleet.Load().ships {
		s.Sinks = append(s.Sinks, one.snapshot())
	}
	return s
}

// Reopen closes the file and opens the one that has its name now: what
// logrotate's postrotate asks for with SIGHUP. A file that was removed or
// replaced is noticed without it.
func (l *Log) Reopen() error {
	l.writing.Lock()
	defer l.writing.Unlock()
	if l.over {
		return ErrClosed
	}
	return l.file.reopen()
}

// Close writes what waits, syncs, lets the sinks send what is left for a few
// seconds, and closes. Events that come later get ErrClosed.
func (l *Log) Close() error { return l.end(drainTime) }

// Leave is Close for who has somebody that opens the log at once: the sinks are
// not waited for. What was under way to them goes again.
func (l *Log) Leave() error { return l.end(0) }

func (l *Log) end(patience time.Duration) error {
	err := l.stop()
	if errors.Is(err, ErrClosed) {
		return nil
	}
	l.sinks.Lock()
	defer l.sinks.Unlock()
	err = errors.Join(err, l.fleet.Load().land(patience), l.spool.close())
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

func (s *Stats) fail(err error) {
	s.Errors++
	s.LastError = err.Error()
	s.LastErrorTime = time.Now()
}
