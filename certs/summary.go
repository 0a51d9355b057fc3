package certs

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"
)

// Summary is what "ca show" tells about an authority. Everything in it is
// public and comes from the certificate itself.
type Summary struct {
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	Serial    string    `json:"serial"`
	SHA256    string    `json:"sha256"` // of the DER, as trust stores show it
	Key       string    `json:"key"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`

	// Permitted and Excluded are DNS subtrees: the name and every name beneath.
	Permitted []string `json:"permitted"`
	Excluded  []string `json:"excluded"`

	ExcludedAddresses []string `json:"excluded_addresses"`

	// Files are those of the authority that exist; none for one made by Create
	// or Load.
	Files []string `json:"files"`
}

// Summary returns what there is to know about the authority.
func (a *Authority) Summary() Summary {
	c := a.Certificate()
	s := Summary{
		Subject:           c.Subject.String(),
		Issuer:            c.Issuer.String(),
		Serial:            fmt.Sprintf("%032x", c.SerialNumber),
		SHA256:            fingerprint(c),
		Key:               keyKind(c),
		NotBefore:         c.NotBefore,
		NotAfter:          c.NotAfter,
		Permitted:         slices.Sorted(slices.Values(c.PermittedDNSDomains)),
		Excluded:          append([]string{}, slices.Sorted(slices.Values(c.ExcludedDNSDomains))...),
		ExcludedAddresses: []string{},
		Files:             append([]string{}, a.files...),
	}
	for _, n := range c.ExcludedIPRanges {
		s.ExcludedAddresses = append(s.ExcludedAddresses, (&net.IPNet{IP: n.IP, Mask: n.Mask}).String())
	}
	return s
}

// String is Describe in a string, so that an authority in a log line shows its
// certificate and nothing of its key.
func (a *Authority) String() string {
	var b strings.Builder
	a.Describe(&b) // a Builder never fails
	return b.String()
}

// Describe writes the summary for a person to read.
func (a *Authority) Describe(w io.Writer) error {
	s := a.Summary()
	var b strings.Builder
	row := func(label, value string) { fmt.Fprintf(&b, "%-10s  %s\n", label, value) }
	rows := func(label string, values []string) {
		for _, v := range values {
			row(label, v)
			label = ""
		}
	}
	row("subject", s.Subject)
	if s.Issuer != s.Subject {
		row("issuer", s.Issuer)
	}
	row("serial", s.Serial)
	row("sha256", s.SHA256)
	row("key", s.Key)
	row("valid", date(s.NotBefore)+" to "+date(s.NotAfter))
	rows("files", s.Files)
	b.WriteString("\nThe certificate permits these names and every name beneath them, and no others:\n")
	rows("permitted", s.Permitted)
	b.WriteString("\nIt excludes these names and every name beneath them, and every address:\n")
	rows("excluded", slices.Concat(s.Excluded, s.ExcludedAddresses))
	_, err := io.WriteString(w, b.String())
	return err
}

// Export writes the certificate that clients have to trust, as "pem" or as
// "der", which Windows and macOS call cer: the authority's own, or the topmost
// of its chain.
func (a *Authority) Export(w io.Writer, format string) error {
	root := a.chain[len(a.chain)-1]
	switch format {
	case "pem", "crt":
		return pem.Encode(w, &pem.Block{Type: "CERTIFICATE", Bytes: root.Raw})
	case "der", "cer":
		_, err := w.Write(root.Raw)
		return err
	}
	return fmt.Errorf("export format %q is unknown (want pem or der)", format)
}

func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":")
}

func keyKind(c *x509.Certificate) string {
	switch k := c.PublicKey.(type) {
	case *ecdsa.PublicKey:
		return "ECDSA " + k.Params().Name
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", k.N.BitLen())
	}
	return c.PublicKeyAlgorithm.String()
}
