package main

import (
	"errors"
	"net/rpc"
	"sync"
	"time"

	"github.com/tenantgate/tenantgate/audit"
)

// books keep events where they are kept now: in our own log, or, once a
// successor has that, through the successor. There is one log and one writer
// of it at any time.
type books struct {
	open func() (*audit.Log, error)

	moving sync.RWMutex // held by who exchanges these
	log    *audit.Log   // ours, or the last that was
	heir   *rpc.Client  // who has the log now; nil: we
	gone   bool         // nobody has it
}

// start opens the log for the first time.
func (b *books) start() (err error) {
	b.moving.Lock()
	defer b.moving.Unlock()
	b.log, err = b.open()
	return err
}

// Record implements proxy.Recorder. While the log changes hands, it waits.
func (b *books) Record(e *audit.Event) error {
	b.moving.RLock()
	defer b.moving.RUnlock()
	if b.heir != nil {
		return recordThrough(b.heir, e)
	}
	return b.log.Record(e)
}

// hand closes the log and lets take have it. Where take fails, the log is
// opened again, and all is as it was.
func (b *books) hand(heir *rpc.Client, take func() error) error {
	b.moving.Lock()
	defer b.moving.Unlock()
	if b.heir != nil {
		return errors.New("another successor has the log")
	}
	err := b.log.Leave()
	if err == nil {
		err = take()
	}
	if err == nil {
		b.heir = heir
		return nil
	}
	again, err2 := b.reopen()
	b.gone = err2 != nil
	if err2 == nil {
		b.log = again
	}
	return errors.Join(err, err2)
}

// lockTime is how long a successor that died may keep the log locked after its
// connection is gone: both go with it, one after the other.
const lockTime = 2 * time.Second

// reopen opens the log again that a successor did not take.
func (b *books) reopen() (l *audit.Log, err error) {
	for end := time.Now().Add(lockTime); ; time.Sleep(10 * time.Millisecond) {
		if l, err = b.open(); !errors.Is(err, audit.ErrLocked) || time.Now().After(end) {
			return l, err
		}
	}
}

// left tells a successor that nobody but it listens any more. One that does not
// know the word waits until we have ended.
func (b *books) left() {
	b.moving.RLock()
	defer b.moving.RUnlock()
	if b.heir != nil {
		b.heir.Go(callLeft, Predecessor{Version: release}, &Kept{}, nil)
	}
}

// lost tells whether nobody can keep events any more.
func (b *books) lost() bool {
	b.moving.RLock()
	defer b.moving.RUnlock()
	return b.gone
}

// given tells whether a successor has the log.
func (b *books) given() bool {
	b.moving.RLock()
	defer b.moving.RUnlock()
	return b.heir != nil
}

func (b *books) current() *audit.Log {
	b.moving.RLock()
	defer b.moving.RUnlock()
	return b.log
}

// What the log itself tells and does; before the first it is empty.

// Stats is audit.Log's.
func (b *books) Stats() audit.Stats {
	if l := b.current(); l != nil {
		return l.Stats()
	}
	return audit.Stats{}
}

// Reopen is audit.Log's.
func (b *books) Reopen() error { return b.current().Reopen() }

// Move is audit.Log's.
func (b *books) Move(file string) error { return b.current().Move(file) }

// UseSinks is audit.Log's.
func (b *books) UseSinks(c audit.Config) error { return b.current().UseSinks(c) }

// UsePrivacy is audit.Log's.
func (b *books) UsePrivacy(c audit.PrivacyConfig) { b.current().UsePrivacy(c) }

// Damaged is audit.Log's.
func (b *books) Damaged() string { return b.current().Damaged() }

// Close is audit.Log's; a successor's log is not closed.
func (b *books) Close() error {
	b.moving.Lock()
	defer b.moving.Unlock()
	if b.log == nil || b.heir != nil {
		return nil
	}
	return b.log.Close()
}
