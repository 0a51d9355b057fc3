package certs

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"time"

	"github.com/tenantgate/tenantgate/hosts"
)

// leafLifetime is how long a leaf lives. Short, so that nothing need ever be
// revoked; long enough that a client with a clock days ahead still accepts it.
const leafLifetime = 7 * 24 * time.Hour

// leaf is a minted certificate and the time from which it is replaced.
type leaf struct {
	cert  *tls.Certificate
	renew time.Time
}

// Leaf returns a certificate for n and its key, minted now or earlier: ECDSA
// P-256, that one name, valid from 24 hours ago for a week, replaced when less
// than a third of the week is left. The error is ErrNotPermitted where the
// name constraints or the exempt hosts forbid n. The caller must not modify
// what it gets: everybody else gets the same.
func (a *Authority) Leaf(n hosts.Name) (*tls.Certificate, error) {
	if a.signer == nil {
		return nil, fmt.Errorf("%w: only its certificate was read", ErrNotPermitted)
	}
	// Certificates know the wall clock alone: a machine that slept through the
	// week must not serve what was minted before, as the monotonic clock would.
	now := time.Now().Round(0)
	old, ok := a.leaves.Get(n)
	if ok && old.fresh(now) {
		a.hits.Add(1)
		return old.cert, nil
	}
	if err := a.check(n); err != nil {
		return nil, err
	}
	minted, err, _ := a.flight.Do(string(n), func() (any, error) { return a.mint(n, now) })
	if err != nil {
		if ok && old.valid(now) { // a key store that is away for a day is no outage
			a.hits.Add(1)
			return old.cert, nil
		}
		return nil, fmt.Errorf("mint leaf for %s: %w", n, err)
	}
	return minted.(*leaf).cert, nil
}

// Minted tells whether Leaf has a certificate for n at hand, so that it would
// sign none.
func (a *Authority) Minted(n hosts.Name) bool {
	l, ok := a.leaves.Peek(n)
	return ok && l.fresh(time.Now().Round(0))
}

// check refuses a name that the authority may not sign, and anything that is
// no canonical name, such as a wildcard.
func (a *Authority) check(n hosts.Name) error {
	if canonical, err := hosts.Parse(string(n)); err != nil || canonical != n {
		return fmt.Errorf("%w: %q is no host name", ErrNotPermitted, string(n))
	}
	if a.exempt.Has(n) || !a.permits(string(n)) {
		return fmt.Errorf("%w: %s", ErrNotPermitted, n)
	}
	return nil
}

// mint signs a leaf for n and caches it, unless somebody just did.
func (a *Authority) mint(n hosts.Name, now time.Time) (*leaf, error) {
	if l, ok := a.leaves.Get(n); ok && l.fresh(now) {
		return l, nil
	}
	cert, err := a.sign(n, now)
	if err != nil {
		return nil, err
	}
	l := &leaf{
		cert: &tls.Certificate{
			Certificate: append([][]byte{cert.Raw}, a.above...),
			PrivateKey:  a.leafKey,
			Leaf:        cert,
		},
		renew: now.Add(cert.NotAfter.Sub(now) * 2 / 3),
	}
	a.leaves.Add(n, l)
	a.mints.Add(1)
	return l, nil
}

// sign makes the certificate, never valid longer than those above it.
func (a *Authority) sign(n hosts.Name, now time.Time) (*x509.Certificate, error) {
	if err := checkValidity(a.chain, now); err != nil {
		return nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	id, err := keyID(a.leafKey.Public())
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		NotBefore:    now.Add(-backdate),
		NotAfter:     now.Add(leafLifetime),
		DNSNames:     []string{string(n)},
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		SubjectKeyId: id,

		BasicConstraintsValid: true, // CA:FALSE, said aloud
	}
	if len(n) <= 64 { // ub-common-name (RFC 5280, appendix A.1); clients read the SAN
		template.Subject = pkix.Name{CommonName: string(n)}
	}
	for _, c := range a.chain {
		template.NotBefore = later(template.NotBefore, c.NotBefore)
		template.NotAfter = earlier(template.NotAfter, c.NotAfter)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.chain[0], a.leafKey.Public(), a.signer)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func (l *leaf) fresh(now time.Time) bool { return l.valid(now) && now.Before(l.renew) }

func (l *leaf) valid(now time.Time) bool {
	return !now.Before(l.cert.Leaf.NotBefore) && now.Before(l.cert.Leaf.NotAfter)
}

func later(t, u time.Time) time.Time {
	if t.After(u) {
		return t
	}
	return u
}

func earlier(t, u time.Time) time.Time {
	if t.Before(u) {
		return t
	}
	return u
}
