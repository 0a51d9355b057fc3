package proxy

import (
	"context"
	"crypto/rand"
	"io"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// busyDoor is a crowded one that several clients come to, with one of c's
// passing.
func busyDoor(c netip.Addr) *door {
	d, now := crowdedDoor()
	d.rush.last[1] = came{office, now}
	d.enter(c)
	return d
}

// waits tells whether do waits for c's that is passing at d, and lets that go.
func (d *door) waits(c netip.Addr, do func()) bool {
	done := false
	go func() { do(); done = true }()
	synctest.Wait()
	waited := !done
	d.leave(c, 0)
	synctest.Wait()
	return waited
}

func TestInARushOriginsAreReadPieceByPiece(t *testing.T) {
	origins := netip.Addr{}
	for name, row := range map[string]struct {
		sizes []int
		pause time.Duration // before the last
		of    func(*door)
		waits bool
	}{
		"a long answer":                        {sizes: []int{bulkPiece, bulkPiece}, waits: true},
		"a long answer in small records":       {sizes: []int{bulkPiece, bulkPiece / 2, bulkPiece / 2}, waits: true},
		"the first piece of one":               {sizes: []int{bulkPiece}},
		"short answers":                        {sizes: []int{bulkPiece, bulkPiece - 1}},
		"a piece now and then":                 {sizes: []int{bulkPiece, bulkPiece}, pause: bulkSoon},
		"a long answer to the only client":     {sizes: []int{bulkPiece, bulkPiece}, of: func(d *door) { d.rush.last[1] = came{} }},
		"a long answer when it is not crowded": {sizes: []int{bulkPiece, bulkPiece}, of: func(d *door) { d.rush.here.Store(false) }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := busyDoor(origins)
				if row.of != nil {
					row.of(d)
				}
				b := bulk{door: d}
				last := len(row.sizes) - 1
				for _, n := range row.sizes[:last] {
					b.read(n)
				}
				time.Sleep(row.pause)
				d.rush.looked.Store(time.Now().UnixNano())
				if got := d.waits(origins, func() { b.read(row.sizes[last]) }); got != row.waits {
					t.Errorf("waits: %v, want %v", got, row.waits)
				}
			})
		})
	}
}

func TestTheReaderOfAnOriginsConnectionTakesItsTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		origins := netip.Addr{}
		d := busyDoor(origins)
		there, here := net.Pipe()
		defer there.Close()
		c := &cut{Conn: here, bulk: bulk{door: d}}
		go func() { _, _ = io.CopyN(there, rand.Reader, 2*bulkPiece) }()
		if !d.waits(origins, func() { _, _ = io.ReadFull(c, make([]byte, 2*bulkPiece)) }) {
			t.Error("it read two pieces at once")
		}
	})
}

func TestEachConnectionToAnOriginHasTheDoorOfItsServer(t *testing.T) {
	there, here := net.Pipe()
	defer there.Close()
	by := &Dialer{Resolver: one{netip.MustParseAddr("8.8.8.8")}, Connect: func(context.Context, netip.AddrPort) (net.Conn, error) { return here, nil }}
	d := newDoor(new(rush))
	c, err := newTransport(by).DialContext(&hints{Context: t.Context(), door: d}, "tcp", "origin.example:443")
	if err != nil || c.(*cut).bulk.door != d {
		t.Errorf("%v, %v", c, err)
	}
}
