package proxy

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// patient is a connection whose read deadline is armed late. net/http sets one
// several times for each request, nearly always to a later moment than the
// last, and each time costs a lock and a timer of the poller; here only an
// earlier one is armed, and one that fires too early is armed again.
type patient struct {
	net.Conn

	mu    sync.Mutex
	due   time.Time // the deadline as it was set last; zero: none
	armed time.Time // the one that the connection below has, never after due
}

// SetReadDeadline implements net.Conn.
func (p *patient) SetReadDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.due = t
	if t.IsZero() || !p.armed.IsZero() && !t.Before(p.armed) {
		return nil
	}
	p.armed = t
	return p.Conn.SetReadDeadline(t)
}

// SetDeadline implements net.Conn.
func (p *patient) SetDeadline(t time.Time) error {
	return errors.Join(p.SetReadDeadline(t), p.Conn.SetWriteDeadline(t))
}

// Read implements net.Conn.
func (p *patient) Read(b []byte) (int, error) {
	for {
		n, err := p.Conn.Read(b)
		if n > 0 || err == nil || !errors.Is(err, os.ErrDeadlineExceeded) || !p.early() {
			return n, err
		}
	}
}

// early arms the deadline again, if it is not due yet.
func (p *patient) early() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.due.IsZero() && !time.Now().Before(p.due) {
		return false
	}
	p.armed = p.due
	return p.Conn.SetReadDeadline(p.due) == nil
}
