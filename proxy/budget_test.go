package proxy

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

var (
	ann = netip.MustParseAddr("10.0.0.1")
	bob = netip.MustParseAddr("10.0.0.2")
)

func TestOneClientTakesItsShareAndNoMore(t *testing.T) {
	var h held
	h.set(10, 50)
	for i := range 10 {
		if got := h.takeFor(ann); got != (i < 5) {
			t.Fatalf("ann's number %d: %v", i+1, got)
		}
	}
	for i := range 10 {
		if got := h.takeFor(bob); got != (i < 5) {
			t.Fatalf("bob's number %d: %v", i+1, got)
		}
	}
	if h.takeFor(netip.MustParseAddr("10.0.0.3")) {
		t.Error("more than the total was taken")
	}
	for range 5 {
		h.give(ann)
		h.give(bob)
	}
	if h.n != 0 || len(h.by) != 0 {
		t.Errorf("%d are out, %d clients are remembered, when all was given back", h.n, len(h.by))
	}
}

func TestARateComesBackWithTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r rate
		r.set(100, 50)
		spend := func(c netip.Addr) (n int) {
			for r.take(c) {
				n++
			}
			return n
		}
		if n := spend(ann); n != 100 {
			t.Errorf("ann had %d at once, want two seconds' worth of half", n)
		}
		if n := spend(bob); n != 100 {
			t.Errorf("bob had %d after ann's flood, want 100", n)
		}
		if n := spend(netip.MustParseAddr("10.0.0.3")); n != 0 {
			t.Errorf("%d more than the total", n)
		}
		time.Sleep(time.Second)
		if n := spend(ann); n != 50 {
			t.Errorf("after a second ann had %d, want 50", n)
		}
	})
}

func TestTheClientsThatARateRemembersAreBounded(t *testing.T) {
	var r rate
	r.set(1e9, 50)
	for i := range 4 * mostRatedClients {
		if !r.take(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})) {
			t.Fatal("a client is refused that took nothing yet")
		}
	}
	if len(r.by) > mostRatedClients {
		t.Errorf("%d clients are remembered", len(r.by))
	}
}

func TestAnIPv6HostIsOneClientWhateverItsAddresses(t *testing.T) {
	for _, row := range []struct{ a, b string }{
		{"2001:db8::1", "2001:db8::ffff:1"}, {"::ffff:10.0.0.1", "10.0.0.1"},
	} {
		if a, b := payer(netip.MustParseAddr(row.a)), payer(netip.MustParseAddr(row.b)); a != b {
			t.Errorf("%s pays as %s, %s as %s", row.a, a, row.b, b)
		}
	}
	if payer(netip.MustParseAddr("2001:db8::1")) == payer(netip.MustParseAddr("2001:db8:0:1::1")) {
		t.Error("two networks pay as one")
	}
}

func TestBudgetsFitTheMachine(t *testing.T) {
	b := Limits{}.budgets()
	if most := (descriptors() - reserved()) / 2; b.connections.total < 1 || b.connections.total > max(1, most) {
		t.Errorf("%d connections of %d descriptors", b.connections.total, descriptors())
	}
	if got := &(Limits{Connections: 7, ClientShare: 100}).budgets().connections; got.total != 7 || got.client != 7 {
		t.Errorf("limits.connections: 7 is %d, %d for a client", got.total, got.client)
	}
}
