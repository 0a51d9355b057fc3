package proxy

import (
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// counted is a connection that tells how often a read deadline was armed.
type counted struct {
	net.Conn
	armed int
}

func (c *counted) SetReadDeadline(t time.Time) error {
	c.armed++
	return c.Conn.SetReadDeadline(t)
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
					at := time.Time{}
					if d != 0 {
						at = time.Now().Add(d)
					}
					if err := p.SetReadDeadline(at); err != nil {
						t.Fatal(err)
					}
				}
				start, ended := time.Now(), make(chan error, 1)
				go func() {
					_, err := p.Read(make([]byte, 1))
					ended <- err
				}()
				synctest.Wait()
				if below.armed != c.armed {
					t.Errorf("armed %d times, want %d", below.armed, c.armed)
				}
				select {
				case err := <-ended:
					if took := time.Since(start); !errors.Is(err, os.ErrDeadlineExceeded) || took != max(c.want, 0) || c.want == 0 {
						t.Errorf("%v after %v", err, took)
					}
				case <-time.After(time.Hour):
					if c.want != 0 {
						t.Error("the read goes on")
					}
				}
				p.Close()
			})
		})
	}
}

func TestADeadlineInThePastEndsAReadThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		p := &patient{Conn: near}
		defer p.Close()
		ended := make(chan error, 1)
		go func() {
			_, err := p.Read(make([]byte, 1))
			ended <- err
		}()
		synctest.Wait()
		if err := p.SetReadDeadline(time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if err := p.SetReadDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		go func() { _, _ = far.Write([]byte("x")) }()
		if n, err := p.Read(make([]byte, 1)); n != 1 || err != nil {
			t.Errorf("%d bytes, %v", n, err)
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
				in := func(d time.Duration) (at time.Time) {
					if d != 0 {
						at = time.Now().Add(d)
					}
					return at
				}
				if err := p.SetReadDeadline(in(c.before)); err != nil {
					t.Fatal(err)
				}
				start, ended := time.Now(), make(chan error, 1)
				go func() {
					_, err := p.Read(make([]byte, 1))
					ended <- err
				}()
				synctest.Wait()
				if err := p.SetReadDeadline(in(c.while)); err != nil {
					t.Fatal(err)
				}
				select {
				case err := <-ended:
					if took := time.Since(start); !errors.Is(err, os.ErrDeadlineExceeded) || took != c.want {
						t.Errorf("%v after %v", err, took)
					}
				case <-time.After(time.Hour):
					if c.want != 0 {
						t.Error("the read goes on")
					}
				}
				synctest.Wait()
				if below.armed != c.armed {
					t.Errorf("armed %d times, want %d", below.armed, c.armed)
				}
				p.Close()
			})
		})
	}
}
