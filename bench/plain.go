package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"maps"
	"net"
	"net/http"
	"sync"
	"time"
)

// intercepted are the names that every proxy here decrypts.
var intercepted = map[string]bool{signIn: true, data: true}

// transport is the way to the origin that the two others use: the same limits
// and protocols as tenantgate's, every name led to one address.
func (s setup) transport() *http.Transport {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.RootPEM)
	return &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, s.Origin)
		},
		TLSClientConfig:     &tls.Config{RootCAs: pool, ClientSessionCache: tls.NewLRUClientSessionCache(1024)},
		ForceAttemptHTTP2:   true,
		DisableCompression:  true,
		MaxIdleConnsPerHost: 1024,
		IdleConnTimeout:     90 * time.Second,
	}
}

// servePlain is the shortest sensible interceptor on net/http: no policy, no
// token check, no tags but the one it sets, no events.
func servePlain(s setup) error {
	ca, err := tls.X509KeyPair(s.CAPEM, s.CAKeyPEM)
	if err != nil {
		return err
	}
	var leaves sync.Map
	config := &tls.Config{
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if leaf, ok := leaves.Load(h.ServerName); ok {
				return leaf.(*tls.Certificate), nil
			}
			leaf, err := sign(ca.Leaf, ca.PrivateKey, h.ServerName)
			leaves.Store(h.ServerName, &leaf)
			return &leaf, err
		},
	}
	hand := &handed{ch: make(chan net.Conn)}
	transport := s.transport()
	inner := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { passOn(transport, w, r) })}
	go func() { _ = inner.Serve(hand) }()
	if err := s.announce(s.CAPEM); err != nil {
		return err
	}
	return http.Serve(s.listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil || r.Method != http.MethodConnect {
			http.Error(w, "want CONNECT", http.StatusBadRequest)
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
		if intercepted[host] {
			hand.ch <- tls.Server(conn, config)
			return
		}
		go s.tunnel(conn)
	}))
}

// passOn forwards one request, with the tag set on the sign-in host.
func passOn(transport http.RoundTripper, w http.ResponseWriter, r *http.Request) {
	out := r.WithContext(r.Context())
	out.URL.Scheme, out.URL.Host, out.RequestURI = "https", r.Host, ""
	out.Close = false // the client's connection ends, not the origin's
	out.Header.Del("Connection")
	if out.ContentLength == 0 {
		out.Body = nil
	}
	if r.Host == signIn {
		out.Header.Set("sec-Restrict-Tenant-Access-Policy", homeTenant+":"+homePolicy)
	}
	resp, err := transport.RoundTrip(out)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer resp.Body.Close()
	maps.Copy(w.Header(), resp.Header)
	w.WriteHeader(resp.StatusCode)
	_, _ = io.Copy(w, resp.Body)
}

// tunnel is the standard library's splice.
func (s setup) tunnel(client net.Conn) {
	origin, err := net.Dial("tcp", s.Origin)
	if err != nil {
		client.Close()
		return
	}
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{origin, client}, {client, origin}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			_ = way[0].(*net.TCPConn).CloseWrite()
		})
	}
	both.Wait()
	client.Close()
	origin.Close()
}

// handed is a listener of connections that were accepted elsewhere.
type handed struct{ ch chan net.Conn }

func (h *handed) Accept() (net.Conn, error) { return <-h.ch, nil }
func (h *handed) Close() error              { return nil }
func (h *handed) Addr() net.Addr            { return &net.TCPAddr{} }
