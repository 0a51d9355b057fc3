// Package certs mints leaves for restricted hosts and cannot mint any other.
//
// The promise does not rest on this code. It stands in the certificate of the
// authority, as critical X.509 name constraints (RFC 5280, 4.2.1.10): the DNS
// subtrees of the restricted hosts are permitted, the exempt hosts beneath
// them and every IP address are excluded, no e-mail address or URI is
// permitted, and its extended key usage admits TLS servers alone. A client that
// applies them takes a stolen key's word for no name but those that
// "tenantgate ca show" prints.
//
// Two gaps are the verifiers':
//
//   - RFC 5280 (6.1) does not ask for the constraints of a trust anchor to be
//     applied. Go, OpenSSL, NSS and Chromium apply them, Java 17 does not. It
//     does where the constraints stand in an intermediate: see [Load].
//   - An excluded name says nothing of a wildcard beside it in OpenSSL 3.0, NSS
//     and Java, so that a thief could sign *.login.microsoftonline.com and with
//     it the exempt device.login beneath. Go and Chromium refuse that.
//
// An [Authority] reads those limits back from its certificate and asks them
// before it signs, so that a name it may not sign is refused here, by
// [ErrNotPermitted], and not by a puzzled client.
//
// A constraint covers a name and everything beneath it, which is wider than an
// exact pattern of package hosts. Which of those names are intercepted is the
// policy's decision; this package only says which ones never can be.
package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"github.com/tenantgate/tenantgate/hosts"
)

// ErrNotPermitted says that the authority may not sign for a host.
var ErrNotPermitted = errors.New("the interception CA may not sign for this host")

// maxLeaves bounds the cache of leaves. Only permitted names get there, so a
// flood of invented names costs time and never memory.
const maxLeaves = 4096

// An Authority mints leaves for the hosts its certificate permits. It is safe
// for concurrent use, and its private key never leaves it.
type Authority struct {
	chain  []*x509.Certificate // its own certificate first, a root last if there is one
	above  [][]byte            // what is served with a leaf: chain without a root
	signer crypto.Signer       // nil where only the certificate was read, see Inspect
	limits []limits            // of every certificate in chain that has any
	exempt hosts.Set           // never signed, whatever the certificate says
	files  []string            // what Summary lists

	// leafKey is the key of every leaf of this process. A key for each leaf
	// would buy nothing, as all of them would live in the same memory, and would
	// double the cost of a mint under a flood of first visits. It is made anew at
	// each start and never written down.
	leafKey *ecdsa.PrivateKey

	leaves *lru.Cache[hosts.Name, *leaf]
	flight singleflight.Group
	mints  atomic.Uint64
	hits   atomic.Uint64
}

// Load returns the authority of a certificate whose key signer holds: an HSM,
// a key vault, or a key in memory. certPEM holds the authority's certificate
// first. If it is an intermediate, the certificates above it may follow in
// order; leaves are then served with all of them but a self-signed root.
//
// Load refuses a certificate that is not a CA, is outside its validity, does
// not belong to signer, or whose name constraints would let a stolen key speak
// for hosts nobody named.
func Load(certPEM []byte, signer crypto.Signer) (*Authority, error) {
	chain, err := parseChain(certPEM)
	if err != nil {
		return nil, err
	}
	return newAuthority(chain, signer)
}

func newAuthority(chain []*x509.Certificate, signer crypto.Signer) (*Authority, error) {
	if err := checkChain(chain, time.Now()); err != nil {
		return nil, err
	}
	if !belongs(signer, chain[0]) {
		return nil, errMismatch
	}
	a, err := inspect(chain)
	if err != nil {
		return nil, err
	}
	if a.leafKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, fmt.Errorf("generate leaf key: %w", err)
	}
	if a.leaves, err = lru.New[hosts.Name, *leaf](maxLeaves); err != nil {
		return nil, err
	}
	for _, c := range chain {
		if !selfSigned(c) { // clients have the root or have no use for it (RFC 8446, 4.4.2)
			a.above = append(a.above, c.Raw)
		}
	}
	a.signer = signer
	return a, nil
}

// inspect returns an authority that knows its certificate and signs nothing.
func inspect(chain []*x509.Certificate) (*Authority, error) {
	a := &Authority{chain: chain}
	for i, c := range chain {
		l, err := readLimits(c, i == 0)
		if err != nil {
			return nil, err
		}
		a.limits = append(a.limits, l)
	}
	return a, nil
}

// except keeps the exceptions of s from being signed, whether or not the
// certificate is old enough not to exclude them.
func (a *Authority) except(s hosts.Set) error {
	exempt, err := hosts.ParseSet(s.Exceptions()...)
	if err != nil {
		return fmt.Errorf("exempt hosts: %w", err)
	}
	a.exempt = exempt
	return nil
}

// Certificate returns the certificate that signs the leaves. The caller must
// not modify it.
func (a *Authority) Certificate() *x509.Certificate { return a.chain[0] }

// Stats returns how many leaves were minted and how many were found in the
// cache since the start.
func (a *Authority) Stats() (mints, hits uint64) { return a.mints.Load(), a.hits.Load() }

// permits tells whether every certificate of the chain lets the authority
// speak for name.
func (a *Authority) permits(name string) bool {
	for _, l := range a.limits {
		if !l.permit(name) {
			return false
		}
	}
	return true
}
