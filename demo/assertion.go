package demo

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// assertionType is the only one that Entra takes (RFC 7523, 2.2;
// active-directory-certificate-credentials).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// assertion judges the JWT with which an application proves that it holds the
// key of its certificate. The cloud has no register of applications: which
// certificate is the right one it takes from the assertion's own x5c, and
// without that it believes the signature.
func (s *signIn) assertion() *fault {
	form := s.r.PostForm
	if form.Get("client_assertion_type") != assertionType {
		return faultSecret
	}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256", "PS256"}), jwt.WithExpirationRequired())
	var claims jwt.RegisteredClaims
	_, err := parser.ParseWithClaims(form.Get("client_assertion"), &claims, assertionKey)
	if errors.Is(err, errNoChain) {
		_, _, err = parser.ParseUnverified(form.Get("client_assertion"), &claims)
	}
	switch {
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return faultSignature
	case err != nil || claims.Issuer != form.Get("client_id") || claims.Subject != claims.Issuer:
		return faultAssertion
	case len(claims.Audience) != 1 || !s.isTokenEndpoint(claims.Audience[0]):
		return faultAudience
	}
	return nil
}

var errNoChain = errors.New("no certificate")

// assertionKey is the key of the first certificate in x5c (RFC 7515, 4.1.6).
func assertionKey(t *jwt.Token) (any, error) {
	chain, _ := t.Header["x5c"].([]any)
	if len(chain) == 0 {
		return nil, errNoChain
	}
	text, _ := chain[0].(string)
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("x5c: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("x5c: %w", err)
	}
	return cert.PublicKey, nil
}

// isTokenEndpoint tells whether an address is the token endpoint of the tenant
// that is asked.
func (s *signIn) isTokenEndpoint(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Host != string(s.host) {
		return false
	}
	segment, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	return tenantOf(segment).ID == s.tenant.ID && strings.HasSuffix(u.Path, "/token")
}
