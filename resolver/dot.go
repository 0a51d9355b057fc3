package resolver

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
)

// dot asks one upstream over TLS (RFC 7858). Many questions are under way on
// one connection at once (RFC 7766 section 6.2.1.1).
type dot struct {
	dial func(context.Context) (net.Conn, error)

	mu      sync.Mutex
	current *stream // the one that new questions take; may be over
	retired bool
}

func newDoT(u upstream, r road) *dot {
	conf := r.tls(u)
	return &dot{dial: func(ctx context.Context) (net.Conn, error) {
		raw, err := r.dial(ctx, u)
		if err != nil {
			return nil, err
		}
		conn := tls.Client(raw, conf)
		if err := conn.HandshakeContext(ctx); err != nil {
			raw.Close()
			return nil, err
		}
		return conn, nil
	}}
}

// ask implements channel. A server may close a connection at any time (RFC 7766
// section 6.2.3): the next question makes a new one.
func (d *dot) ask(ctx context.Context, out []byte) (message, error) {
	in, err := d.stream(ctx).ask(ctx, out)
	return message{octets: in}, err
}

// stream is the connection for a question, which has entered it: the current
// one, or a new one that is being made.
func (d *dot) stream(ctx context.Context) *stream {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.current != nil && d.current.enter() {
		return d.current
	}
	d.current = newStream(d.retired)
	d.current.enter()
	// Who waits for the connection shares it: it is made for all of them, though
	// the first should go.
	go d.current.run(context.WithoutCancel(ctx), d.dial)
	return d.current
}

// retire implements channel.
func (d *dot) retire() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.retired = true
	if d.current != nil {
		d.current.retire()
	}
}
