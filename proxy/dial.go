package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/tenantgate/tenantgate/hosts"
)

// Errors of Dialer that a caller tells apart.
var (
	ErrGuarded = errors.New("address is not public")
	ErrLoop    = errors.New("address is the proxy's own")
	ErrSignIn  = errors.New("address is Entra's sign-in service, in clear")
)

// Resolver turns a name into addresses, once for each dial.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Dialer reaches origins. It resolves once, judges every address it got, and
// dials exactly those it judged: a name that answers differently the second
// time (DNS rebinding) has no second time.
type Dialer struct {
	Resolver Resolver       // if nil, the system's
	Allow    []netip.Prefix // guarded addresses that may be dialled all the same
	Own      func(netip.AddrPort) bool
	Parent   *Parent       // if set, connections go through it and it resolves
	Parents  ParentRules   // hosts that go another way than through Parent
	Timeout  time.Duration // for resolving and connecting; if zero, 15 seconds

	// Connect makes the connection to a judged address. If nil, TCP.
	Connect func(ctx context.Context, a netip.AddrPort) (net.Conn, error)
}

// maxTries bounds how many addresses of a name are dialled.
const maxTries = 4

// Lookup returns the addresses of a that may be dialled. It fails with
// ErrGuarded where none may, so nothing is tried that was not judged.
func (d *Dialer) Lookup(ctx context.Context, a hosts.Authority) ([]netip.Addr, error) {
	addrs := []netip.Addr{a.Addr}
	if !a.Addr.IsValid() {
		var err error
		addrs, err = d.resolver().LookupNetIP(ctx, "ip", string(a.Name)+".")
		if err != nil {
			return nil, fmt.Errorf("resolve %s: %w", a.Name, err)
		}
	}
	judged := make([]netip.Addr, 0, len(addrs))
	for _, addr := range addrs {
		if dialable(addr, d.Allow) {
			judged = append(judged, addr.Unmap())
		}
	}
	if len(judged) == 0 {
		return nil, fmt.Errorf("dial %s: %w", a, ErrGuarded)
	}
	return judged, nil
}

// Dial connects to a, by name or by address.
func (d *Dialer) Dial(ctx context.Context, a hosts.Authority) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, orDefault(d.Timeout, 15*time.Second))
	defer cancel()
	parent := d.parentOf(a)
	addrs, err := d.addresses(ctx, a, parent)
	if err != nil {
		return nil, err
	}
	if a.Port == 80 && leadsToEntra(addrs) {
		return nil, fmt.Errorf("dial %s: %w", a, ErrSignIn)
	}
	if parent != nil {
		return parent.Dial(ctx, a, d.Own)
	}
	return d.connect(ctx, addrs, a.Port)
}

// addresses are those of a that may be dialled; through a parent, as far as
// they can be known.
func (d *Dialer) addresses(ctx context.Context, a hosts.Authority, parent *Parent) ([]netip.Addr, error) {
	if parent != nil {
		return d.foresee(ctx, a)
	}
	return d.Lookup(ctx, a)
}

// connect tries the judged addresses in turn, each with its share of the time
// that is left.
func (d *Dialer) connect(ctx context.Context, addrs []netip.Addr, port uint16) (net.Conn, error) {
	addrs = addrs[:min(len(addrs), maxTries)]
	var last error
	for i, addr := range addrs {
		to := netip.AddrPortFrom(addr, port)
		if d.Own != nil && d.Own(to) {
			last = fmt.Errorf("dial %s: %w", to, ErrLoop)
			continue
		}
		conn, err := d.try(ctx, to, len(addrs)-i)
		if err == nil {
			return conn, nil
		}
		last = err
		if ctx.Err() != nil {
			break
		}
	}
	return nil, last
}

func (d *Dialer) try(ctx context.Context, to netip.AddrPort, left int) (net.Conn, error) {
	if deadline, ok := ctx.Deadline(); ok && left > 1 {
		share, cancel := context.WithTimeout(ctx, time.Until(deadline)/time.Duration(left))
		defer cancel()
		ctx = share
	}
	if d.Connect != nil {
		return d.Connect(ctx, to)
	}
	plain := net.Dialer{KeepAlive: 30 * time.Second, Control: reserve}
	return plain.DialContext(ctx, "tcp", to.String())
}

func (d *Dialer) resolver() Resolver {
	if d.Resolver == nil {
		return net.DefaultResolver
	}
	return d.Resolver
}
