package peer

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"
)

// rules are what is asked of a chain that crypto/x509 has verified and
// that it does not ask itself. A rule says what breaks it, or nothing.
var rules = []struct {
	name   string
	broken func(t *Trust, chain []*x509.Certificate, host string) string
}{
	{"own-ca", byOurCA},
	{"weak-key", weakKey},
	{"weak-signature", weakSignature},
	{"ca-as-server", caAsServer},
	{"key-usage", cannotSign},
	{"not-for-servers", notForServers},
	{"lifetime", livesTooLong},
	{"wide-wildcard", wideWildcard},
}

// The least that keys must have, of the CA/Browser Forum's Baseline
// Requirements (6.1.5), and the longest that a leaf may live since September
// 2020 (6.3.2). The limits that follow in 2026 bind the authorities, not us.
const (
	leastRSA     = 2048
	leastCurve   = 256
	longestValid = 398 * 24 * time.Hour
)

// byOurCA refuses what our own CA has signed: the machine may well trust it,
// and whoever got hold of its key would be every origin.
func byOurCA(t *Trust, chain []*x509.Certificate, _ string) string {
	if t.Ours != nil && slices.ContainsFunc(chain, t.Ours) {
		return "the CA of this installation has signed it"
	}
	return ""
}

func weakKey(_ *Trust, chain []*x509.Certificate, _ string) string {
	for _, c := range chain {
		switch key := c.PublicKey.(type) {
		case *rsa.PublicKey:
			if bits := key.N.BitLen(); bits < leastRSA {
				return fmt.Sprintf("an RSA key of %d bits", bits)
			}
		case *ecdsa.PublicKey:
			if bits := key.Curve.Params().BitSize; bits < leastCurve {
				return fmt.Sprintf("an elliptic curve of %d bits", bits)
			}
		case ed25519.PublicKey:
		default:
			return fmt.Sprintf("a key of kind %T", key)
		}
	}
	return ""
}

// Strong tells whether a signature counts. Go refuses SHA-1 and MD5 in chains by
// itself; a root's own signature proves nothing and is not looked at.
func Strong(a x509.SignatureAlgorithm) bool { return slices.Contains(strong, a) }

var strong = []x509.SignatureAlgorithm{
	x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA, x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS,
	x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512, x509.PureEd25519,
}

func weakSignature(_ *Trust, chain []*x509.Certificate, _ string) string {
	for _, c := range chain[:len(chain)-1] {
		if !Strong(c.SignatureAlgorithm) {
			return "a signature with " + c.SignatureAlgorithm.String()
		}
	}
	return ""
}

// anchored tells whether the server's certificate is a root itself: whoever
// put it among the roots has judged it.
func anchored(chain []*x509.Certificate) bool { return len(chain) == 1 }

func caAsServer(_ *Trust, chain []*x509.Certificate, _ string) string {
	if chain[0].IsCA && !anchored(chain) {
		return "the server's certificate is a CA's"
	}
	return ""
}

// cannotSign refuses keys that may not sign handshakes, which is all that a
// key does in TLS 1.3 and with ECDHE (RFC 8446, 4.4.2.2).
func cannotSign(_ *Trust, chain []*x509.Certificate, _ string) string {
	if usage := chain[0].KeyUsage; usage != 0 && usage&x509.KeyUsageDigitalSignature == 0 && !anchored(chain) {
		return "its key may not sign"
	}
	return ""
}

// notForServers wants serverAuth by name. crypto/x509 takes a certificate
// without any extended key usage, or with anyExtendedKeyUsage, for all.
func notForServers(_ *Trust, chain []*x509.Certificate, _ string) string {
	if !slices.Contains(chain[0].ExtKeyUsage, x509.ExtKeyUsageServerAuth) && !anchored(chain) {
		return "it is not for servers"
	}
	return ""
}

func livesTooLong(t *Trust, chain []*x509.Certificate, _ string) string {
	root := chain[len(chain)-1]
	if anchored(chain) || slices.ContainsFunc(t.Private, root.Equal) {
		return ""
	}
	if d := chain[0].NotAfter.Sub(chain[0].NotBefore); d > longestValid {
		return fmt.Sprintf("it is valid for %d days", int(d.Hours())/24)
	}
	return ""
}

// wideWildcard refuses a wildcard right under a public suffix, *.com or
// *.co.uk: it would be everybody's. Suffixes that a company has entered for
// its customers (blob.core.windows.net) are no such suffixes: they are run by
// one operator, who has the certificate; browsers draw the same line.
func wideWildcard(_ *Trust, chain []*x509.Certificate, host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if _, err := netip.ParseAddr(host); err == nil {
		return ""
	}
	for _, name := range chain[0].DNSNames {
		if strings.EqualFold(strings.TrimSuffix(name, "."), host) {
			return ""
		}
	}
	_, parent, ok := strings.Cut(host, ".")
	if !ok {
		return ""
	}
	suffix, listed := publicsuffix.PublicSuffix(parent)
	if suffix == parent && (listed || !strings.Contains(parent, ".")) {
		return "a wildcard for all of " + parent
	}
	return ""
}
