// Package demo is the built-in imitation of Entra, Graph, SharePoint and ARM,
// and the guided walk; also the tests' origin.
//
// A Cloud answers as the real services are documented to answer, over real TLS
// with a root of its own, on loopback alone. It judges tenant restrictions by
// the headers that arrive, so what it refuses was refused because a tag came
// through. Its keys, accounts and tokens are worth nothing anywhere else.
package demo

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// A Cloud is one imitation of Microsoft's cloud and of a few sites beside it.
// It is safe for concurrent use.
type Cloud struct {
	root     *root
	tls      net.Listener
	plain    net.Listener
	server   *http.Server
	generic  http.Handler
	serving  sync.WaitGroup
	open     sync.Map // *conn: the server forgets those that were hijacked
	keep     atomic.Bool
	recorder recorder
	issued   issued
	uploads  uploads
	sites    sync.Map // hosts.Name: http.Handler, those that were published
}

// NewCloud starts a Cloud: one TLS listener (HTTP/2 and HTTP/1.1) and one
// plain one, each on a free port of 127.0.0.1.
func NewCloud() (*Cloud, error) {
	ca, err := newRoot()
	if err != nil {
		return nil, fmt.Errorf("make root: %w", err)
	}
	c := &Cloud{root: ca, generic: sites()}
	if c.tls, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, fmt.Errorf("listen for TLS: %w", err)
	}
	if c.plain, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, errors.Join(fmt.Errorf("listen for http: %w", err), c.tls.Close())
	}
	c.server = c.newServer()
	c.serve(&listener{Listener: c.tls, cloud: c, tls: c.tlsConfig()})
	c.serve(&listener{Listener: c.plain, cloud: c})
	return c, nil
}

func (c *Cloud) newServer() *http.Server {
	// A connection of this server never is a *tls.Conn, so that the bytes can
	// be kept after decryption: HTTP/2 arrives by its preface, as it does
	// without TLS. The handler holds clients to what ALPN agreed on.
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:                      http.HandlerFunc(c.answer),
		ConnContext:                  rememberConn,
		Protocols:                    protocols,
		ReadHeaderTimeout:            10 * time.Second,
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     log.New(io.Discard, "", 0),
	}
}

func (c *Cloud) serve(l net.Listener) {
	c.serving.Go(func() {
		// It ends when Close closes the listener; there is no other end to report.
		_ = c.server.Serve(l)
	})
}

// Close stops the listeners and drops every connection.
func (c *Cloud) Close() error {
	err := c.server.Close()
	c.serving.Wait()
	c.open.Range(func(open, _ any) bool {
		_ = open.(*conn).Close() // the client may have closed it already
		return true
	})
	return err
}

// RootPEM returns the certificate that every leaf of the cloud chains to.
func (c *Cloud) RootPEM() []byte { return c.root.pem() }

// Roots returns a new pool that trusts the cloud and nobody else.
func (c *Cloud) Roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(c.root.cert)
	return pool
}

// Dial connects to the cloud whatever the address says; the port decides
// between the two listeners: 80 is plain http, every other one TLS.
func (c *Cloud) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("dial cloud: %w", err)
	}
	to := c.tls.Addr().String()
	if port == "80" {
		to = c.plain.Addr().String()
	}
	return new(net.Dialer).DialContext(ctx, network, to)
}

// Connect is Dial for an address that was resolved and judged before.
func (c *Cloud) Connect(ctx context.Context, addr netip.AddrPort) (net.Conn, error) {
	return c.Dial(ctx, "tcp", addr.String())
}
