package main

import (
	"errors"
	"fmt"
	"net"
	"net/rpc"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// longestSocket is how long the path of a socket may be, less a little
// (unix(7): 108 octets on Linux, 104 elsewhere).
const longestSocket = 100

// meetingPlace is the path of the socket in that state directory where a
// successor is expected. A path that is too long is gone to by the number of
// the directory, which is open until done is called.
func meetingPlace(state string) (path string, done func(), err error) {
	const name = "successor"
	if path = filepath.Join(state, name); len(path) <= longestSocket {
		return path, func() {}, nil
	}
	dir, err := os.Open(state)
	if err != nil {
		return "", nil, err
	}
	return filepath.Join("/proc/self/fd", strconv.Itoa(int(dir.Fd())), name), func() { dir.Close() }, nil
}

// offer lets a successor take over. What it returns gives nil when one has,
// and an error when the log was lost over one that did not. stop ends it.
func (d *daemon) offer() (given <-chan error, stop func(), err error) {
	at, done, err := meetingPlace(d.now.Load().file.State)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	_ = os.Remove(at) // whoever left it is gone: we hold the lock
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: at, Net: "unix"})
	if err != nil {
		return nil, nil, fmt.Errorf("wait for a successor: %w", err)
	}
	l.SetUnlinkOnClose(false) // by then it may be the successor's
	if err := os.Chmod(at, 0o600); err != nil {
		return nil, nil, errors.Join(err, l.Close())
	}
	quit, ended, result := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		defer close(ended)
		d.await(l, quit, result)
	}()
	return result, func() { close(quit); l.Close(); <-ended }, nil
}

// await hands over to the first who can take over, once nobody listens beside
// us: of three, new connections would go to the second.
func (d *daemon) await(l net.Listener, quit <-chan struct{}, result chan<- error) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		if d.alone != nil {
			select {
			case <-d.alone:
			case <-quit:
				conn.Close()
				return
			}
		}
		heir := rpc.NewClient(conn)
		err = d.events.hand(heir, func() error { return takeOver(heir) })
		if err == nil {
			l.Close()
			d.log.Info("a successor has taken over")
			result <- nil
			return
		}
		heir.Close()
		d.log.Error("a successor could not take over", "err", err)
		if d.events.lost() {
			result <- err
			return
		}
		d.log.Info("this process goes on as before")
	}
}

// handTime bounds how long what wants to record waits for a successor that has
// stopped halfway.
const handTime = 10 * time.Second

// takeOver has heir take over.
func takeOver(heir *rpc.Client) error {
	call := heir.Go(callTakeOver, Predecessor{Version: release}, &Kept{}, make(chan *rpc.Call, 1))
	late := time.NewTimer(handTime)
	defer late.Stop()
	select {
	case <-call.Done:
		return call.Error
	case <-late.C:
		return errors.Join(fmt.Errorf("no answer in %s", handTime), heir.Close())
	}
}
