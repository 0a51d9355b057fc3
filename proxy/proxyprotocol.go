package proxy

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pires/go-proxyproto"
)

// proxyHeaderTimeout bounds the wait for a whole PROXY protocol header: a
// balancer sends it with the first segment (HAProxy PROXY protocol, 2).
const proxyHeaderTimeout = 5 * time.Second

// Errors of a PROXY protocol header.
var (
	errNotBalanced = errors.New("neither TCP over IPv4 or IPv6 nor the balancer's own connection")
	errNoSource    = errors.New("no address of a client")
)

// ProxyProtocol reads where connections come from out of the PROXY protocol
// header (v1 or v2) that balancers put before them. The zero ProxyProtocol
// reads none: without peers nobody is believed.
type ProxyProtocol struct {
	Peers   []netip.Prefix // balancers: each of their connections has to start with a header
	Timeout time.Duration  // for the whole header; if zero, 5 seconds
	Log     *slog.Logger   // told of headers that are missing or malformed; if nil, nobody is
}

// Listen returns l with the addresses that headers carry. A peer's connection
// without a header, or with one that cannot be read, ends at its first Read.
// Whoever is not a peer is left as it is: a header of theirs is what it looks
// like on that listener, a malformed request or bytes that are not TLS.
func (p ProxyProtocol) Listen(l net.Listener) net.Listener {
	if len(p.Peers) == 0 {
		return l
	}
	return &balancedListener{l, p}
}

type balancedListener struct {
	net.Listener
	p ProxyProtocol
}

// Accept implements net.Listener. It does not wait for the header.
func (l *balancedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil || !within(l.p.Peers, addrPort(conn.RemoteAddr()).Addr()) {
		return conn, err
	}
	return &balanced{Conn: conn, p: &l.p}, nil
}

// balanced is a connection that a balancer made for somebody. Its header is
// read by whoever first reads or asks where it comes from.
type balanced struct {
	net.Conn
	p     *ProxyProtocol
	once  sync.Once
	first []byte   // came with the header
	from  net.Addr // nil: the connection is the balancer's own
	to    net.Addr
	err   error
}

// header reads the header once; a connection without one is closed. The
// deadlines of the connection are its users' and are not touched.
func (b *balanced) header() {
	b.once.Do(func() {
		late := time.AfterFunc(orDefault(b.p.Timeout, proxyHeaderTimeout), func() { b.Conn.Close() })
		err := b.read(bufio.NewReaderSize(b.Conn, 512))
		if late.Stop() && err == nil {
			return
		}
		b.Conn.Close()
		b.from, b.to, b.first, b.err = nil, nil, nil, io.EOF
		if b.p.Log != nil {
			b.p.Log.Warn("connection of a balancer without a PROXY protocol header was closed", "peer", b.Conn.RemoteAddr().String(), "err", err)
		}
	})
}

func (b *balanced) read(r *bufio.Reader) error {
	h, err := proxyproto.Read(r)
	if err != nil {
		return err
	}
	b.first, _ = r.Peek(r.Buffered())
	// LOCAL and UNKNOWN are the balancer's own connections: health checks.
	if h.Command.IsLocal() || h.TransportProtocol.IsUnspec() {
		return nil
	}
	from, to, ok := h.TCPAddrs()
	if !ok {
		return fmt.Errorf("%w: %#x", errNotBalanced, byte(h.TransportProtocol))
	}
	if a := addrPort(from).Addr(); !a.IsValid() || a.IsUnspecified() || a.IsMulticast() {
		return errNoSource
	}
	b.from, b.to = from, to
	return nil
}

// RemoteAddr is the client's address as the header tells it.
func (b *balanced) RemoteAddr() net.Addr {
	if b.header(); b.from != nil {
		return b.from
	}
	return b.Conn.RemoteAddr()
}

// LocalAddr is what the client connected to, as the header tells it.
func (b *balanced) LocalAddr() net.Addr {
	if b.header(); b.to != nil {
		return b.to
	}
	return b.Conn.LocalAddr()
}

// Read reads what comes behind the header.
func (b *balanced) Read(p []byte) (int, error) {
	if b.header(); b.err != nil {
		return 0, b.err
	}
	if len(b.first) == 0 {
		return b.Conn.Read(p)
	}
	n := copy(p, b.first)
	b.first = b.first[n:]
	return n, nil
}

// CloseWrite passes a half close on.
func (b *balanced) CloseWrite() error {
	if half, ok := b.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return b.Conn.Close()
}
