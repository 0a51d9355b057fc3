package proxy

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"
	"time"

	"github.com/tenantgate/tenantgate/hosts"
)

// maxUnread bounds what is held of an answer that its client does not read, in
// bytes: net/http takes 4 MiB. It carries 25 MB/s of one answer over a round trip
// of 20 ms. Envoy advises 64 KiB ("Configuring Envoy as an edge proxy").
const maxUnread = 512 << 10

// NewTransport returns the one transport for requests to origins: it dials
// through d, always verifies, speaks HTTP/2 where the origin does, and leaves
// content codings alone. If roots is nil, the system's are trusted.
func NewTransport(d *Dialer, roots *x509.CertPool) *http.Transport {
	return (&OriginTLS{Roots: roots}).Transport(d)
}

func newTransport(d *Dialer) *http.Transport {
	var all dialling
	both := http1()
	both.SetHTTP2(true)
	return &http.Transport{
		Proxy: nil, // the environment does not choose where credentials go
		DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			if h := hintsOf(ctx); h != nil {
				return all.dial(ctx, addr, h, d)
			}
			return d.dialOrigin(ctx, addr, nil)
		},
		Protocols:              both,
		TLSHandshakeTimeout:    15 * time.Second,
		ExpectContinueTimeout:  5 * time.Second,
		IdleConnTimeout:        90 * time.Second,
		MaxIdleConns:           8192,
		MaxIdleConnsPerHost:    1024,
		MaxResponseHeaderBytes: 256 << 10,
		DisableCompression:     true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 30 * time.Second, MaxReceiveBufferPerStream: maxUnread},
	}
}

// dialOrigin makes a connection whose reader takes its turns at the door.
func (d *Dialer) dialOrigin(ctx context.Context, addr string, turns *door) (net.Conn, error) {
	a, err := hosts.ParseAuthority(addr, 0)
	if err != nil {
		return nil, err
	}
	conn, err := d.Dial(ctx, a)
	if err != nil {
		return nil, err
	}
	return &cut{Conn: conn, bulk: bulk{door: turns}}, nil
}
