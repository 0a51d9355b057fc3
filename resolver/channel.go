package resolver

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/tenantgate/tenantgate/peer"
)

// channel asks one encrypted upstream. Its connections are kept for the next
// questions; the certificate is always verified, and nothing is ever asked in
// clear instead.
type channel interface {
	// ask sends out, which starts with its length, and returns the message with
	// its number. It ends with ctx.
	ask(ctx context.Context, out []byte) (message, error)
	// retire lets go of connections as soon as nobody waits for an answer.
	retire()
}

// message is an answer, and how long it was kept on the way.
type message struct {
	octets []byte
	age    time.Duration
}

// idleChannel is how long a connection to an upstream is kept without use.
const idleChannel = 30 * time.Second

// channels are how the encrypted of all are asked.
func channels(all []upstream, r road) map[upstream]channel {
	made := map[upstream]channel{}
	for _, u := range all {
		switch u.scheme {
		case "tls":
			made[u] = newDoT(u, r)
		case "https":
			made[u] = newDoH(u, r)
		}
	}
	return made
}

func (r *Rules) retire() {
	for _, c := range r.secure {
		c.retire()
	}
}

// private asks over c and judges the answer.
func private(ctx context.Context, c channel, out []byte, question int) (message, error) {
	in, err := c.ask(ctx, out)
	if err != nil {
		return message{}, err
	}
	return in, matchesStream(in.octets, out, question)
}

// road is how encrypted upstreams are found and trusted.
type road struct {
	names []netip.AddrPort // who knows their names
	trust *peer.Trust
}

// dial connects to u. Its name is looked up at the road's own resolvers: the
// steering resolver must not depend on itself.
func (r road) dial(ctx context.Context, u upstream) (net.Conn, error) {
	dialer := net.Dialer{Resolver: r.resolver()}
	host := u.host + "." // no search domain is tried
	if u.addr.IsValid() {
		host = u.addr.String()
	}
	return dialer.DialContext(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(int(u.port))))
}

// resolver asks the road's resolvers, the next of them each time.
func (r road) resolver() *net.Resolver {
	var next atomic.Uint32
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		if len(r.names) == 0 {
			return nil, &net.DNSError{Err: "no resolver for names of upstreams"}
		}
		var d net.Dialer
		return d.DialContext(ctx, network, r.names[int(next.Add(1)-1)%len(r.names)].String())
	}}
}

// tls is what u must prove: its name (RFC 8310 section 8.1), and what is asked
// of every server.
func (r road) tls(u upstream) *tls.Config {
	c := r.trust.Config()
	c.ServerName, c.ClientSessionCache = u.host, tls.NewLRUClientSessionCache(4)
	return c
}
