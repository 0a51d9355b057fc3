package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"time"

	"github.com/tenantgate/tenantgate/hosts"
)

const (
	// lifetime is how long a CA made by Open or Rotate lives.
	lifetime = 2 * 365 * 24 * time.Hour

	// backdate forgives clients whose clock is behind.
	backdate = 24 * time.Hour

	// nowhere is a domain that cannot exist (RFC 6761, 6.4). To permit only it
	// is how a form of name is closed: an empty excluded constraint means
	// "every" for DNS names in RFC 5280, but is not defined for e-mail addresses
	// and URIs, and OpenSSL takes it for none.
	nowhere = "tenantgate.invalid"
)

// NewKey returns a fresh ECDSA P-256 key for an authority.
func NewKey() (crypto.Signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate key: %w", err)
	}
	return key, nil
}

// Create makes a self-signed authority that can sign for permitted and for
// nothing else, and keeps nothing on disk. Open is Create with files.
func Create(permitted hosts.Set, signer crypto.Signer, lifetime time.Duration) (*Authority, error) {
	der, err := selfSign(permitted, signer, lifetime)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("parse the certificate just made: %w", err)
	}
	a, err := newAuthority([]*x509.Certificate{cert}, signer)
	if err != nil {
		return nil, err
	}
	return a, a.except(permitted)
}

// selfSign returns the DER of a CA certificate. What it carries beyond the
// name constraints answers to somebody:
//
//   - critical BasicConstraints and KeyUsage, SKI and AKI even though it is
//     self-signed: Python 3.13's strict verification, hence the Azure CLI
//     (Azure/azure-cli#32749)
//   - pathlen 0: it signs leaves, never another CA
//   - extended key usage serverAuth: a root in the machine's store is otherwise
//     good for code signing and client logon, which name constraints do not bound
func selfSign(permitted hosts.Set, signer crypto.Signer, lifetime time.Duration) ([]byte, error) {
	in, out, err := deriveLimits(permitted)
	if err != nil {
		return nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	id, err := keyID(signer.Public())
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber:   serial,
		Subject:        pkix.Name{CommonName: fmt.Sprintf("tenantgate interception CA %x", id[:4])},
		NotBefore:      now.Add(-backdate),
		NotAfter:       now.Add(lifetime),
		SubjectKeyId:   id,
		AuthorityKeyId: id,

		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},

		PermittedDNSDomainsCritical: true, // the whole extension, not these alone
		PermittedDNSDomains:         in,
		ExcludedDNSDomains:          out,
		ExcludedIPRanges:            everyAddress,
		PermittedEmailAddresses:     []string{nowhere},
		PermittedURIDomains:         []string{nowhere},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
	if err != nil {
		return nil, fmt.Errorf("sign CA certificate: %w", err)
	}
	return der, nil
}

// newSerial returns 128 random bits: no two installations, rotations or nodes
// of a fleet ever sign the same serial number.
func newSerial() (*big.Int, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 128))
	if err != nil {
		return nil, fmt.Errorf("draw serial number: %w", err)
	}
	return n, nil
}

// keyID returns the key identifier of RFC 7093, 2, method 1: the leftmost 160
// bits of the SHA-256 of the subjectPublicKey.
func keyID(pub crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &info); err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	sum := sha256.Sum256(info.Key.Bytes)
	return sum[:20], nil
}
