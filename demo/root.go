package demo

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"time"

	"github.com/tenantgate/tenantgate/hosts"
)

// RootName is the common name of the cloud's root: whoever sees it in a chain
// sees the origin's own certificate, not one of the proxy's.
const RootName = "tenantgate demo cloud"

var errNoSuchName = errors.New("the cloud has no certificate for this name")

// root is the certificate authority of one Cloud. It lives in memory only.
type root struct {
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
	stray  *ecdsa.PrivateKey // signs what must not be trusted
	mu     sync.Mutex
	leaves map[hosts.Name]*tls.Certificate
}

func newRoot() (*root, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	stray, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: RootName},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(48 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &root{cert: cert, key: key, stray: stray, leaves: map[hosts.Name]*tls.Certificate{}}, nil
}

func (r *root) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.cert.Raw})
}

// leaf returns the certificate of n, made when it is first asked for.
func (r *root) leaf(n hosts.Name) (*tls.Certificate, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if cert := r.leaves[n]; cert != nil {
		return cert, nil
	}
	cert, err := r.mint(n)
	if err != nil {
		return nil, fmt.Errorf("mint %s: %w", n, err)
	}
	r.leaves[n] = cert
	return cert, nil
}

// mint makes a leaf for n. Names that begin with expired., wrong. or
// untrusted. get the certificate that the word says, for tests of upstream
// verification.
func (r *root) mint(n hosts.Name) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: string(n)},
		DNSNames:     []string{string(n)},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	signer := r.key
	switch word, _, _ := strings.Cut(string(n), "."); word {
	case "expired":
		template.NotBefore, template.NotAfter = now.Add(-3*time.Hour), now.Add(-2*time.Hour)
	case "wrong":
		template.DNSNames = []string{"another.example"}
	case "untrusted":
		signer = r.stray
	}
	parent := r.cert
	if signer == r.stray {
		parent = &x509.Certificate{Subject: pkix.Name{CommonName: "nobody's root"}, SubjectKeyId: []byte{1}}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

// tlsConfig serves a leaf for every name of the zone. A name whose first label
// begins with h1 speaks HTTP/1.1 only.
func (c *Cloud) tlsConfig() *tls.Config {
	config := &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			n, err := hosts.Parse(hello.ServerName)
			if err != nil {
				return nil, err
			}
			if _, published := c.sites.Load(n); !published && !exists(n) {
				return nil, fmt.Errorf("%w: %s", errNoSuchName, n)
			}
			return c.root.leaf(n)
		},
	}
	old := config.Clone()
	old.NextProtos = []string{"http/1.1"}
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if strings.HasPrefix(hello.ServerName, "h1.") || strings.HasPrefix(hello.ServerName, "h1-") {
			return old, nil
		}
		return nil, nil
	}
	return config
}

func serial() *big.Int {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails, Go 1.24 release notes
	return new(big.Int).SetBytes(b)
}
