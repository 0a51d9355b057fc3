package proxy

import (
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// When the processors are crowded.
const (
	crowdPerCore = 16               // goroutines that could run and wait for a processor
	crowdSampled = time.Millisecond // how often it is looked at
)

// door is where requests, connections and handshakes begin, and where each next
// piece of a long answer or of a WebSocket does. While more is to be
// done than there are processors for, each client's come one by one, and the
// next when everything has had its turn that was to be done before. So what one
// client asks for in a flood waits here, in a line of its own, and not before
// everybody else in the line of the scheduler, which knows no clients.
//
// Nobody is refused here, nobody waits for another client, and with processors
// to spare it makes no difference.
type door struct {
	looked  atomic.Int64 // when, in Unix nanoseconds
	crowded atomic.Bool
	waiting atomic.Int64

	mu    sync.Mutex
	lines map[netip.Addr][]chan struct{} // of clients that have one passing: who waits behind it
}

func newDoor() *door { return &door{lines: map[netip.Addr][]chan struct{}{}} }

// pass returns when it is the turn of one more of c's. It is now.
func (d *door) pass(c netip.Addr, now time.Time) {
	d.look(now)
	if !d.crowded.Load() && d.waiting.Load() == 0 {
		return
	}
	if turn := d.enter(c); turn != nil {
		<-turn
	}
	go func() {
		runtime.Gosched() // behind all that can run
		d.leave(c)
	}()
}

// inTurn returns when it is the turn of one more piece of what is sent to the
// client of x, or by it, in bulk. Who copies seldom blocks, and would have the
// processor for 10 ms each time, crowd or not.
func (x *exchange) inTurn() {
	runtime.Gosched()
	x.server.doors.answers.pass(payer(x.client.from.Addr()), time.Now())
}

// look tells whether it is crowded, where that is not known for now.
func (d *door) look(now time.Time) {
	at, last := now.UnixNano(), d.looked.Load()
	if at-last < int64(crowdSampled) && at >= last || !d.looked.CompareAndSwap(last, at) {
		return
	}
	d.crowded.Store(sample("/sched/goroutines/runnable:goroutines") > uint64(crowdPerCore*runtime.GOMAXPROCS(0)))
}

// enter returns what to wait for; nil where nobody of c's is passing.
func (d *door) enter(c netip.Addr) chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	line, passing := d.lines[c]
	if !passing {
		d.lines[c] = nil
		return nil
	}
	turn := make(chan struct{})
	d.lines[c] = append(line, turn)
	d.waiting.Add(1)
	return turn
}

// leave lets the next of c's pass.
func (d *door) leave(c netip.Addr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	line := d.lines[c]
	if len(line) == 0 {
		delete(d.lines, c)
		return
	}
	close(line[0])
	d.lines[c] = line[1:]
	d.waiting.Add(-1)
}
