package certs

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/needs"
)

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
	needs.Tool(t, "openssl")
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
	needs.Tool(t, "openssl")
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
