package proxy_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// testCA signs the origins that a test scripts itself.
var testCA = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "scripted origins"},
		DNSNames:  []string{restricted, signIn, unlisted, local},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		log.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		log.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
})

// at makes every connection to an origin go to l.
func at(l net.Listener) func(*setup) {
	return func(s *setup) {
		s.dialer.Connect = func(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
		}
	}
}

// scripted is an origin that speaks whatever the test says, inside TLS if protos
// names any protocol.
func scripted(t *testing.T, serve func(net.Conn), protos ...string) net.Listener {
	t.Helper()
	l := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	if len(protos) > 0 {
		l = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{testCA()}, NextProtos: protos})
	}
	var serving sync.WaitGroup
	t.Cleanup(func() { l.Close(); serving.Wait() })
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.SetDeadline(time.Now().Add(patience))
			serving.Go(func() { defer c.Close(); serve(c) })
		}
	})
	return l
}

// site is an origin with a handler, over h1 or h2.
func site(t *testing.T, proto string, h http.HandlerFunc) net.Listener {
	t.Helper()
	p := new(http.Protocols)
	p.SetHTTP1(proto == "h1")
	p.SetHTTP2(proto == "h2")
	l := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	srv := &http.Server{
		Handler: h, Protocols: p, ErrorLog: log.New(io.Discard, "", 0), DisableGeneralOptionsHandler: true,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{testCA()}},
	}
	t.Cleanup(func() { srv.Close() })
	go func() { _ = srv.ServeTLS(l, "", "") }()
	return l
}
