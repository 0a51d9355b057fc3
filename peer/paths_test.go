package peer_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/peer"
	"github.com/tenantgate/tenantgate/peer/peertest"
)

// A node is a certificate and its key.
type node struct {
	*x509.Certificate
	key crypto.Signer
}

// maker makes certificates whose key identifiers say nothing, so that whoever
// looks for an issuer has to try all of its name.
type maker struct {
	t      *testing.T
	serial int64
}

func (m *maker) key() crypto.Signer {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		m.t.Fatal(err)
	}
	return k
}

// make signs a certificate for key by issuer; by itself if that is nil.
func (m *maker) make(name string, key crypto.Signer, issuer *node, change func(*x509.Certificate)) *node {
	m.t.Helper()
	m.serial++
	c := &x509.Certificate{
		SerialNumber: big.NewInt(m.serial), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, SubjectKeyId: []byte{1}, AuthorityKeyId: []byte{1},
	}
	if change != nil {
		change(c)
	}
	if issuer == nil {
		issuer = &node{c, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, issuer.Certificate, key.Public(), issuer.key)
	if err != nil {
		m.t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		m.t.Fatal(err)
	}
	return &node{made, key}
}

func (m *maker) authority(name string, issuer *node) *node { return m.make(name, m.key(), issuer, nil) }

func (m *maker) leaf(issuer *node, more ...string) *node {
	return m.make("leaf", m.key(), issuer, func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = false, false, x509.KeyUsageDigitalSignature
		c.ExtKeyUsage, c.DNSNames = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, append([]string{peertest.Name}, more...)
	})
}

// A path is what a server sends and what is believed.
type path struct {
	roots, sent []*node // sent: the leaf first
}

