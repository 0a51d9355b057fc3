package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"

	"github.com/tenantgate/tenantgate/config"
	"github.com/tenantgate/tenantgate/peer"
	"github.com/tenantgate/tenantgate/proxy"
	"github.com/tenantgate/tenantgate/setting"
)

// trust is what origins are believed by: the system's roots, those of
// upstream.roots, and what their issuers have revoked.
func trust(f config.File, d *proxy.Dialer, in surroundings) (*proxy.OriginTLS, error) {
	believed, err := believe(f, in)
	if err != nil {
		return nil, err
	}
	o := &proxy.OriginTLS{Roots: believed.Roots, Private: believed.Private, Ours: believed.Ours, Metrics: in.metrics}
	if !in.offline {
		o.Revoked = &proxy.RevocationLists{Dialer: d, Issuers: proxy.ListedIssuers, Dir: stateDir(f, "crl"), Log: in.log}
	}
	return o, nil
}

// believe is whom every client of ours believes: the system's roots, those of
// upstream.roots if it names a file, and more; and never our own CA.
func believe(f config.File, in surroundings) (*peer.Trust, error) {
	if in.trust != nil {
		return in.trust, nil
	}
	t := &peer.Trust{Roots: systemRoots(), Ours: in.ours}
	if t.Ours == nil {
		t.Ours = storedCA(stateDir(f, "ca"))
	}
	t.Roots.AppendCertsFromPEM(in.roots)
	own, err := ownRoots(f.Upstream.Roots)
	t.Private = own
	for _, root := range own {
		t.Roots.AddCert(root)
	}
	return t, err
}

// storedCA tells the certificates of the CA in dir, for who runs without it;
// and of the one that is prepared to follow.
func storedCA(dir string) func(*x509.Certificate) bool {
	var all []*x509.Certificate
	for _, name := range []string{"ca.crt", "ca.next.crt"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			continue
		}
		if c, err := firstCertificate(text); err == nil {
			all = append(all, c)
		}
	}
	return func(c *x509.Certificate) bool {
		return slices.ContainsFunc(all, func(ca *x509.Certificate) bool { return sameKey(ca, c) })
	}
}

func sameKey(a, b *x509.Certificate) bool {
	return bytes.Equal(a.RawSubjectPublicKeyInfo, b.RawSubjectPublicKeyInfo)
}

// ownRoots reads the certificates of a PEM file.
func ownRoots(file string) (roots []*x509.Certificate, err error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, setting.Errorf("roots", "name a readable PEM file", "%v", err)
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			roots = append(roots, c)
		}
	}
	if len(roots) == 0 {
		return nil, setting.Errorf("roots", "it needs at least one CERTIFICATE block", "%s holds no certificate in PEM", file)
	}
	return roots, nil
}

// signedByUs tells the certificate of the CA that mints our leaves, by its
// key: another certificate may have been made for it.
func (d *daemon) signedByUs(c *x509.Certificate) bool {
	ca := d.signer.Load()
	return ca != nil && sameKey(ca, c)
}
