package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"time"
)

// The tenants of the run.
const (
	homeTenant    = "11111111-1111-1111-1111-111111111111"
	homePolicy    = "22222222-2222-2222-2222-222222222222"
	foreignTenant = "33333333-3333-3333-3333-333333333333"
	partnerTenant = "44444444-4444-4444-4444-444444444444"
)

// marker is the signature of each foreign token: what no origin may see.
const marker = "Zm9yZWlnbi1tYXJrZXItb2YtdGhlLXNpZWdlLTAxMjM0NTY3ODk"

// token is an access token of tenant. Nobody checks its signature.
func token(tenant, signature string) string { return tokenOf(tenant, signature, 0) }

// tokenOf is a token that is another one for each n.
func tokenOf(tenant, signature string, n int64) string {
	encode := base64.RawURLEncoding.EncodeToString
	claims := fmt.Sprintf(`{"aud":"https://graph.microsoft.com","iss":"https://sts.windows.net/%s/","exp":4102444800,"appid":"%s","upn":"someone@example.com","oid":"%s","tid":"%s","ver":"1.0","uti":"%d","xms_pad":"%s"}`,
		tenant, homePolicy, homePolicy, tenant, n, encode(make([]byte, 700)))
	return encode([]byte(`{"alg":"RS256","typ":"JWT","kid":"siege"}`)) + "." + encode([]byte(claims)) + "." + signature
}

// authority makes the root of the origins.
func authority() (*x509.Certificate, *ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	name := pkix.Name{CommonName: "siege root"}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: name,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, &x509.Certificate{Subject: name}, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	return cert, key, err
}

// sign makes a leaf for name.
func sign(ca *x509.Certificate, caKey any, key *ecdsa.PrivateKey, name string) (*tls.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, ca, key.Public(), caKey)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
