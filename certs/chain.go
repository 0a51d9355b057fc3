package certs

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"
)

// errMismatch says that a key and a certificate are not a pair.
var errMismatch = errors.New("the key does not belong to the certificate")

// parseChain reads the certificates of a PEM file in their order. Anything
// else in it, a private key above all, is refused: this file is handed out.
func parseChain(src []byte) ([]*x509.Certificate, error) {
	var chain []*x509.Certificate
	for {
		block, rest := pem.Decode(src)
		if block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("PEM block %q among the certificates (keep keys in a file of their own)", block.Type)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("parse certificate %d: %w", len(chain)+1, err)
		}
		chain, src = append(chain, cert), rest
	}
	if len(chain) == 0 {
		return nil, errors.New("no PEM certificate")
	}
	return chain, nil
}

// checkChain refuses what no client would follow: a certificate that is not a
// CA or is outside its validity, or one that the next does not sign.
func checkChain(chain []*x509.Certificate, now time.Time) error {
	for i, c := range chain {
		switch {
		case !c.BasicConstraintsValid || !c.IsCA:
			return fmt.Errorf("certificate %q is not a CA certificate", c.Subject)
		case c.KeyUsage != 0 && c.KeyUsage&x509.KeyUsageCertSign == 0:
			return fmt.Errorf("certificate %q may not sign certificates: no keyCertSign in its key usage", c.Subject)
		}
		if i+1 < len(chain) {
			if err := c.CheckSignatureFrom(chain[i+1]); err != nil {
				return fmt.Errorf("certificate %q is not signed by the next one, %q: %w", c.Subject, chain[i+1].Subject, err)
			}
		}
	}
	return checkValidity(chain, now)
}

func checkValidity(chain []*x509.Certificate, now time.Time) error {
	for _, c := range chain {
		if now.Before(c.NotBefore) {
			return fmt.Errorf("certificate %q is not valid before %s (is the clock right?)", c.Subject, date(c.NotBefore))
		}
		if now.After(c.NotAfter) {
			return fmt.Errorf("certificate %q expired on %s (make a new one: tenantgate ca rotate)", c.Subject, date(c.NotAfter))
		}
	}
	return nil
}

// belongs tells whether signer holds the key of cert.
func belongs(signer crypto.Signer, cert *x509.Certificate) bool {
	pub, ok := cert.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	return ok && signer != nil && pub.Equal(signer.Public())
}

func selfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawSubject, c.RawIssuer) && c.CheckSignatureFrom(c) == nil
}

func date(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
