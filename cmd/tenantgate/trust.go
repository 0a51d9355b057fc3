package main

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"

	"github.com/tenantgate/tenantgate/config"
	"github.com/tenantgate/tenantgate/proxy"
	"github.com/tenantgate/tenantgate/setting"
)

// trust is what origins are believed by: the system's roots, those of
// upstream.roots, and what their issuers have revoked.
func trust(f config.File, d *proxy.Dialer, in surroundings) (*proxy.OriginTLS, error) {
	pool, err := roots(f.Upstream.Roots, in.roots)
	if err != nil {
		return nil, err
	}
	own, err := ownRoots(f.Upstream.Roots)
	if err != nil {
		return nil, err
	}
	o := &proxy.OriginTLS{Roots: pool, Private: own, Ours: in.ours, Metrics: in.metrics}
	if !in.offline {
		o.Revoked = &proxy.RevocationLists{Dialer: d, Issuers: proxy.ListedIssuers, Dir: stateDir(f, "crl"), Log: in.log}
	}
	return o, nil
}

// roots are the system's, those of a PEM file if one is named, and more.
func roots(file string, more []byte) (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	pool.AppendCertsFromPEM(more)
	own, err := ownRoots(file)
	for _, root := range own {
		pool.AddCert(root)
	}
	return pool, err
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
	return ca != nil && bytes.Equal(c.RawSubjectPublicKeyInfo, ca.RawSubjectPublicKeyInfo)
}
