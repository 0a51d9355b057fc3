package certs

import (
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"testing"
)

// corporate is a company's own PKI: a root, and an intermediate for the proxy.
type corporate struct {
	root, intermediate *x509.Certificate
	key                crypto.Signer // of the intermediate
}

func newCorporate(t *testing.T, rootPermits ...string) corporate {
	t.Helper()
	var keys [2]crypto.Signer
	for i := range keys {
		var err error
		if keys[i], err = NewKey(); err != nil {
			t.Fatal(err)
		}
	}
	root := x509.Certificate{
		Subject: pkix.Name{CommonName: "Contoso Root"}, BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign,
		PermittedDNSDomains: rootPermits, PermittedDNSDomainsCritical: len(rootPermits) > 0,
	}
	c := corporate{key: keys[1]}
	c.root = sign(t, root, &root, keys[0].Public(), keys[0])
	c.intermediate = sign(t, x509.Certificate{
		Subject: pkix.Name{CommonName: "Contoso Proxy CA"}, BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign, PermittedDNSDomainsCritical: true, ExcludedIPRanges: everyAddress,
		PermittedDNSDomains: []string{".sharepoint.com", "Graph.Microsoft.com"}, // as other CAs spell them
	}, c.root, keys[1].Public(), keys[0])
	return c
}

func TestOwnIntermediateIsServedWithItsLeavesAndTheRootIsNot(t *testing.T) {
	c := newCorporate(t)
	for _, file := range [][]*x509.Certificate{{c.intermediate, c.root}, {c.intermediate}} {
		a, err := Load(formatPEM(file...), c.key)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range []string{"graph.microsoft.com", "contoso.sharepoint.com"} {
			state, err := handshake(t, a, trust(c.root), must(n))
			if err != nil {
				t.Errorf("%s: %v", n, err)
				continue
			}
			if got := len(state.PeerCertificates); got != 2 {
				t.Errorf("%s: %d certificates served, want leaf and intermediate", n, got)
			}
		}
		// A constraint with a leading dot leaves the apex out.
		for _, n := range []string{"sharepoint.com", "login.live.com"} {
			if _, err := a.Leaf(must(n)); !errors.Is(err, ErrNotPermitted) {
				t.Errorf("%s: error %v, want ErrNotPermitted", n, err)
			}
		}
	}
}

func TestConstraintsHigherUpCountToo(t *testing.T) {
	c := newCorporate(t, "microsoft.com")
	a, err := Load(formatPEM(c.intermediate, c.root), c.key)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Leaf("graph.microsoft.com"); err != nil {
		t.Error(err)
	}
	if _, err := a.Leaf("contoso.sharepoint.com"); !errors.Is(err, ErrNotPermitted) {
		t.Errorf("error %v, want ErrNotPermitted: the root does not permit it", err)
	}
	if got := a.Missing(set("contoso.sharepoint.com graph.microsoft.com", "")); len(got) != 1 || got[0] != "contoso.sharepoint.com" {
		t.Errorf("missing %v", got)
	}
}

func TestChainThatClientsCannotFollowIsRefused(t *testing.T) {
	c, other := newCorporate(t), newCorporate(t)
	for name, tt := range map[string]struct {
		chain []*x509.Certificate
		key   crypto.Signer
	}{
		"out of order":       {[]*x509.Certificate{c.root, c.intermediate}, c.key},
		"somebody's root":    {[]*x509.Certificate{c.intermediate, other.root}, c.key},
		"somebody's key":     {[]*x509.Certificate{c.intermediate, c.root}, other.key},
		"no key":             {[]*x509.Certificate{c.intermediate, c.root}, nil},
		"no constraints yet": {[]*x509.Certificate{c.root}, c.key},
	} {
		if _, err := Load(formatPEM(tt.chain...), tt.key); err == nil {
			t.Errorf("%s: loaded", name)
		}
	}
}
