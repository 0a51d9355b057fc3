package main

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"sync"

	"github.com/elazarl/goproxy"
)

// serveGoproxy is goproxy's own interception and tunnel, set up as well as it
// can be: a leaf cache, HTTP/2, a tuned transport.
func serveGoproxy(s setup) error {
	ca, err := tls.X509KeyPair(s.CAPEM, s.CAKeyPEM)
	if err != nil {
		return err
	}
	p := goproxy.NewProxyHttpServer()
	p.Logger = log.New(io.Discard, "", 0)
	p.Tr = s.transport()
	p.ConnectDial = func(network, _ string) (net.Conn, error) { return net.Dial(network, s.Origin) }
	p.CertStore = &certStore{}
	p.AllowHTTP2, p.KeepAcceptEncoding = true, true
	intercept := &goproxy.ConnectAction{Action: goproxy.ConnectMitm, TLSConfig: goproxy.TLSConfigFromCA(&ca)}
	tunnel := &goproxy.ConnectAction{Action: goproxy.ConnectAccept}
	p.OnRequest().HandleConnectFunc(func(host string, _ *goproxy.ProxyCtx) (*goproxy.ConnectAction, string) {
		if name, _, err := net.SplitHostPort(host); err == nil && intercepted[name] {
			return intercept, host
		}
		return tunnel, host
	})
	p.OnRequest().DoFunc(func(r *http.Request, _ *goproxy.ProxyCtx) (*http.Request, *http.Response) {
		if r.URL.Hostname() == signIn {
			r.Header.Set("sec-Restrict-Tenant-Access-Policy", homeTenant+":"+homePolicy)
		}
		return r, nil
	})
	if err := s.announce(s.CAPEM); err != nil {
		return err
	}
	return http.Serve(s.listener, p)
}

// certStore keeps leaves, so that each is made once.
type certStore struct {
	mu     sync.Mutex
	leaves map[string]*tls.Certificate
}

// Fetch implements goproxy.CertStorage.
func (c *certStore) Fetch(host string, gen func() (*tls.Certificate, error)) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if leaf := c.leaves[host]; leaf != nil {
		return leaf, nil
	}
	leaf, err := gen()
	if err != nil {
		return nil, err
	}
	if c.leaves == nil {
		c.leaves = map[string]*tls.Certificate{}
	}
	c.leaves[host] = leaf
	return leaf, nil
}
