package proxy

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/policy"
)

// Why a tunnel ended, as its access event says.
const (
	closedByClient = "client"
	closedByOrigin = "origin"
	closedIdle     = "idle"
	closedDrain    = "drain" // the second direction did not end in time
	closedShutdown = "shutdown"
	closedError    = "error"
)

// relay moves bytes between client and origin until both directions have
// ended, and records what moved. The first direction to end is passed on as a
// half close; the other then has DrainTimeout to follow.
func (s *Server) relay(c *client, origin net.Conn, e *audit.Event, v policy.Verdict) error {
	client, first := unread(c.Conn)
	t := &tunnel{client: client, origin: origin, idle: s.idleTimeout(), drain: s.drainTimeout()}
	s.open.add(client)
	s.open.add(origin)
	s.Metrics.tunnel(1)
	err := t.run(first)
	c.Close() // the connection below is closed; what counts it has to know
	s.Metrics.tunnel(-1)
	s.open.remove(client)
	s.open.remove(origin)
	return errors.Join(err, s.tunnelled(e, v, t, t.reason()))
}

// tunnelled records the end of a tunnel.
func (s *Server) tunnelled(e *audit.Event, v policy.Verdict, t *tunnel, why string) error {
	after := *e
	after.Kind, after.Time, after.Denied = audit.Access, time.Time{}, false
	if v.Relevant() {
		after.ID, after.For = audit.NewID(), e.ID
	}
	after.BytesIn, after.BytesOut = t.up.Load(), t.down.Load()
	after.Addr = addrPort(t.origin.RemoteAddr()).Addr().String()
	after.Duration = time.Since(e.Time)
	after.Close = why
	s.Metrics.connection(v)
	return s.record(&after)
}

// tunnel is two connections with bytes moving between them.
type tunnel struct {
	client, origin net.Conn
	idle, drain    time.Duration

	up, down atomic.Int64 // bytes from the client, from the origin
	moved    atomic.Int64 // when bytes last moved, Unix nanoseconds
	why      atomic.Pointer[string]
	watch    atomic.Pointer[time.Timer]
}

func (t *tunnel) ended(why string) { t.why.CompareAndSwap(nil, &why) }

func (t *tunnel) reason() string {
	if why := t.why.Load(); why != nil {
		return *why
	}
	return closedError
}

// run returns when both directions have ended and both connections are closed.
func (t *tunnel) run(first []byte) error {
	t.moved.Store(time.Now().UnixNano())
	t.watch.Store(time.AfterFunc(t.idle, t.expire))
	if len(first) > 0 {
		n, err := t.origin.Write(first)
		t.up.Add(int64(n))
		if err != nil {
			t.close()
			return err
		}
	}
	var other sync.WaitGroup
	var down error
	other.Go(func() { down = t.pump(t.client, t.origin, &t.down, closedByOrigin) })
	up := t.pump(t.origin, t.client, &t.up, closedByClient)
	other.Wait()
	t.close()
	t.watch.Load().Stop()
	return errors.Join(up, down)
}

func (t *tunnel) close() {
	t.client.Close()
	t.origin.Close()
}

// expire ends the tunnel when nothing has moved for the idle time, or looks
// again when it could be over. One timer serves both directions, so that
// moving bytes never touches it.
func (t *tunnel) expire() {
	rest := t.idle - time.Since(time.Unix(0, t.moved.Load()))
	if rest > 0 {
		t.watch.Load().Reset(rest)
		return
	}
	t.ended(closedIdle)
	t.close()
}

// pump moves one direction to its end and passes that on.
func (t *tunnel) pump(to, from net.Conn, count *atomic.Int64, who string) error {
	err := move(to, from, func(n int64) {
		count.Add(n)
		t.moved.Store(time.Now().UnixNano())
	})
	if err != nil {
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded): // set below, by the other direction
			why := closedDrain
			t.why.Store(&why)
		case errors.Is(err, net.ErrClosed): // by us; by now why is told, unless by Shutdown
			t.ended(closedShutdown)
		case !usual(err):
			t.ended(closedError)
		}
		t.ended(who)
		t.close()
		if usual(err) {
			return nil
		}
		return err
	}
	t.ended(who)
	half, ok := to.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		t.close()
		return nil
	}
	deadline := time.Now().Add(t.drain)
	_ = to.SetReadDeadline(deadline)
	_ = from.SetWriteDeadline(deadline)
	return nil
}

// usual errors are how tunnels end: resets, closes, and our own deadlines.
func usual(err error) bool {
	return errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, io.ErrClosedPipe)
}

// copyBuffers serve connections that cannot be spliced.
var copyBuffers = sync.Pool{New: func() any { b := make([]byte, smallBody); return &b }}

// largeBuffers serve long bodies.
var largeBuffers = sync.Pool{New: func() any { b := make([]byte, largeBody); return &b }}

// copyBytes moves from one connection to another through memory.
func copyBytes(to io.Writer, from io.Reader, moved func(int64)) error {
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	for {
		n, err := from.Read(*buf)
		if n > 0 {
			if _, err := to.Write((*buf)[:n]); err != nil {
				return err
			}
			moved(int64(n))
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
