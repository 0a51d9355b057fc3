package main

import (
	"context"
	"errors"
	"time"
)

// drainTime bounds how long SIGTERM waits for requests and tunnels to finish.
const drainTime = 30 * time.Second

// leaveTime is how long clients are told, with the answers that they get, to
// go on elsewhere before connections on which nothing is under way are closed.
// It is also how long a handshake may take that had begun when a successor
// came, before its connection is lost.
const leaveTime = time.Second

// quietTime is how long a successor's coming may stay unknown to a client that
// does not ask. One that has asked nothing by then is not about to: to close a
// connection on which a request is on its way is to lose the request.
const quietTime = drainTime / 2

// drain ends what is open: new clients are refused at once, or taken by a
// successor; the others have drainTime.
func (d *daemon) drain() error {
	ctx, cancel := context.WithTimeout(context.Background(), drainTime)
	defer cancel()
	given := d.events.given()
	if !given { // else what the kernel had queued for us is still to be taken
		d.closeListeners("proxy", "steered")
	}
	leave, enough := context.WithTimeout(ctx, leaveTime)
	defer enough()
	d.server.Leave(leave)
	if given {
		<-leave.Done()
		d.closeListeners("proxy", "steered", "admin")
	}
	err := d.closeDNS()
	d.events.left()
	if given {
		quiet, enough := context.WithTimeout(ctx, quietTime)
		defer enough()
		d.server.Leave(quiet)
	}
	err = errors.Join(err, d.server.Shutdown(ctx))
	if errors.Is(err, context.DeadlineExceeded) {
		d.log.Warn("some connections did not finish in time and were closed")
		err = nil
	}
	if d.admin != nil {
		err = errors.Join(err, d.admin.Shutdown(ctx))
	}
	return errors.Join(err, d.close())
}

func (d *daemon) closeListeners(names ...string) {
	for _, name := range names {
		if l := d.listeners[name]; l != nil {
			l.Close()
		}
	}
}

func (d *daemon) close() error {
	err := d.closeDNS()
	for _, l := range d.listeners {
		l.Close()
	}
	if b := d.now.Load(); b != nil {
		err = errors.Join(err, b.directory.Close())
	}
	if d.events != nil {
		err = errors.Join(err, d.events.Close())
	}
	if d.before != nil {
		d.before.Close()
	}
	return err
}
