package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// crowd are requests that all want a connection to one origin.
type crowd struct {
	t     *testing.T
	all   dialling
	h     []*hints
	dials chan int   // who dials
	ended chan error // how the others' waiting ended
}

func newCrowd(t *testing.T, n int) *crowd {
	c := &crowd{t: t, h: make([]*hints, n), dials: make(chan int, 2*n), ended: make(chan error, 2*n)}
	for i := range c.h {
		c.h[i] = &hints{Context: t.Context()}
		c.ask(i)
	}
	return c
}

// ask is what net/http does for a request that finds no room.
func (c *crowd) ask(i int) {
	go func() {
		if err := c.all.wait(c.t.Context(), "origin:443", c.h[i], time.Minute); err != nil {
			c.ended <- err
			return
		}
		c.dials <- i
	}()
	synctest.Wait()
}

// want checks how many dial, and how many waited for nothing.
func (c *crowd) want(when string, dials, ended int) {
	c.t.Helper()
	synctest.Wait()
	if len(c.dials) != dials || len(c.ended) != ended {
		c.t.Errorf("%s: %d dial and %d have stopped waiting, want %d and %d", when, len(c.dials), len(c.ended), dials, ended)
	}
}

// shake ends the handshake of who dialled first.
func (c *crowd) shake(alpn string, err error) {
	h := c.h[<-c.dials]
	h.trace.TLSHandshakeDone(tls.ConnectionState{NegotiatedProtocol: alpn}, err)
}

func TestACrowdThatOneConnectionServesDialsFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 100)
		c.want("at once", dialsAtOnce, 0)
		for _, h := range c.h {
			h.got.Add(1) // net/http gives the first connection to everybody
		}
		c.shake("h2", nil)
		c.want("after the first connection", dialsAtOnce-1, 100-dialsAtOnce)
		for range dialsAtOnce - 1 {
			c.shake("h2", nil)
		}
		if len(c.all.by) != 0 {
			t.Error("something is remembered of an origin that nobody dials")
		}
	})
}

func TestACrowdThatNeedsAConnectionEachDialsThemAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 100)
		c.shake("http/1.1", nil)
		c.want("after the first connection", 99, 0)
	})
}

func TestADialThatFailsLetsTheNextGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, 100)
		for range 100 {
			c.shake("", errors.New("refused"))
			synctest.Wait()
		}
		c.want("when all have failed", 0, 0)
		if len(c.all.by) != 0 {
			t.Error("something is remembered of an origin that nobody dials")
		}
	})
}

func TestARequestThatIsAskedForAgainWaitsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, dialsAtOnce+1)
		last := dialsAtOnce
		c.ask(last) // the connection that it got had no room
		c.want("asked again", dialsAtOnce, 1)
		if err := <-c.ended; !errors.Is(err, errServed) {
			t.Errorf("the first wait ended with %v", err)
		}
		c.shake("h2", nil)
		c.want("after a connection", dialsAtOnce, 0)
	})
}

func TestNobodyWaitsForAnOriginForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, dialsAtOnce)
		left, leave := context.WithCancel(t.Context())
		c.h = append(c.h, &hints{Context: left}, &hints{Context: t.Context()})
		c.ask(dialsAtOnce)
		c.ask(dialsAtOnce + 1)
		leave()
		c.want("when a client has left", dialsAtOnce, 1)
		time.Sleep(time.Minute)
		c.want("after the time for it", dialsAtOnce, 2)
		for _, want := range []error{context.Canceled, context.DeadlineExceeded} {
			if err := <-c.ended; !errors.Is(err, want) {
				t.Errorf("%v, want %v", err, want)
			}
		}
		for range dialsAtOnce {
			c.shake("h2", nil)
		}
		c.want("when the others have dialled", 0, 0)
	})
}

func TestAWebSocketDialsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrowd(t, dialsAtOnce)
		d := &Dialer{Resolver: one{netip.MustParseAddr("8.8.8.8")}, Connect: func(context.Context, netip.AddrPort) (net.Conn, error) {
			c.dials <- 0
			return nil, errors.New("enough")
		}}
		if _, err := c.all.dial(t.Context(), "origin:443", &hints{Context: t.Context(), alone: true}, d); err == nil {
			t.Error("no error")
		}
		c.want("beside a crowd", dialsAtOnce+1, 0)
	})
}

// one is a resolver that knows one address.
type one struct{ netip.Addr }

func (o one) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{o.Addr}, nil
}
