package doctor_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"testing"
	"time"
)

// authority is a CA of a test: the proxy's, or one of those that the public
// trusts.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string, ends time.Duration) authority {
	t.Helper()
	a := authority{}
	a.cert, a.key = issue(t, authority{}, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Now().Add(-1000 * time.Hour), NotAfter: time.Now().Add(ends),
	})
	return a
}

func (a authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

func issue(t *testing.T, by authority, template *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	if by.cert == nil {
		by = authority{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, &key.PublicKey, by.key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c, key
}

// box is a proxy that decrypts what it is told to, as ours should or should
// not: by says whose certificate a host answers with, none refuses it.
type box struct {
	by     func(host string) *authority
	answer http.HandlerFunc
	date   time.Time // what it says the time is; zero: the truth
}

// serve starts the box and returns its address.
func (b *box) serve(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	inner := &listener{conns: make(chan net.Conn), addr: l.Addr(), done: make(chan struct{})}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !b.date.IsZero() {
			w.Header().Set("Date", b.date.UTC().Format(http.TimeFormat))
		}
		if b.answer != nil {
			b.answer(w, r)
		}
	})}
	go func() { _ = server.Serve(inner) }()
	t.Cleanup(func() { l.Close(); server.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go b.connect(t, conn, inner)
		}
	}()
	return l.Addr().String()
}

func (b *box) connect(t *testing.T, conn net.Conn, inner *listener) {
	in := bufio.NewReader(conn)
	r, err := http.ReadRequest(in)
	if err != nil {
		conn.Close()
		return
	}
	host, _, _ := net.SplitHostPort(r.Host)
	by := b.by(host)
	if by == nil {
		_, _ = conn.Write([]byte("HTTP/1.1 403 Forbidden\r\nTenantgate-Reason: exempt-blocked\r\nContent-Length: 0\r\n\r\n"))
		conn.Close()
		return
	}
	_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\n\r\n"))
	leaf, key := issue(t, *by, &x509.Certificate{DNSNames: []string{host}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)})
	inner.give(tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.Raw}, PrivateKey: key}}}))
}

// listener takes connections that are there already.
type listener struct {
	conns chan net.Conn
	addr  net.Addr
	done  chan struct{}
}

func (l *listener) give(c net.Conn) {
	select {
	case l.conns <- c:
	case <-l.done:
		c.Close()
	}
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error   { close(l.done); return nil }
func (l *listener) Addr() net.Addr { return l.addr }
