package proxy

import (
	"net"
	"runtime"
	"sync"
)

// gatherMost is how much is kept back, in bytes. Who writes more waits until it
// is written.
const gatherMost = 16 << 10

// gather sends what several requests of HTTP/2 write to one connection in one
// turn of the scheduler with one write(2). net/http makes one for each request,
// which is an eighth of what a request costs. grpc-go does the same.
type gather struct {
	mu   sync.Mutex
	less *sync.Cond // there is less to be written
	out  []byte     // what is to be written
	last []byte     // what is being written; its room is used again
	busy bool       // somebody writes, or is about to
	err  error      // of the write that failed
}

// write keeps b, and sees to it that it is written to c. It returns the error of
// an earlier write.
func (g *gather) write(c net.Conn, b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.less == nil {
		g.less = sync.NewCond(&g.mu)
	}
	if g.err != nil {
		return 0, g.err
	}
	g.out = append(g.out, b...)
	if !g.busy {
		g.busy = true
		go g.send(c)
	}
	for len(g.out) > gatherMost && g.err == nil {
		g.less.Wait()
	}
	return len(b), g.err
}

// send writes to c what there is, until there is no more. If that fails, it
// closes c: those who wrote do not learn it otherwise.
func (g *gather) send(c net.Conn) {
	runtime.Gosched() // whoever can run now may have something to write
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.out) > 0 && g.err == nil {
		g.out, g.last = g.last[:0], g.out
		g.mu.Unlock()
		_, err := c.Write(g.last)
		if err != nil {
			c.Close()
		}
		g.mu.Lock()
		g.err, g.busy = err, err == nil && len(g.out) > 0
		g.less.Broadcast()
	}
}

// finish returns when what was written until now is.
func (g *gather) finish() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.busy {
		g.less.Wait()
	}
}
