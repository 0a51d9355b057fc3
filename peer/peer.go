// Package peer holds every server whose TLS client we are to one set of rules:
// origins, parent proxies, resolvers, and whoever takes events.
package peer

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
)

// Trust is whom we believe as a client. nil and the zero value trust the
// system's roots, and ask all that the rules ask.
type Trust struct {
	Roots   *x509.CertPool               // if nil, the system's
	Private []*x509.Certificate          // roots of the operator's own: how long their leaves live is not our affair
	Ours    func(*x509.Certificate) bool // tells the certificates of the CA that mints our leaves
}

// A Fault is why a server is refused whose certificate crypto/tls takes.
type Fault struct {
	Rule string // closed list, docs/tls.md
	What string
}

func (f *Fault) Error() string { return fmt.Sprintf("the server's TLS: %s (%s)", f.What, f.Rule) }

// Suites are those of TLS 1.2 that are offered and accepted: forward secret,
// authenticated. Go still enables CBC suites by itself.
var Suites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// Config returns a client's configuration, to be added to. It always verifies:
// crypto/tls first, then the rules. It never speaks anything older than TLS 1.2
// (RFC 9325, 3.1.1) and never tries again with less.
func (t *Trust) Config() *tls.Config {
	if t == nil {
		t = &Trust{}
	}
	return &tls.Config{
		RootCAs: t.Roots, MinVersion: tls.VersionTLS12, CipherSuites: Suites,
		Renegotiation: tls.RenegotiateNever, VerifyConnection: t.verify,
	}
}

// verify judges resumed connections too.
func (t *Trust) verify(cs tls.ConnectionState) error {
	_, err := t.Choose(cs.VerifiedChains, cs.ServerName)
	return err
}

// Choose returns the first of the chains that crypto/x509 has found that breaks
// no rule: where several lead to a root, one is enough. The error is what is
// wrong with the first.
func (t *Trust) Choose(chains [][]*x509.Certificate, host string) ([]*x509.Certificate, error) {
	var first error = &Fault{"unverified", "no chain of certificates leads to a root"}
	for i, chain := range chains {
		fault := t.Broken(chain, host)
		if fault == nil {
			return chain, nil
		}
		if i == 0 {
			first = fault
		}
	}
	return nil, first
}

// Broken returns what of the rules a verified chain breaks; nil if nothing.
func (t *Trust) Broken(chain []*x509.Certificate, host string) *Fault {
	for _, r := range rules {
		if what := r.broken(t, chain, host); what != "" {
			return &Fault{r.name, what}
		}
	}
	return nil
}
