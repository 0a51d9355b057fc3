package audit

import (
	"errors"
	"runtime"
	"syscall"
	"time"
)

// run writes what nobody waits for: access events that have waited long enough,
// and what was left of a batch.
func (l *Log) run() {
	defer close(l.finished)
	for {
		select {
		case <-l.wake:
		case <-l.flush.C:
		case <-l.quit:
			l.writing.Lock()
			defer l.writing.Unlock()
			l.due = time.Time{}
			for l.write() {
			}
			l.over = true
			return
		}
		l.writing.Lock()
		for l.write() {
		}
		l.writing.Unlock()
	}
}

// lead writes the next batch in the caller's own goroutine, which costs less
// than to wake another and wait for it. Whoever records an event until the
// batch is taken joins it and only waits: while the batch before is being
// written, and for one turn of the scheduler.
func (l *Log) lead() {
	runtime.Gosched()
	l.writing.Lock()
	more := !l.over && l.write() && l.waits()
	l.writing.Unlock()
	if more {
		poke(l.wake)
	}
}

// waits reports whether somebody waits for the next batch.
func (l *Log) waits() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queue.tenant) > 0 || l.queue.bytes >= wakeAt
}

// write writes one batch. It reports whether there may be more to write. The
// caller holds l.writing.
func (l *Log) write() bool {
	batch := l.take()
	if len(batch) == 0 {
		return false
	}
	out, seq := l.out[:0], l.seq
	for _, r := range batch {
		seq++
		r.seq = seq
		from := len(out)
		out = r.appendTo(out)
		if l.spools.Load() {
			l.spool.add(r.kind, seq, out[from:])
		}
	}
	l.out = out
	left, err := l.keep(out)
	if err == nil && (l.failed.Load() || l.when == "always") {
		err = l.persist()
		l.failed.Store(err != nil)
		left = true
	}
	if err == nil || left {
		l.seq = seq // no number is given twice, even where lines of a failed write stay
		l.synced.Store(seq)
		poke(l.dirty)
	}
	l.settle(batch, len(out), err)
	return err == nil
}

// keep writes lines to the spool and to the file. After an error neither has
// them, unless left is true. The sinks see them when both have them.
func (l *Log) keep(lines []byte) (left bool, err error) {
	if !l.spools.Load() {
		return l.file.append(lines)
	}
	if left, err := l.spool.write(); err != nil {
		return left, err
	}
	left, err = l.file.append(lines)
	if err == nil {
		l.spool.publish()
		return false, nil
	}
	undone := l.spool.undo()
	return left || undone != nil, errors.Join(err, undone)
}

// take collects the next batch, an announcement first if one is due.
func (l *Log) take() []*record {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.led = false
	batch := l.batch[:0]
	if shed := l.queue.shed; shed > 0 {
		if wait := time.Until(l.due); wait > 0 {
			l.flush.Reset(min(wait, flushEvery))
		} else {
			r := l.encode(shedEvent(shed))
			r.shed = shed
			batch = append(batch, r)
			l.queue.shed = 0
		}
	}
	l.batch = l.queue.take(batch)
	return l.batch
}

// settle tells everybody who waits how the batch's write ended. Access events
// that were not written wait for the next.
func (l *Log) settle(batch []*record, size int, err error) {
	passed := l.pass && full(err)
	l.mu.Lock()
	l.count(batch, size, err)
	if len(l.queue.access) > 0 || l.queue.shed > 0 {
		l.flush.Reset(flushEvery)
	}
	l.mu.Unlock()
	for i, r := range batch {
		batch[i] = nil
		switch {
		case r.await && passed:
			r.seq = 0
			r.done <- nil
		case r.await:
			r.done <- err
		case r.kind == Tenant || err == nil:
			l.release(r)
		}
	}
}

// count keeps the books of one write; l.mu is held.
func (l *Log) count(batch []*record, size int, err error) {
	l.failing = err != nil
	tenant := 0 // they come first
	for tenant < len(batch) && batch[tenant].kind == Tenant {
		tenant++
	}
	access := batch[tenant:]
	shed := batch[0].shed
	if err != nil {
		l.stats.fail(err)
		for _, r := range batch[:tenant] {
			l.queue.passed += r.passed // announced again
			switch {
			case r.await && l.pass && full(err):
				l.stats.Passed++
				l.queue.passed++
			case r.passed == 0:
				l.stats.Failed++
			}
		}
		if shed > 0 {
			l.stats.Failed-- // it is announced again
			l.queue.shed += shed
		}
		l.queue.putBack(access)
		return
	}
	if n := l.queue.passed; n > 0 {
		r := l.encode(passedEvent(n))
		r.passed = n
		l.queue.tenant = append(l.queue.tenant, r)
		l.queue.passed = 0
	}
	if shed > 0 {
		l.due = time.Now().Add(announceEvery)
	}
	l.stats.Bytes += uint64(size)
	l.stats.Tenant += uint64(tenant)
	l.stats.Access += uint64(len(access))
	for _, r := range access {
		l.queue.bytes -= cap(r.b)
	}
}

// full reports whether err says that the disk, or a quota, is full.
func full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// passedEvent announces that n tenant events could not be recorded and what
// they were evidence for was let happen.
func passedEvent(n uint64) *Event {
	e := ownEvent("events-not-recorded")
	e.Count = n
	return e
}

// shedEvent announces that n access events were given up.
func shedEvent(n uint64) *Event {
	e := ownEvent("access-events-shed")
	e.Count = n
	return e
}

// damagedEvent announces that the file ended in n bytes that are not events.
func damagedEvent(n int64) *Event {
	e := ownEvent("event-log-damaged")
	e.Count = uint64(n)
	return e
}

// ownEvent is a tenant event about the log itself. Its categorisation is ECS's
// for a process that has something to say (category process, type info).
func ownEvent(action string) *Event {
	return &Event{
		Kind:     Tenant,
		Category: []string{"process"},
		Type:     []string{"info"},
		Action:   action,
		Unknown:  true,
		Plane:    "other",
		Relation: "none",
	}
}
