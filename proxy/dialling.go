package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// dialsAtOnce is how many connections to one origin are made at once, for as
// long as it may speak HTTP/2. net/http dials for each request that finds no
// room, whatever is being dialled already: of a thousand requests at once, ten
// connections would do, and each of the others is a handshake for nothing.
const dialsAtOnce = 4

// errServed is a dial that its request needs no longer.
var errServed = errors.New("the request has another connection")

// dialling is what is being dialled, by origin.
type dialling struct {
	mu sync.Mutex
	by map[string]*dials
}

// dials are the connections that are being made to one origin.
type dials struct {
	all   *dialling
	addr  string
	n     int
	alone bool    // a connection takes one request at a time, the last one made says
	queue []*turn // not empty only where n is dialsAtOnce or more
}

// turn is a dial that waits.
type turn struct {
	h    *hints
	got  int32 // how many connections h had had
	come chan struct{}
	goes bool
}

// dial dials addr for h's request when that has its turn.
func (d *dialling) dial(ctx context.Context, addr string, h *hints, by *Dialer) (net.Conn, error) {
	if h.alone {
		return h.dial(ctx, addr, by)
	}
	if err := d.wait(ctx, addr, h, orDefault(by.Timeout, dialTimeout)); err != nil {
		return nil, err
	}
	conn, err := h.dial(ctx, addr, by)
	if err != nil {
		h.dials.finish(err, false)
	}
	return conn, err
}

func (h *hints) dial(ctx context.Context, addr string, by *Dialer) (net.Conn, error) {
	if h.conns.Add(1) > maxConns {
		return nil, errConns
	}
	return by.dialOrigin(ctx, addr, h.door)
}

// wait waits until h's request may have one more connection dialled to addr. If
// it returns nil, finish follows when the handshake has ended. It waits no longer
// than most.
func (d *dialling) wait(ctx context.Context, addr string, h *hints, most time.Duration) error {
	d.mu.Lock()
	to := d.by[addr]
	if to == nil {
		if d.by == nil {
			d.by = map[string]*dials{}
		}
		to = &dials{all: d, addr: addr}
		d.by[addr] = to
	}
	if h.dials == nil {
		h.trace.TLSHandshakeDone = h.shaken
	}
	if h.dials != to { // none of h's is under way there, so nobody reads it
		h.dials = to
	}
	if last := h.turn; last != nil {
		h.turn = nil
		close(last.come) // net/http asks again when what it waited for had no room
	}
	if to.free() {
		to.n++
		d.mu.Unlock()
		return nil
	}
	t := &turn{h: h, got: h.got.Load(), come: make(chan struct{})}
	h.turn, to.queue = t, append(to.queue, t)
	d.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	return to.await(ctx, t)
}

// await waits for t, but not longer than its client does.
func (to *dials) await(ctx context.Context, t *turn) error {
	var err error
	select {
	case <-t.come:
	case <-ctx.Done():
		err = fmt.Errorf("wait to dial %s: %w", to.addr, ctx.Err())
	case <-t.h.Done():
		err = t.h.Err()
	}
	to.all.mu.Lock()
	defer to.all.mu.Unlock()
	switch {
	case err != nil && t.goes:
		to.next()
	case err != nil && t.h.turn == t:
		t.h.turn = nil
	case err == nil && !t.goes:
		err = errServed
	}
	return err
}

func (to *dials) free() bool { return to.alone || to.n < dialsAtOnce }

// finish says how a dial ended; alone, if it came to a connection.
func (to *dials) finish(err error, alone bool) {
	to.all.mu.Lock()
	defer to.all.mu.Unlock()
	if err == nil {
		to.alone = alone
	}
	to.next()
}

// next lets those go on whose turn it is now.
func (to *dials) next() {
	to.n--
	for len(to.queue) > 0 && to.free() {
		t := to.queue[0]
		to.queue[0], to.queue = nil, to.queue[1:]
		if t.h.turn != t {
			continue
		}
		t.h.turn = nil
		if t.goes = t.h.got.Load() == t.got; t.goes {
			to.n++
		}
		close(t.come)
	}
	if to.n == 0 {
		delete(to.all.by, to.addr)
	}
}

// shaken is called when the handshake of a connection that was dialled for h
// has ended.
func (h *hints) shaken(cs tls.ConnectionState, err error) {
	h.dials.finish(err, cs.NegotiatedProtocol != "h2")
}
