package certs

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/hosts"
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

// need skips a test whose tool is not installed, unless REQUIRE_TOOLS says
// that all of them must be.
func need(t testing.TB, tool string) {
	t.Helper()
	if _, err := exec.LookPath(tool); err == nil {
		return
	}
	if os.Getenv("REQUIRE_TOOLS") == "1" {
		t.Fatalf("%s is not installed", tool)
	}
	t.Skipf("%s is not installed", tool)
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
	need(t, "openssl")
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

// forgery turns a row of forgeries.txt into a certificate and a purpose.
func forgery(t testing.TB, row string) (what string, template x509.Certificate, purpose string) {
	t.Helper()
	f := strings.Fields(row)
	if len(f) < 4 {
		t.Fatalf("row %q", row)
	}
	kind, value, purpose := f[len(f)-3], f[len(f)-2], f[len(f)-1]
	template = server()
	for v := range strings.SplitSeq(value, ",") {
		switch ip := net.ParseIP(v); {
		case ip != nil:
			template.IPAddresses = append(template.IPAddresses, ip)
		case kind == "email":
			template.EmailAddresses = append(template.EmailAddresses, v)
		case kind == "uri":
			u, err := url.Parse(v)
			if err != nil {
				t.Fatal(err)
			}
			template.URIs = append(template.URIs, u)
		default:
			template.DNSNames = append(template.DNSNames, v)
		}
	}
	template.ExtKeyUsage = []x509.ExtKeyUsage{uses[purpose].ext}
	if purpose == "code" || purpose == "mail" {
		template.KeyUsage |= x509.KeyUsageContentCommitment
	}
	return strings.Join(f[:len(f)-3], " "), template, purpose
}

var uses = map[string]struct {
	ext     x509.ExtKeyUsage
	openssl string
}{
	"server": {x509.ExtKeyUsageServerAuth, "sslserver"},
	"client": {x509.ExtKeyUsageClientAuth, "sslclient"},
	"code":   {x509.ExtKeyUsageCodeSigning, "codesign"},
	"mail":   {x509.ExtKeyUsageEmailProtection, "smimesign"},
}

func TestStolenKeyForgesNothing(t *testing.T) {
	a := newTestAuthority(t)
	for _, row := range rows(t, "forgeries.txt") {
		what, template, purpose := forgery(t, row)
		cert := forge(t, a, template)
		if goAccepts(a, cert, uses[purpose].ext) == nil {
			t.Errorf("%s: Go accepts it", what)
		}
	}
}

func TestOpenSSLRefusesForgeries(t *testing.T) {
	need(t, "openssl")
	a := newTestAuthority(t)
	for _, row := range rows(t, "forgeries.txt") {
		what, template, purpose := forgery(t, row)
		cert := forge(t, a, template)
		if uses[purpose].openssl == "codesign" && !opensslKnows(t, "codesign") {
			t.Logf("%s: this OpenSSL has no purpose codesign (3.2 brought it)", what)
			continue
		}
		if opensslAccepts(t, a, cert, "-purpose", uses[purpose].openssl) == nil {
			t.Errorf("%s: OpenSSL accepts it", what)
		}
	}
	// A leaf without any SAN: clients that still read the common name must not
	// find a bank there.
	bare := server()
	bare.Subject.CommonName = "bank.example"
	if opensslAccepts(t, a, forge(t, a, bare), "-verify_hostname", "bank.example") == nil {
		t.Error("a common name without SAN: OpenSSL accepts it")
	}
}

// TestWildcardReachesAnExemptHostInSomeVerifiers shows the one gap of the
// promise that is known: RFC 5280 does not say what an excluded name means for
// a wildcard beside it. Go refuses *.x where y.x is excluded; OpenSSL 3.0 takes
// the wildcard for a name of its own and lets it through. A thief of the key
// could so impersonate an exempt host one label beneath a permitted name. This
// package signs no wildcards.
func TestWildcardReachesAnExemptHostInSomeVerifiers(t *testing.T) {
	a := newTestAuthority(t)
	wildcard := forge(t, a, server("*.login.microsoftonline.com"))
	if goAccepts(a, wildcard, x509.ExtKeyUsageServerAuth) == nil {
		t.Error("Go accepts a wildcard over an exempt host")
	}
	if _, err := a.Leaf("*.login.microsoftonline.com"); !errors.Is(err, ErrNotPermitted) {
		t.Errorf("Leaf error %v, want ErrNotPermitted", err)
	}
	need(t, "openssl")
	t.Log("OpenSSL:", opensslAccepts(t, a, wildcard, "-verify_hostname", "device.login.microsoftonline.com"))
}

func opensslKnows(t testing.TB, purpose string) bool {
	t.Helper()
	out, _ := exec.Command("openssl", "verify", "-purpose", purpose, os.DevNull).CombinedOutput()
	return !strings.Contains(string(out), "purpose")
}

func TestStolenKeyMakesNoSecondCA(t *testing.T) {
	a := newTestAuthority(t)
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	sub := sign(t, x509.Certificate{
		Subject: pkix.Name{CommonName: "sub"}, BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign,
	}, a.Certificate(), key.Public(), a.signer)
	leaf := sign(t, server("graph.microsoft.com"), sub, key.Public(), key)

	roots, above := x509.NewCertPool(), x509.NewCertPool()
	roots.AddCert(a.Certificate())
	above.AddCert(sub)
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: above}); err == nil {
		t.Error("Go follows a CA beneath the CA")
	}
}

func TestMintedLeavesPassOpenSSLAtItsStrictest(t *testing.T) {
	need(t, "openssl")
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
