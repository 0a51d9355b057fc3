package proxy

import (
	"crypto/x509"
	"encoding/asn1"
	"slices"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/tenantgate/tenantgate/peer"
)

// revocation is what is known of a certificate's revocation.
type revocation string

// What can be known. The words are those of the metric and of the events.
const (
	unasked revocation = "unchecked" // nobody was to be asked
	unknown revocation = "unknown"   // who was to be asked gave no answer that counts
	good    revocation = "good"
	revoked revocation = "revoked"
)

// Bounds of a stapled answer: how long one may be believed whatever it says
// (Baseline Requirements, 4.9.10), and how wrong a clock may be.
const (
	oldestStaple = 10 * 24 * time.Hour
	clockSkew    = 5 * time.Minute
)

// tlsFeature is the extension by which a certificate says that its server
// staples (RFC 7633), and what it then lists: status_request and its second
// version.
var tlsFeature = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}

var stapling = []int{5, 17}

// mustStaple tells whether c is worth nothing without a staple. An extension
// that cannot be read counts as a yes.
func mustStaple(c *x509.Certificate) bool {
	for _, ext := range c.Extensions {
		if !ext.Id.Equal(tlsFeature) {
			continue
		}
		var features []int
		rest, err := asn1.Unmarshal(ext.Value, &features)
		if err != nil || len(rest) > 0 {
			return true
		}
		return slices.ContainsFunc(features, func(f int) bool { return slices.Contains(stapling, f) })
	}
	return false
}

// readStaple reads what the server stapled of leaf. What is not signed as it
// must be, or is too old, says nothing; that leaf is revoked does not get old.
func readStaple(raw []byte, leaf, issuer *x509.Certificate, now time.Time) revocation {
	if len(raw) == 0 {
		return unasked
	}
	answer, err := ocsp.ParseResponseForCert(raw, leaf, issuer)
	if err != nil || !responds(answer, issuer, now) {
		return unknown
	}
	switch {
	case answer.Status == ocsp.Revoked:
		return revoked
	case answer.Status != ocsp.Good, answer.ThisUpdate.After(now.Add(clockSkew)), !answer.NextUpdate.After(now.Add(-clockSkew)),
		now.Sub(answer.ThisUpdate) > oldestStaple:
		return unknown
	}
	return good
}

// responds tells whether whoever signed the answer may: the issuer itself, or
// somebody it made a responder (RFC 6960, 4.2.2.2). The library checks who
// signed the responder's certificate and not what it is for: any server of the
// same issuer could otherwise answer for all.
func responds(answer *ocsp.Response, issuer *x509.Certificate, now time.Time) bool {
	if !peer.Strong(answer.SignatureAlgorithm) {
		return false
	}
	by := answer.Certificate
	if by == nil || by.Equal(issuer) {
		return true
	}
	return slices.Contains(by.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning) && peer.Strong(by.SignatureAlgorithm) &&
		!now.Before(by.NotBefore.Add(-clockSkew)) && !now.After(by.NotAfter)
}

// either is what is known by two who were asked of the same certificate.
func (r revocation) either(other revocation) revocation {
	for _, state := range [...]revocation{good, unknown} {
		if r == state || other == state {
			return state
		}
	}
	return unasked
}

// judgeRevocation refuses a chain in which something is revoked, and a leaf
// that promises a staple and has none. What nobody can tell is counted and let
// through, as in browsers: whoever can keep an answer away could otherwise
// keep everybody from signing in.
func (o *OriginTLS) judgeRevocation(chain []*x509.Certificate, raw []byte, now time.Time) (known revocation, err error) {
	leaf, issuer := chain[0], chain[min(1, len(chain)-1)]
	state := readStaple(raw, leaf, issuer, now)
	o.Metrics.revocation("staple", state)
	if state == revoked {
		return revoked, &OriginFault{"revoked", "its issuer has revoked it, by the answer that it staples"}
	}
	if mustStaple(leaf) && state != good {
		return state, &OriginFault{"must-staple", "it promises a stapled answer and brings none that counts"}
	}
	known = state
	for i, c := range chain[:len(chain)-1] {
		listed := o.Revoked.tell(c, chain[i+1], now)
		o.Metrics.revocation("list", listed)
		if listed == revoked {
			return revoked, &OriginFault{"revoked", "its issuer has revoked " + c.Subject.CommonName + ", by its list"}
		}
		if i == 0 {
			known = known.either(listed)
		}
		if listed == unknown && i > 0 {
			known = unknown
		}
	}
	return known, nil
}
