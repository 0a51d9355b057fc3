package certs

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"
)

func TestCACertificateIsWhatStrictClientsWant(t *testing.T) {
	c := open(t, newDir(t)).Certificate()
	if !c.IsCA || !c.MaxPathLenZero || c.MaxPathLen != 0 {
		t.Errorf("CA %v, path length %d", c.IsCA, c.MaxPathLen)
	}
	if c.KeyUsage != x509.KeyUsageCertSign|x509.KeyUsageCRLSign {
		t.Errorf("key usage %b", c.KeyUsage)
	}
	if len(c.SubjectKeyId) == 0 || string(c.SubjectKeyId) != string(c.AuthorityKeyId) {
		t.Error("no subject and authority key identifiers")
	}
	critical := map[string]bool{}
	for _, e := range c.Extensions {
		critical[e.Id.String()] = e.Critical
	}
	// Azure/azure-cli#32749: strict Python refuses a CA without these.
	for id, name := range map[string]string{"2.5.29.19": "BasicConstraints", "2.5.29.15": "KeyUsage", "2.5.29.30": "NameConstraints"} {
		if !critical[id] {
			t.Errorf("%s is not critical", name)
		}
	}
	if pub, ok := c.PublicKey.(*ecdsa.PublicKey); !ok || pub.Params().Name != "P-256" {
		t.Errorf("key %T, want ECDSA P-256", c.PublicKey)
	}
	if life := time.Until(c.NotAfter); life < lifetime-time.Hour || life > lifetime {
		t.Errorf("lives %v, want two years", life)
	}
}

func TestNoTwoInstallationsShareAnything(t *testing.T) {
	a, b := open(t, newDir(t)).Certificate(), open(t, newDir(t)).Certificate()
	if a.PublicKey.(*ecdsa.PublicKey).Equal(b.PublicKey) {
		t.Error("the same key")
	}
	if a.SerialNumber.Cmp(b.SerialNumber) == 0 {
		t.Error("the same serial number")
	}
	if a.Subject.String() == b.Subject.String() {
		t.Error("the same subject")
	}
}

func TestCAThatCannotKeepThePromiseIsRefused(t *testing.T) {
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	good, err := selfSign(restricted, key, lifetime)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		change func(*x509.Certificate)
		want   string
	}{
		{"no constraints", func(c *x509.Certificate) {
			c.PermittedDNSDomains, c.ExcludedDNSDomains, c.ExcludedIPRanges = nil, nil, nil
			c.PermittedEmailAddresses, c.PermittedURIDomains = nil, nil
		}, "could sign for any host"},
		{"constraints that exclude alone", func(c *x509.Certificate) { c.PermittedDNSDomains = nil }, "could sign for any host"},
		{"constraints that clients may ignore", func(c *x509.Certificate) { c.PermittedDNSDomainsCritical = false }, "could sign for any host"},
		{"every name permitted", func(c *x509.Certificate) { c.PermittedDNSDomains = []string{""} }, "name constraint"},
		{"a top-level domain permitted", func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"com"} }, "too wide"},
		{"the same with a dot", func(c *x509.Certificate) { c.PermittedDNSDomains = []string{".com"} }, "too wide"},
		{"addresses free", func(c *x509.Certificate) { c.ExcludedIPRanges = nil }, "any IP address"},
		{"IPv6 addresses free", func(c *x509.Certificate) { c.ExcludedIPRanges = everyAddress[:1] }, "any IP address"},
		{"no CA", func(c *x509.Certificate) { c.IsCA, c.MaxPathLen, c.MaxPathLenZero = false, -1, false }, "not a CA certificate"},
		{"not for signing", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign }, "may not sign certificates"},
		{"not yet valid", func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }, "is the clock right?"},
		{"expired", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) }, "expired on"},
		{"as it should be", func(*x509.Certificate) {}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			template, err := x509.ParseCertificate(good)
			if err != nil {
				t.Fatal(err)
			}
			tt.change(template)
			if !template.IsCA { // constraints are for CAs alone
				template.PermittedDNSDomains, template.ExcludedDNSDomains = nil, nil
			}
			template.ExtraExtensions = nil
			der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Load(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), key)
			if (err == nil) != (tt.want == "") || (err != nil && !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}
