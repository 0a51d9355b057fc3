package peer

import (
	"crypto/dsa" //lint:ignore SA1019 a key that must be refused
	"crypto/x509"
	"testing"
)

// crypto/x509 refuses these before the rule is asked, so no server can show it.
func TestSignaturesAndKeysThatGoRefusesAreRefusedHereToo(t *testing.T) {
	root := &x509.Certificate{SignatureAlgorithm: x509.SHA1WithRSA}
	for _, bad := range []x509.SignatureAlgorithm{x509.UnknownSignatureAlgorithm, x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.DSAWithSHA256, x509.ECDSAWithSHA1} {
		if weakSignature(nil, []*x509.Certificate{{SignatureAlgorithm: x509.SHA256WithRSA}, {SignatureAlgorithm: bad}, root}, "") == "" {
			t.Errorf("%v is not refused", bad)
		}
	}
	for _, fine := range strong {
		if what := weakSignature(nil, []*x509.Certificate{{SignatureAlgorithm: fine}, root}, ""); what != "" {
			t.Errorf("%v: %s", fine, what)
		}
	}
	if weakKey(nil, []*x509.Certificate{{PublicKey: new(dsa.PublicKey)}}, "") == "" {
		t.Error("DSA is not refused")
	}
}
