package audit

import (
	"runtime"
	"slices"
	"strconv"
	"time"
)

// Bounds on what waits in memory.
const (
	maxAccess = 8 << 20   // bytes of access events
	maxBatch  = 1 << 20   // bytes that go into one write
	wakeAt    = 256 << 10 // bytes of access events that are written without waiting for the timer
	keepCap   = 4 << 10   // larger buffers are left to the garbage collector
)

// A record is one encoded event on its way to the file.
type record struct {
	encoder
	kind   Kind
	passed uint64     // the events let through unrecorded that it announces, likewise
	shed   uint64     // the shed access events that it announces; nobody waits for such a record
	seq    uint64     // given by the writer
	done   chan error // of a tenant event; holds one result
	await  bool       // somebody receives from done
}

func newRecord() *record {
	return &record{encoder: encoder{b: make([]byte, 0, 2<<10)}, done: make(chan error, 1)}
}

// Record keeps e, filling in its ID and Time where they are empty, and taking
// out of it what Config.Privacy does not want of people.
//
// A tenant event is in the file when Record returns nil, with e.Seq set; an
// error says that it is not, and what the event is evidence for must not
// happen. The next event tries anew. An access event is queued; the only error
// it gets is ErrClosed.
func (l *Log) Record(e *Event) error {
	l.people.Load().apply(e)
	r := l.encode(e)
	if e.Kind != Tenant {
		return l.enqueue(r)
	}
	r.await = true
	first, err := l.join(r)
	if err != nil {
		return err
	}
	if first {
		l.lead()
	}
	err = <-r.done
	e.Seq = r.seq
	l.release(r)
	return err
}

// Complete gives e the time and the id that it has not, as Record does.
func (e *Event) Complete() { e.complete(time.Now()) }

func (e *Event) complete(now time.Time) {
	if e.Time.IsZero() {
		e.Time = now
	}
	if e.ID == "" {
		e.ID = newID(now)
	}
}

// encode looks at the clock once.
func (l *Log) encode(e *Event) *record {
	now := time.Now()
	e.complete(now)
	r := l.records.Get().(*record)
	r.kind, r.shed, r.passed, r.seq, r.await = e.Kind, 0, 0, 0, false
	r.encode(e, l.observer, now.Sub(l.opened))
	return r
}

func (l *Log) release(r *record) {
	if cap(r.b) <= keepCap {
		l.records.Put(r)
	}
}

// join puts a tenant record into the next batch. The first of a batch leads it.
func (l *Log) join(r *record) (first bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false, ErrClosed
	}
	l.queue.tenant = append(l.queue.tenant, r)
	first = !l.led
	l.led = true
	return first, nil
}

// enqueue has an access record wait, and wakes the writer if too many do.
func (l *Log) enqueue(r *record) error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return ErrClosed
	}
	if len(l.queue.access) == 0 {
		l.flush.Reset(flushEvery)
	}
	l.queue.push(r)
	for l.queue.bytes > maxAccess && len(l.queue.access) > 0 {
		l.release(l.queue.shift())
		l.queue.shed++
		l.stats.Shed++
	}
	// While writing fails, the timer alone tries again.
	wake := l.queue.bytes >= wakeAt && !l.failing
	yield := l.queue.bytes >= maxAccess/2 && !l.failing
	l.mu.Unlock()
	if wake {
		poke(l.wake)
	}
	if yield {
		runtime.Gosched() // the writer may be waiting for this processor
	}
	return nil
}

// poke leaves a message on a channel of one, if there is none yet.
func poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// A queue holds the records that wait for the writer.
type queue struct {
	tenant []*record
	access []*record // oldest first
	bytes  int       // of memory held by access records, those being written included
	passed uint64    // tenant events let through unrecorded, not announced yet
	shed   uint64    // not announced yet
}

func (q *queue) push(r *record) {
	q.access = append(q.access, r)
	q.bytes += cap(r.b)
}

// shift removes the oldest access record.
func (q *queue) shift() *record {
	r := q.access[0]
	q.access[0] = nil
	q.access = q.access[1:]
	q.bytes -= cap(r.b)
	return r
}

// take moves records to batch, those that somebody waits for first, until they
// fill a write. At least one is taken if there is any.
func (q *queue) take(batch []*record) []*record {
	room := maxBatch
	batch, q.tenant = move(batch, q.tenant, &room)
	batch, q.access = move(batch, q.access, &room)
	return batch
}

func move(to, from []*record, room *int) (_, rest []*record) {
	n := 0
	for n < len(from) && *room > 0 {
		*room -= len(from[n].b)
		n++
	}
	to = append(to, from[:n]...)
	return to, slices.Delete(from, 0, n)
}

// putBack returns the access records of a batch that could not be written.
func (q *queue) putBack(batch []*record) {
	q.access = slices.Insert(q.access, 0, batch...)
}

// appendTo appends r's line with its sequence number.
func (r *record) appendTo(out []byte) []byte {
	out = append(out, r.b[:r.seqAt]...)
	out = strconv.AppendUint(out, r.seq, 10)
	return append(out, r.b[r.seqAt:]...)
}
