package proxy

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// patient is a connection whose read deadline is armed late. net/http sets one
// several times for each request, nearly always while nobody reads or to a
// later moment than the last, and each time costs a lock and a timer of the
// poller. Here it is armed when a read begins, or while one waits if it is
// earlier than what was armed; one that fires too early is armed again.
type patient struct {
	net.Conn

	mu      sync.Mutex
	due     time.Time // the deadline as it was set last; zero: none
	armed   time.Time // the one that the connection below has
	reading bool
	fired   bool // armed has passed: a read would end at once
}

// SetReadDeadline implements net.Conn.
func (p *patient) SetReadDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.due = t
	if !p.reading || p.inTime() {
		return nil
	}
	return p.arm()
}

// inTime tells whether what is armed ends a read by the time that it is due.
func (p *patient) inTime() bool {
	return p.due.IsZero() || !p.armed.IsZero() && !p.due.Before(p.armed)
}

func (p *patient) arm() error {
	p.armed, p.fired = p.due, false
	return p.Conn.SetReadDeadline(p.due)
}

// SetDeadline implements net.Conn.
func (p *patient) SetDeadline(t time.Time) error {
	return errors.Join(p.SetReadDeadline(t), p.Conn.SetWriteDeadline(t))
}

// Read implements net.Conn.
func (p *patient) Read(b []byte) (int, error) {
	if err := p.begin(); err != nil {
		return 0, err
	}
	for {
		n, err := p.Conn.Read(b)
		if p.ended(n, err) {
			return n, err
		}
	}
}

// begin arms the deadline, if what is armed is too late or has passed.
func (p *patient) begin() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reading = true
	if p.fired || !p.inTime() {
		return p.arm()
	}
	return nil
}

// ended tells whether a read is over: it goes on where what was armed has
// passed and nothing is due yet.
func (p *patient) ended(n int, err error) bool {
	late := err != nil && errors.Is(err, os.ErrDeadlineExceeded)
	p.mu.Lock()
	defer p.mu.Unlock()
	if late && n == 0 && (p.due.IsZero() || time.Now().Before(p.due)) && p.arm() == nil {
		return false
	}
	p.fired, p.reading = late, false
	return true
}