// paths are chains that are made to be hard to find, or to find the wrong one.
var paths = map[string]struct {
	fine bool
	make func(m *maker) path
}{
	"two that sign each other, and no root": {false, func(m *maker) path {
		a, b := m.key(), m.key()
		ab := m.make("a", a, &node{m.make("b", b, nil, nil).Certificate, b}, nil)
		ba := m.make("b", b, &node{ab.Certificate, a}, nil)
		return path{[]*node{m.authority("root", nil)}, []*node{m.leaf(ab), ab, ba}}
	}},
	"two that sign each other, one of them signed by the root": {true, func(m *maker) path {
		root, a, b := m.authority("root", nil), m.key(), m.key()
		ab := m.make("a", a, &node{m.make("b", b, nil, nil).Certificate, b}, nil)
		ba := m.make("b", b, &node{ab.Certificate, a}, nil)
		return path{[]*node{root}, []*node{m.leaf(ab), ab, ba, m.make("b", b, root, nil)}}
	}},
	"150 of one name, none of them the issuer": {false, func(m *maker) path {
		root := m.authority("root", nil)
		sent := []*node{m.leaf(m.authority("mid", root))}
		for range 150 {
			sent = append(sent, m.authority("mid", root))
		}
		return path{[]*node{root}, sent}
	}},
	"50 of one name, the last of them the issuer": {true, func(m *maker) path {
		root := m.authority("root", nil)
		mid := m.authority("mid", root)
		sent := []*node{m.leaf(mid)}
		for range 49 {
			sent = append(sent, m.authority("mid", root))
		}
		return path{[]*node{root}, append(sent, mid)}
	}},
	"a mesh of ten layers, four ways through each, and no root": {false, func(m *maker) path {
		above := m.authority("layer", nil)
		var sent []*node
		for i := range 10 {
			k := m.key()
			var layer *node
			for range 4 {
				layer = m.make(fmt.Sprint("layer", i), k, above, nil)
				sent = append(sent, layer)
			}
			above = layer
		}
		return path{[]*node{m.authority("root", nil)}, append([]*node{m.leaf(above)}, sent...)}
	}},
	"thirty deep": {true, func(m *maker) path {
		root := m.authority("root", nil)
		at, sent := root, []*node(nil)
		for i := range 30 {
			at = m.authority(fmt.Sprint("mid", i), at)
			sent = append(sent, at)
		}
		return path{[]*node{root}, append([]*node{m.leaf(at)}, sent...)}
	}},
	"a hundred and fifty deep": {false, func(m *maker) path {
		root := m.authority("root", nil)
		at, sent := root, []*node(nil)
		for i := range 150 {
			at = m.authority(fmt.Sprint("mid", i), at)
			sent = append(sent, at)
		}
		return path{[]*node{root}, append([]*node{m.leaf(at)}, sent...)}
	}},
	"2,000 constraints on 1,000 names": {true, func(m *maker) path {
		root := m.authority("root", nil)
		mid := m.make("mid", m.key(), root, func(c *x509.Certificate) {
			c.PermittedDNSDomainsCritical = true
			for i := range 2000 {
				c.ExcludedDNSDomains = append(c.ExcludedDNSDomains, fmt.Sprintf("x%d.test", i))
			}
		})
		var names []string
		for i := range 1000 {
			names = append(names, fmt.Sprintf("y%d.test", i))
		}
		return path{[]*node{root}, []*node{m.leaf(mid, names...), mid}}
	}},
	"a root that has expired, and the one that signed it since": {true, func(m *maker) path {
		k := m.key()
		old := m.make("old", k, nil, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
		root := m.authority("root", nil)
		return path{[]*node{old, root}, []*node{m.leaf(&node{old.Certificate, k}), m.make("old", k, root, nil)}}
	}},
	"a way that breaks a rule, and one that breaks none": {true, func(m *maker) path {
		weak, err := rsa.GenerateKey(rand.Reader, 1024)
		if err != nil {
			m.t.Fatal(err)
		}
		root, k := m.authority("root", nil), m.key()
		other := m.make("other", weak, root, nil)
		bad := m.make("mid", k, other, nil)
		return path{[]*node{root}, []*node{m.leaf(bad), bad, other, m.make("mid", k, root, nil)}}
	}},
	"two ways, and each breaks a rule": {false, func(m *maker) path {
		root, k := m.authority("root", nil), m.key()
		var sent []*node
		for i := range 2 {
			weak, err := rsa.GenerateKey(rand.Reader, 1024)
			if err != nil {
				m.t.Fatal(err)
			}
			other := m.make(fmt.Sprint("other", i), weak, root, nil)
			sent = append(sent, other, m.make("mid", k, other, nil))
		}
		return path{[]*node{root}, append([]*node{m.leaf(sent[1])}, sent...)}
	}},
	"the root, sent a hundred times": {true, func(m *maker) path {
		root := m.authority("root", nil)
		sent := []*node{m.leaf(root)}
		for range 100 {
			sent = append(sent, root)
		}
		return path{[]*node{root}, sent}
	}},
	"another root of the same name": {false, func(m *maker) path {
		return path{[]*node{m.authority("root", nil)}, []*node{m.leaf(m.authority("root", nil))}}
	}},
	"a leaf that signs a leaf": {false, func(m *maker) path {
		root := m.authority("root", nil)
		mid := m.leaf(root)
		return path{[]*node{root}, []*node{m.leaf(mid), mid}}
	}},
}

// What crypto/x509 says by itself, and then our rules, is what a handshake ends
// with; and it ends.
func TestChainsThatAreMadeToBeHardAreJudgedAndEnd(t *testing.T) {
	for name, p := range paths {
		t.Run(name, func(t *testing.T) {
			made := p.make(&maker{t: t})
			trust, between := &peer.Trust{Roots: x509.NewCertPool()}, x509.NewCertPool()
			for _, root := range made.roots {
				trust.Roots.AddCert(root.Certificate)
			}
			c := tls.Certificate{PrivateKey: made.sent[0].key}
			for i, n := range made.sent {
				c.Certificate = append(c.Certificate, n.Raw)
				if i > 0 {
					between.AddCert(n.Certificate)
				}
			}
			chains, err := made.sent[0].Verify(x509.VerifyOptions{DNSName: peertest.Name, Roots: trust.Roots, Intermediates: between})
			if err == nil {
				_, err = trust.Choose(chains, peertest.Name)
			}
			shaken := shake(t, peertest.Server{TLS: &tls.Config{Certificates: []tls.Certificate{c}}}, trust)
			if (err == nil) != p.fine || (shaken == nil) != p.fine {
				t.Errorf("%v; in a handshake %v", err, shaken)
			}
			t.Logf("%d sent, %d ways found: %v", len(made.sent), len(chains), shaken)
		})
	}
}
