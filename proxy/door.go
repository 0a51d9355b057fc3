package proxy

import (
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// How long one waits behind another of its client's.
const (
	inOneGo      = 32 // of a line, without a pause
	longestPause = 20 * time.Millisecond
)

// door is where requests, connections and handshakes begin, and where each next
// piece of a long answer or of a WebSocket does. While there is more to be done
// than there are processors for, each client's come one by one: the next when
// everything has had its turn that was to be done before, and, of one who has
// many, after twice as long again. So what one client asks for in a flood waits
// here, in a line of its own, and not before everybody else in the line of the
// scheduler, which knows no clients; and the processors are idle between, which
// is when Go looks for what the network brings (else it does each 10 ms).
//
// Nobody is refused here, nobody waits for another client, and to a client that
// is alone, or while processors are to spare, it makes no difference.
type door struct {
	rush    *rush
	waiting atomic.Int64

	mu    sync.Mutex
	lines map[netip.Addr]*line // of clients that have one passing
}

// line is who waits behind a client's one that is passing.
type line struct {
	waiting []chan struct{}
	passed  int // since it is there
}

func newDoor(w *rush) *door { return &door{rush: w, lines: map[netip.Addr]*line{}} }

// pass returns when it is the turn of one more of c's. It is now.
func (d *door) pass(c netip.Addr, now time.Time) { behindAll(d.turn(c, now)) }

// passBulk is pass for one more piece of what an origin sends in bulk. It is for
// several clients, so origins have a line of their own.
func (d *door) passBulk(now time.Time) {
	if d.rush.look(now) && d.rush.several(now) {
		behindAll(d.queue(netip.Addr{}))
	}
}

// behindAll does end when everything has had its turn that can run now.
func behindAll(end func()) {
	if end != nil {
		go func() {
			runtime.Gosched()
			end()
		}()
	}
}

// turn is pass for who says himself when he has done his part, with end. It is
// nil where nobody waits for that.
func (d *door) turn(c netip.Addr, now time.Time) (end func()) {
	if waits := d.waiting.Load() > 0; !d.rush.look(now) && !waits || d.rush.alone(c) && !waits {
		return nil
	}
	return d.queue(c)
}

func (d *door) queue(c netip.Addr) (end func()) {
	if turn := d.enter(c); turn != nil {
		<-turn
	}
	began := time.Now()
	return func() { d.leave(c, time.Since(began)) }
}

// inTurn returns when it is the turn of one more piece of what is sent to the
// client of x, or by it, in bulk. Who copies seldom blocks, and would have the
// processor for 10 ms each time, crowd or not.
func (x *exchange) inTurn() {
	runtime.Gosched()
	x.server.doors.answers.pass(payer(x.client.from.Addr()), time.Now())
}

// enter returns what to wait for; nil where nobody of c's is passing.
func (d *door) enter(c netip.Addr) chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.lines[c]
	if l == nil {
		d.lines[c] = &line{}
		return nil
	}
	turn := make(chan struct{})
	l.waiting = append(l.waiting, turn)
	d.waiting.Add(1)
	return turn
}

// leave lets the next of c's pass after one that took so long.
func (d *door) leave(c netip.Addr, took time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.lines[c]
	switch {
	case len(l.waiting) == 0:
		delete(d.lines, c)
	case took > 0 && l.passed >= inOneGo:
		time.AfterFunc(min(2*took, longestPause), func() { d.leave(c, 0) })
	default:
		close(l.waiting[0])
		l.waiting = l.waiting[1:]
		l.passed++
		d.waiting.Add(-1)
	}
}
