package audit

import (
	"context"
	"sync"
	"time"
)

// A shipper brings one stream to one sink. It has a goroutine of its own, and
// nobody waits for it: what it cannot send stays in the spool.
type shipper struct {
	sink   Sink
	kind   Kind
	stream *stream
	limits batchLimits
	reader *reader
	cursor *cursor
	dead   *graveyard
	note   func(action, sink string, count uint64) // records an event about the log
	log    *sinkLog
	wake   chan struct{}
	drain  chan struct{} // closed: send what is there, at once, and end

	buried int // set aside since something was accepted

	mu     sync.Mutex
	stats  SinkStats
	oldest time.Time // of the batch being sent; zero where there is none
	at     place     // behind the last event that was taken; zero where none was
}

// batchLimits bound one batch; zero values are not allowed.
type batchLimits struct {
	bytes, count    int
	linger, timeout time.Duration
}

// SinkStats counts what one sink did with the events of one kind since Open.
type SinkStats struct {
	Name, Type    string
	Kind          string
	Healthy       bool   // the last attempt was good, or there was none
	Sent          uint64 // events that the receiver took
	Batches       uint64
	Bytes         uint64    // of lines sent
	Dead          uint64    // events set aside because the receiver will not have them
	Dropped       uint64    // events given up because the spool was full or they were too old
	Damaged       uint64    // events lost to a damaged spool, at least
	Failures      [4]uint64 // by Class
	QueuedBytes   int64
	OldestAge     time.Duration // of the first event that waits; 0 where none does
	LastSuccess   time.Time
	LastError     string
	LastErrorTime time.Time
}

// run ships until ctx ends, or until drain is closed and nothing is left or
// the sink does not take it.
func (s *shipper) run(ctx context.Context) {
	defer s.reader.close()
	for ctx.Err() == nil {
		batch, err := s.collect(ctx)
		if err != nil {
			s.failed(&Failure{Class: Retry, Err: err})
			if s.draining() || !s.pause(ctx, longestWait) {
				return
			}
			continue
		}
		if len(batch) == 0 {
			return
		}
		s.head(batch[0].time())
		if !s.deliver(ctx, batch) {
			return
		}
		if err := s.cursor.keep(batch[len(batch)-1].Seq); err != nil {
			s.failed(&Failure{Class: Retry, Err: err})
		}
		s.advance()
	}
}

// collect waits for events and returns a batch; none when it is time to end. A
// batch that is not full waits for more, for linger.
func (s *shipper) collect(ctx context.Context) ([]Line, error) {
	var lingered <-chan time.Time
	ready := s.limits.linger <= 0
	for {
		draining := s.draining() // asked first: what is left was written before
		waiting := s.reader.waiting()
		if waiting > 0 && (ready || draining || waiting >= s.limits.full()) {
			found, err := s.reader.read(s.limits.bytes, s.limits.count)
			if err != nil || len(found) > 0 {
				return s.lines(found), err
			}
			waiting = s.reader.waiting() // it was damaged, or known
		}
		if waiting == 0 && draining {
			return nil, nil
		}
		if waiting > 0 && lingered == nil {
			timer := time.NewTimer(s.limits.linger)
			defer timer.Stop()
			lingered = timer.C
		}
		select {
		case <-ctx.Done():
			return nil, nil
		case <-s.wake:
		case <-s.drain:
		case <-lingered:
			ready = true
		}
	}
}

// full is how many bytes in the spool make a batch that need not wait.
func (l batchLimits) full() int64 { return int64(min(l.bytes, l.count<<9)) }

func (s *shipper) lines(found []frame) []Line {
	batch := make([]Line, len(found))
	for i, f := range found {
		batch[i] = Line{Seq: f.seq, Kind: s.kind, JSON: f.line}
	}
	return batch
}

func (s *shipper) draining() bool {
	select {
	case <-s.drain:
		return true
	default:
		return false
	}
}

// deliver sends batch until the sink has taken each event or it was set aside.
// It is false where that did not come to pass before the end.
func (s *shipper) deliver(ctx context.Context, batch []Line) bool {
	for n := 0; len(batch) > 0; n++ {
		err := s.attempt(ctx, batch)
		if err == nil {
			s.succeeded(batch)
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		f := failure(err)
		s.failed(f)
		switch {
		case (f.Class == Poison || f.Class == TooMuch) && s.mayBury():
			return s.divide(ctx, batch, f)
		case s.draining():
			return false
		case !s.pause(ctx, f.wait(n)):
			return false
		}
	}
	return true
}

// attempt is one Send.
func (s *shipper) attempt(ctx context.Context, batch []Line) error {
	ctx, cancel := context.WithTimeout(ctx, s.limits.timeout)
	defer cancel()
	return s.sink.Send(ctx, batch)
}

// mostBuried is how many events in a row are set aside before something else
// than the events is taken to be wrong, and the rest waits.
const mostBuried = 100

func (s *shipper) mayBury() bool { return s.buried < mostBuried }

// divide sets aside the event that is meant, or finds it by halving.
func (s *shipper) divide(ctx context.Context, batch []Line, f *Failure) bool {
	switch known := f.Class == Poison && f.Index >= 0 && f.Index < len(batch); {
	case known:
		return s.bury(ctx, batch[f.Index], f) &&
			s.deliver(ctx, append(batch[:f.Index:f.Index], batch[f.Index+1:]...))
	case len(batch) == 1:
		return s.bury(ctx, batch[0], f)
	}
	half := len(batch) / 2
	return s.deliver(ctx, batch[:half]) && s.deliver(ctx, batch[half:])
}

// bury sets one event aside. Where even that cannot be done it waits.
func (s *shipper) bury(ctx context.Context, line Line, f *Failure) bool {
	for n := 0; ; n++ {
		err := s.dead.bury(line, f)
		if err == nil {
			break
		}
		problem := &Failure{Class: Retry, Err: err}
		s.failed(problem)
		if s.draining() || !s.pause(ctx, problem.wait(n)) {
			return false
		}
	}
	s.buried++
	s.mu.Lock()
	s.stats.Dead++
	s.mu.Unlock()
	s.note("event-not-taken", s.sink.Name(), 1)
	return true
}

// pause waits for d; false when it is time to end.
func (s *shipper) pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.drain: // one more attempt
		return true
	case <-ctx.Done():
		return false
	}
}

func (s *shipper) succeeded(batch []Line) {
	s.buried = 0
	s.log.succeeded()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Healthy = true
	s.stats.Batches++
	s.stats.Sent += uint64(len(batch))
	for _, l := range batch {
		s.stats.Bytes += uint64(len(l.JSON))
	}
	s.stats.LastSuccess = time.Now()
}

func (s *shipper) failed(f *Failure) {
	s.log.failed(f)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Healthy = false
	s.stats.Failures[f.Class]++
	s.stats.LastError, s.stats.LastErrorTime = f.Error(), time.Now()
}

// head notes how old the first event is that waits.
func (s *shipper) head(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.oldest = t
}

// advance notes that nothing waits but what is behind the reader.
func (s *shipper) advance() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.oldest = time.Time{}
	s.at = place{s.reader.segment, s.reader.offset}
}

// snapshot returns the counts as they are.
func (s *shipper) snapshot() SinkStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.stats
	all.QueuedBytes = s.stream.behind(s.at, s.cursor.acked.Load())
	if !s.oldest.IsZero() {
		all.OldestAge = max(time.Since(s.oldest), 0) // a clock may be set back
	}
	return all
}
