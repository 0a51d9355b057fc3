// Package peertest is servers that a TLS client of ours takes or refuses.
package peertest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/peer"
)

// Name is what all servers are called; they are at 127.0.0.1 as well.
const Name = "server.test"

// A Server is one that is fine, or in one way not.
type Server struct {
	Is     string
	Fine   bool
	Public bool // refused only where its root is not the operator's own
	TLS    *tls.Config
	Trust  *peer.Trust // trusts the root, and knows our own CA
	Roots  []byte      // the root, PEM
}

type holder struct {
	*x509.Certificate
	key crypto.Signer
}

// Servers are one that is fine and all that are not.
func Servers(t testing.TB) []Server {
	t.Helper()
	root, ours := authority(t), authority(t)
	good := leaf(t, root, p256(t), func(*x509.Certificate) {})
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	with := func(is string, by holder, c tls.Certificate, change func(*tls.Config)) Server {
		s := Server{
			Is: is, TLS: &tls.Config{Certificates: []tls.Certificate{c}}, Trust: &peer.Trust{Roots: x509.NewCertPool()},
			Roots: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: by.Raw}),
		}
		s.Trust.Roots.AddCert(by.Certificate)
		s.Trust.Ours = func(c *x509.Certificate) bool {
			return bytes.Equal(c.RawSubjectPublicKeyInfo, ours.RawSubjectPublicKeyInfo)
		}
		change(s.TLS)
		return s
	}
	as := func(*tls.Config) {}
	long := leaf(t, root, p256(t), func(c *x509.Certificate) { c.NotAfter = c.NotBefore.AddDate(2, 0, 0) })
	all := []Server{
		with("as it should be", root, good, as),
		with("one that speaks TLS 1.0", root, good, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS10 }),
		with("one that speaks TLS 1.1", root, good, func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS11, tls.VersionTLS11 }),
		with("one that knows CBC alone", root, good, func(c *tls.Config) {
			c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
		}),
		with("one that our own CA has signed", ours, leaf(t, ours, p256(t), func(*x509.Certificate) {}), as),
		with("one with RSA of 1024 bits", root, leaf(t, root, weak, func(*x509.Certificate) {}), func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }),
		with("one for clients", root, leaf(t, root, p256(t), func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }), as),
		with("one for nothing in particular", root, leaf(t, root, p256(t), func(c *x509.Certificate) { c.ExtKeyUsage = nil }), as),
		with("another's", root, leaf(t, root, p256(t), func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = []string{"other.test"}, nil }), as),
		with("one that has expired", root, leaf(t, root, p256(t), func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), as),
		with("a stranger's", root, leaf(t, authority(t), p256(t), func(*x509.Certificate) {}), as),
		with("one for two years", root, long, as),
	}
	all[0].Fine, all[len(all)-1].Public = true, true
	return all
}

func p256(t testing.TB) crypto.Signer {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func authority(t testing.TB) holder {
	t.Helper()
	k := p256(t)
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "root"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	return sign(t, c, holder{c, k}, k)
}

func leaf(t testing.TB, by holder, key crypto.Signer, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	c := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: Name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{Name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	change(c)
	return tls.Certificate{Certificate: [][]byte{sign(t, c, by, key).Raw}, PrivateKey: key}
}

func sign(t testing.TB, c *x509.Certificate, by holder, key crypto.Signer) holder {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, by.Certificate, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return holder{made, key}
}

// Listen serves on loopback until the test ends. Of each connection it tells
// whether the client took the server: whether it said anything inside TLS.
func (s Server) Listen(t testing.TB) (addr string, taken <-chan bool) {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", s.TLS)
	if err != nil {
		t.Fatal(err)
	}
	told, all := make(chan bool, 100), sync.WaitGroup{}
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer conn.Close()
				_, err := io.ReadFull(conn, make([]byte, 1))
				told <- err == nil
			})
		}
	})
	t.Cleanup(func() { l.Close(); all.Wait() })
	return l.Addr().String(), told
}
