package proxy

import (
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// counted is a connection that tells how often a read deadline was armed, and
// how often it was read.
type counted struct {
	net.Conn
	armed, reads int
}

func (c *counted) Read(b []byte) (int, error) {
	c.reads++
	return c.Conn.Read(b)
}

func (c *counted) SetReadDeadline(t time.Time) error {
	c.armed++
	return c.Conn.SetReadDeadline(t)
}

// in is the moment after d; none for 0.
func in(d time.Duration) time.Time {
	if d == 0 {
		return time.Time{}
	}
	return time.Now().Add(d)
}

// waitingRead is a read that has begun.
type waitingRead struct {
	start time.Time
	ended chan error
}

func readOf(p *patient) waitingRead {
	r := waitingRead{time.Now(), make(chan error, 1)}
	go func() {
		_, err := p.Read(make([]byte, 1))
		r.ended <- err
	}()
	synctest.Wait()
	return r
}

// endsAfter checks that the read ends by its deadline when it has taken want,
// at once where that is below 0, and never where it is 0.
func (r waitingRead) endsAfter(t *testing.T, want time.Duration) {
	t.Helper()
	select {
	case err := <-r.ended:
		if took := time.Since(r.start); !errors.Is(err, os.ErrDeadlineExceeded) || took != max(want, 0) || want == 0 {
			t.Errorf("%v after %v", err, took)
		}
	case <-time.After(time.Hour):
		if want != 0 {
			t.Error("the read goes on")
		}
	}
	synctest.Wait()
}

func TestADeadlineHoldsWheneverItIsArmed(t *testing.T) {
	for _, c := range []struct {
		title string
		set   []time.Duration // from now; 0 is none
		armed int             // when a read waits
		want  time.Duration   // until the read ends; 0: it does not
	}{
		{"one", []time.Duration{time.Minute}, 1, time.Minute},
		{"later ones", []time.Duration{time.Minute, 2 * time.Minute, 3 * time.Minute}, 1, 3 * time.Minute},
		{"an earlier one", []time.Duration{time.Minute, time.Second}, 1, time.Second},
		{"none after one", []time.Duration{time.Second, 0}, 0, 0},
		{"one after none after an earlier one", []time.Duration{time.Second, 0, time.Minute}, 1, time.Minute},
		{"the past, which ends a read that waits", []time.Duration{time.Minute, -time.Hour}, 1, -1},
		{"none after the past", []time.Duration{-time.Hour, 0, time.Minute}, 1, time.Minute},
	} {
		t.Run(c.title, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				defer far.Close()
				below := &counted{Conn: near}
				p := &patient{Conn: below}
				for _, d := range c.set {
					if err := p.SetReadDeadline(in(d)); err != nil {
						t.Fatal(err)
					}
				}
				r := readOf(p)
				if below.armed != c.armed {
					t.Errorf("armed %d times, want %d", below.armed, c.armed)
				}
				r.endsAfter(t, c.want)
				p.Close()
			})
		})
	}
}

func TestADeadlineInThePastEndsAReadThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		below := &counted{Conn: near}
		p := &patient{Conn: below}
		defer p.Close()
		r := readOf(p)
		if err := p.SetReadDeadline(time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		r.endsAfter(t, -1)
		if err := p.SetReadDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = far.Write([]byte("x")) }()
		if n, err := p.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Errorf("%d bytes, %v", n, err)
		}
		if below.reads != 2 {
			t.Errorf("read %d times: a deadline that has passed was left for the next read", below.reads)
		}
	})
}

func TestADeadlineHoldsForAReadThatWaits(t *testing.T) {
	for _, c := range []struct {
		title         string
		before, while time.Duration // from now; 0 is none
		armed         int
		want          time.Duration // until the read ends; 0: it does not
	}{
		{"set while it waits", 0, time.Second, 1, time.Second},
		{"an earlier one", time.Minute, time.Second, 2, time.Second},
		{"a later one", time.Second, time.Minute, 2, time.Minute},
		{"none any more", time.Second, 0, 2, 0},
	} {
		t.Run(c.title, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				defer far.Close()
				below := &counted{Conn: near}
				p := &patient{Conn: below}
				if err := p.SetReadDeadline(in(c.before)); err != nil {
					t.Fatal(err)
				}
				r := readOf(p)
				if err := p.SetReadDeadline(in(c.while)); err != nil {
					t.Fatal(err)
				}
				r.endsAfter(t, c.want)
				if below.armed != c.armed {
					t.Errorf("armed %d times, want %d", below.armed, c.armed)
				}
				p.Close()
			})
		})
	}
}
