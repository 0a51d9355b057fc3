package certs

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/needs"
)

// restricted is the set most tests make a CA for.
var restricted = hosts.MustParseSet("login.microsoftonline.com", "*.login.microsoftonline.com", "*.sharepoint.com",
	"graph.microsoft.com", "*.officeapps.live.com").
	Without(hosts.MustParseSet("device.login.microsoftonline.com", "*.certauth.login.microsoftonline.com", "login.live.com"))

func newTestAuthority(t testing.TB) *Authority {
	t.Helper()
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	a, err := Create(restricted, key, lifetime)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// forge signs what template says with the CA's own key, asking nobody.
func forge(t testing.TB, a *Authority, template x509.Certificate) *x509.Certificate {
	t.Helper()
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return sign(t, template, a.Certificate(), key.Public(), a.signer)
}

func sign(t testing.TB, template x509.Certificate, parent *x509.Certificate, pub crypto.PublicKey, signer crypto.Signer) *x509.Certificate {
	t.Helper()
	var err error
	if template.SerialNumber, err = newSerial(); err != nil {
		t.Fatal(err)
	}
	if template.SubjectKeyId, err = keyID(pub); err != nil {
		t.Fatal(err)
	}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, &template, parent, pub, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func server(names ...string) x509.Certificate {
	return x509.Certificate{
		Subject:     pkix.Name{CommonName: "forged"},
		DNSNames:    names,
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
}

// goAccepts is the verdict of crypto/x509.
func goAccepts(a *Authority, cert *x509.Certificate, use x509.ExtKeyUsage) error {
	roots := x509.NewCertPool()
	roots.AddCert(a.Certificate())
	_, err := cert.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{use}})
	return err
}

// opensslAccepts is the verdict of "openssl verify" at its strictest.
func opensslAccepts(t testing.TB, a *Authority, cert *x509.Certificate, more ...string) error {
	t.Helper()
	dir := t.TempDir()
	ca, leaf := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "leaf.pem")
	writePEM(t, ca, a.Certificate())
	writePEM(t, leaf, cert)
	args := append([]string{"verify", "-x509_strict", "-no-CApath", "-no-CAstore", "-CAfile", ca}, more...)
	out, err := exec.Command("openssl", append(args, leaf)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

func writePEM(t testing.TB, path string, certs ...*x509.Certificate) {
	t.Helper()
	if err := os.WriteFile(path, formatPEM(certs...), 0o644); err != nil {
		t.Fatal(err)
	}
}

func formatPEM(certs ...*x509.Certificate) []byte {
	var out []byte
	for _, c := range certs {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return out
}

// rows reads a table of testdata, without comments and blank lines.
func rows(t testing.TB, file string) []string {
	t.Helper()
	src, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for line := range strings.Lines(string(src)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			list = append(list, line)
		}
	}
	if len(list) == 0 {
		t.Fatalf("%s has no rows", file)
	}
	return list
}

func TestAuthoritySignsForTheseNamesAndNoOthers(t *testing.T) {
	a := newTestAuthority(t)
	for _, row := range rows(t, "names.txt") {
		f := strings.Fields(row)
		name, want := f[0], f[1] == "yes"
		cert, err := a.Leaf(hosts.Name(name))
		if got := err == nil; got != want {
			t.Errorf("%s: Leaf error %v, want signed: %v (%s)", name, err, want, strings.Join(f[2:], " "))
		}
		if !want && !errors.Is(err, ErrNotPermitted) {
			t.Errorf("%s: error %v is not ErrNotPermitted", name, err)
		}
		if want && err == nil && cert.Leaf.VerifyHostname(name) != nil {
			t.Errorf("%s: the leaf is for %v", name, cert.Leaf.DNSNames)
		}
		err = goAccepts(a, forge(t, a, server(name)), x509.ExtKeyUsageServerAuth)
		if got := err == nil; got != want {
			t.Errorf("%s: Go's verdict on a forged leaf is %v, want accepted: %v", name, err, want)
		}
	}
}

func TestOpenSSLAgreesWithTheTable(t *testing.T) {
	needs.Tool(t, "openssl")
	a := newTestAuthority(t)
	for _, row := range rows(t, "names.txt") {
		f := strings.Fields(row)
		name, want := f[0], f[1] == "yes"
		err := opensslAccepts(t, a, forge(t, a, server(name)))
		if got := err == nil; got != want {
			t.Errorf("%s: OpenSSL's verdict on a forged leaf is %v, want accepted: %v", name, err, want)
		}
	}
}

func TestMintedLeavesPassOpenSSLAtItsStrictest(t *testing.T) {
	needs.Tool(t, "openssl")
	a := newTestAuthority(t)
	for _, n := range []hosts.Name{"login.microsoftonline.com", "contoso-my.sharepoint.com", hosts.Name(strings.Repeat("x", 60) + ".y.sharepoint.com")} {
		cert, err := a.Leaf(n)
		if err != nil {
			t.Fatal(err)
		}
		if err := opensslAccepts(t, a, cert.Leaf, "-purpose", "sslserver", "-verify_hostname", string(n)); err != nil {
			t.Errorf("%s: %v", n, err)
		}
	}
}

// FuzzLeafAndVerifierAgree holds this package's reading of the constraints
// against crypto/x509's: they permit the same names.
func FuzzLeafAndVerifierAgree(f *testing.F) {
	for _, row := range rows(f, "names.txt") {
		f.Add(strings.Fields(row)[0])
	}
	a := newTestAuthority(f)
	f.Fuzz(func(t *testing.T, s string) {
		n, err := hosts.Parse(s)
		if err != nil {
			return
		}
		err = goAccepts(a, forge(t, a, server(string(n))), x509.ExtKeyUsageServerAuth)
		if got, want := a.permits(string(n)), err == nil; got != want {
			t.Errorf("%s: permits %v, Go's verdict %v", n, got, err)
		}
	})
}
