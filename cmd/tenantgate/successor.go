package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/rpc"
	"sync"
	"syscall"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/proxy"
)

// What a process and its successor say to each other: gob over a socket in the
// state directory, which nobody else may enter. The one that was there first
// calls, see docs/adr/0013.
const (
	callTakeOver = "Successor.TakeOver" // the log is closed: open it, and listen
	callRecord   = "Successor.Record"   // keep this event for me
	callLeft     = "Successor.Left"     // nobody but you listens any more
)

// successor is what a process that takes over answers to the one before it.
// Its methods are called by net/rpc.
type successor struct {
	d      *daemon
	listen proxy.Listen
	taken  chan error
	left   func()
}

// Predecessor is what the one before says of itself. It is exported for
// net/rpc.
type Predecessor struct{ Version string }

// Kept is what became of an event. It is exported for net/rpc.
type Kept struct{ Seq uint64 }

// TakeOver opens the log that the predecessor has closed, and the listeners.
// After an error nothing of it stays open.
func (s *successor) TakeOver(from Predecessor, _ *Kept) error {
	err := s.d.begin(s.listen)
	if err != nil {
		err = errors.Join(err, s.d.close())
	}
	s.d.log.Info("taking over", "from", from.Version, "err", err)
	s.taken <- err
	return err
}

// Record keeps an event of the predecessor's, whose requests are not over yet.
func (s *successor) Record(e *audit.Event, k *Kept) error {
	err := s.d.events.Record(e)
	if err == nil && e.Kind == audit.Tenant {
		s.d.recent.Add(e)
	}
	k.Seq = e.Seq
	return err
}

// Left lets another one replace us: before, new connections would have gone on
// coming to us, see favour.
func (s *successor) Left(Predecessor, *Kept) error {
	s.left()
	return nil
}

// recordThrough keeps e in the log of a successor.
func recordThrough(heir *rpc.Client, e *audit.Event) error {
	e.Complete()
	var k Kept
	if err := heir.Call(callRecord, e, &k); err != nil {
		return fmt.Errorf("record through the successor: %w", err)
	}
	e.Seq = k.Seq
	return nil
}

// takeOver asks who runs on this state directory to hand it over, and waits
// until that has been done. Where nobody runs, it begins as usual.
func (d *daemon) takeOver(l proxy.Listen) error {
	conn, err := dialIn(d.now.Load().file.State)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return d.begin(l)
	}
	if err != nil {
		return broke{fmt.Errorf("reach who is to be replaced: %w", err), "it has to run as the same user, and on this state directory"}
	}
	alone := make(chan struct{})
	s := &successor{d: d, listen: l, taken: make(chan error, 1), left: sync.OnceFunc(func() { close(alone) })}
	calls := rpc.NewServer()
	if err := calls.RegisterName("Successor", s); err != nil {
		return err
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		calls.ServeConn(conn) // until it has ended
		s.left()
	}()
	select {
	case err = <-s.taken:
	case <-gone:
		select {
		case err = <-s.taken:
		default:
			return d.begin(l) // it ended without handing over
		}
	}
	if err != nil {
		conn.Close()
		return err
	}
	d.before, d.alone = conn, alone
	return nil
}

// begin opens the log and the listeners.
func (d *daemon) begin(l proxy.Listen) error {
	if err := d.startEvents(); err != nil {
		return err
	}
	return d.listen(l)
}

// dialIn connects to who runs on that state directory.
func dialIn(state string) (net.Conn, error) {
	at, done, err := meetingPlace(state)
	if err != nil {
		return nil, err
	}
	defer done()
	return net.Dial("unix", at)
}
