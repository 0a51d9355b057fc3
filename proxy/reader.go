package proxy

import (
	queue "container/list"
	"io"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// How long a write of an answer may wait for its client.
const (
	writeSlow = 250 * time.Millisecond // from then on it counts against the budget
	writeIdle = 2 * time.Minute        // then the answer is cut off
)

func (s *Server) unreadFor() time.Duration { return min(writeIdle, s.idleTimeout()) }

// reader watches whether the client of an answer reads it.
type reader struct {
	server  *Server
	by      netip.Addr
	control *http.ResponseController
	from    io.Closer      // the origin's end of the answer
	place   *queue.Element // in the budget, which guards it

	mu      sync.Mutex
	timer   *time.Timer
	writing bool
	slow    bool // it was counted
	cut     bool
}

// bufferedBody is what net/http buffers of an answer: no write of less waits.
const bufferedBody = 4 << 10

// reads returns what watches the client of x read resp; nil where nothing is to
// be watched.
func (x *exchange) reads(resp *http.Response) *reader {
	if n := resp.ContentLength; 0 < n && n <= bufferedBody {
		return nil
	}
	return &reader{server: x.server, by: payer(x.client.from.Addr()), control: http.NewResponseController(x.w), from: resp.Body}
}

// begins says that a write does.
func (r *reader) begins() {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writing = true
	if r.timer == nil {
		r.timer = time.AfterFunc(writeSlow, r.late)
	} else {
		r.timer.Reset(writeSlow)
	}
}

// ended says that the write has; false if the answer was cut off for it.
func (r *reader) ended() bool {
	if r == nil {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.timer.Stop()
	r.writing = false
	if r.slow {
		r.slow = false
		r.server.budgets.unread.remove(r)
	}
	return !r.cut
}

// late is called when a write waits for too long. Where it has ended meanwhile,
// there is nothing to do, or the next one is counted too early.
func (r *reader) late() {
	r.mu.Lock()
	switch {
	case !r.writing:
		r.mu.Unlock()
	case r.slow:
		r.mu.Unlock()
		r.end()
	default:
		r.slow = true
		r.timer.Reset(r.server.unreadFor() - writeSlow)
		over := r.server.budgets.unread.add(r)
		r.mu.Unlock()
		if over != nil {
			r.server.Metrics.shed(ofUnread)
			over.end()
		}
	}
}

// end cuts the answer off, at both ends: the client's may not take a reset,
// and what the origin's has brought is to be let go of at once.
func (r *reader) end() {
	r.mu.Lock()
	if !r.writing {
		r.mu.Unlock()
		return
	}
	r.cut = true
	_ = r.control.SetWriteDeadline(time.Unix(1, 0))
	from := r.from
	r.mu.Unlock()
	from.Close()
}
