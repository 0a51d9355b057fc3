package proxy_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/proxy"
)

// answers is a resolver that gives one answer after the other.
type answers struct {
	list  [][]netip.Addr
	asked int
}

func (a *answers) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	a.asked++
	return a.list[min(a.asked, len(a.list))-1], nil
}

// E11: an address of the proxy's own is not dialled even where the guard lets
// it through.
func TestTheProxyDoesNotDialItself(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	server := new(proxy.Server)
	server.Own(l.Addr())
	to := l.Addr().(*net.TCPAddr).AddrPort()
	for name, addr := range map[string]netip.Addr{
		"itself": to.Addr(), "mapped": netip.AddrFrom16(to.Addr().As16()),
	} {
		d := proxy.Dialer{
			Resolver: &answers{list: [][]netip.Addr{{addr}}}, Own: server.Owns,
			Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		}
		conn, err := d.Dial(t.Context(), hosts.Authority{Name: "self.example", Port: to.Port()})
		if !errors.Is(err, proxy.ErrLoop) {
			t.Errorf("%s: dialled, %v", name, err)
		}
		if conn != nil {
			conn.Close()
		}
	}
}

// E10: a name is resolved once, and what was judged is what is dialled.
func TestNameIsResolvedOnceForADial(t *testing.T) {
	public, private := netip.MustParseAddr("8.8.8.8"), netip.MustParseAddr("127.0.0.1")
	resolver := &answers{list: [][]netip.Addr{{public}, {private}}}
	var dialled []netip.AddrPort
	stop := errors.New("not in a test")
	d := proxy.Dialer{Resolver: resolver, Connect: func(_ context.Context, a netip.AddrPort) (net.Conn, error) {
		dialled = append(dialled, a)
		return nil, stop
	}}
	if _, err := d.Dial(t.Context(), hosts.Authority{Name: "re.example", Port: 443}); !errors.Is(err, stop) {
		t.Fatal(err)
	}
	if resolver.asked != 1 || len(dialled) != 1 || dialled[0].Addr() != public {
		t.Errorf("asked %d times, dialled %v", resolver.asked, dialled)
	}
}
