package proxy_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

// A holder is a certificate and its key.
type holder struct {
	*x509.Certificate
	key crypto.Signer
}

// keys are made once: RSA takes its time.
var keys = struct {
	sync.Mutex
	made map[string]crypto.Signer
}{made: map[string]crypto.Signer{}}

// key is the key of somebody of a kind.
func key(t *testing.T, who, kind string) crypto.Signer {
	t.Helper()
	keys.Lock()
	defer keys.Unlock()
	if k := keys.made[who+kind]; k != nil {
		return k
	}
	var k crypto.Signer
	var err error
	switch kind {
	case "p224":
		k, err = ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	case "p256":
		k, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "p384":
		k, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "ed25519":
		_, k, err = ed25519.GenerateKey(rand.Reader)
	default:
		bits := must(strconv.Atoi(strings.TrimPrefix(kind, "rsa")))(t)
		k, err = rsa.GenerateKey(rand.Reader, bits)
	}
	keys.made[who+kind] = must(k, err)(t)
	return k
}

var (
	extendedUses = map[string][]x509.ExtKeyUsage{
		"server": {x509.ExtKeyUsageServerAuth}, "client": {x509.ExtKeyUsageClientAuth}, "code": {x509.ExtKeyUsageCodeSigning},
		"any": {x509.ExtKeyUsageAny}, "responder": {x509.ExtKeyUsageOCSPSigning}, "none": nil,
	}
	uses = map[string]x509.KeyUsage{
		"sign": x509.KeyUsageDigitalSignature, "certsign": x509.KeyUsageCertSign, "encipher": x509.KeyUsageKeyEncipherment,
		"ca": x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
	}
	signatures = map[string]x509.SignatureAlgorithm{"": 0, "sha1rsa": x509.SHA1WithRSA, "sha1ecdsa": x509.ECDSAWithSHA1}
)

// sign makes the certificate of who, as the recipe says, by issuer; by itself
// if issuer is nil.
func (r recipe) sign(t *testing.T, who, common string, issuer *holder, change func(*x509.Certificate)) *holder {
	t.Helper()
	k := key(t, who, r.or(who+".key", "p256"))
	c := &x509.Certificate{
		SerialNumber: must(rand.Int(rand.Reader, big.NewInt(1<<62)))(t), Subject: pkix.Name{CommonName: common, Organization: []string{"Listed"}},
		NotBefore: r.after(t, who+".from", -time.Hour), NotAfter: r.after(t, who+".to", 24*time.Hour),
		ExtKeyUsage: extendedUses[r.or(who+".eku", "none")], KeyUsage: uses[r.or(who+".usage", "sign")],
		SignatureAlgorithm: signatures[r[who+".sig"]],
	}
	change(c)
	if issuer == nil {
		issuer = &holder{c, k}
	}
	der := must(x509.CreateCertificate(rand.Reader, c, issuer.Certificate, k.Public(), issuer.key))(t)
	made, err := x509.ParseCertificate(der)
	if err != nil { // such as it is to be: the server sends it as it stands
		made = &x509.Certificate{Raw: der}
	}
	return &holder{made, k}
}

func (r recipe) authority(t *testing.T, who, common string, issuer *holder) *holder {
	t.Helper()
	return r.sign(t, who, common, issuer, func(c *x509.Certificate) {
		if r[who+".to"] == "" {
			c.NotAfter = time.Now().AddDate(20, 0, 0)
		}
		c.KeyUsage = uses[r.or(who+".usage", "ca")]
		c.BasicConstraintsValid = r.or(who+".basic", "true") == "true"
		c.IsCA = c.BasicConstraintsValid && r.or(who+".ca", "true") == "true"
		if length, ok := r[who+".pathlen"]; ok {
			c.MaxPathLen = must(strconv.Atoi(length))(t)
			c.MaxPathLenZero = c.MaxPathLen == 0
		}
		if name := r[who+".permit"]; name != "" {
			c.PermittedDNSDomains, c.PermittedDNSDomainsCritical = []string{name}, true
		}
		if name := r[who+".exclude"]; name != "" {
			c.ExcludedDNSDomains, c.PermittedDNSDomainsCritical = []string{name}, true
		}
		if at := r["crl.root"]; at != "" && issuer != nil {
			c.CRLDistributionPoints = []string{at}
		}
	})
}

// mustStaple is the extension of RFC 7633 with status_request.
var mustStaple = pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}, Value: []byte{0x30, 3, 2, 1, 5}}

func (r recipe) leaf(t *testing.T, host string, issuer *holder) *holder {
	t.Helper()
	if r["leaf.eku"] == "" {
		r["leaf.eku"] = "server"
	}
	return r.sign(t, "leaf", host, issuer, func(c *x509.Certificate) {
		if names := r.or("leaf.names", host); names != "" {
			c.DNSNames = strings.Split(names, ",")
		}
		if r["leaf.ca"] == "true" {
			c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, uses["ca"]
		}
		if r["leaf.critical"] == "true" {
			c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}})
		}
		if r["leaf.must"] == "true" {
			c.ExtraExtensions = append(c.ExtraExtensions, mustStaple)
		}
		if at := r["crl.mid"]; at != "" {
			c.CRLDistributionPoints = []string{at}
		}
	})
}

// pki is everybody behind one origin.
type pki struct{ root, mid, leaf *holder }

// people makes everybody whom the recipe names. ours is the CA of the proxy.
func (r recipe) people(t *testing.T, host string, ours *holder) (p pki, chain tls.Certificate) {
	t.Helper()
	p.root = r.authority(t, "root", "root", nil)
	above := p.root
	if r["mid.issuer"] == "ours" {
		above = ours
	}
	p.mid = r.authority(t, "mid", "intermediate", above)
	between := []*holder{p.mid}
	if r["mid2"] == "true" {
		between = append(between, r.authority(t, "mid2", "second", p.mid))
	}
	issuer := between[len(between)-1]
	switch r["leaf.issuer"] {
	case "self":
		issuer = nil
	case "stranger":
		issuer = r.authority(t, "stranger", "stranger", nil)
	case "twin":
		issuer = r.authority(t, "twin", "intermediate", nil)
	case "ours":
		issuer, between = ours, nil
	}
	p.leaf = r.leaf(t, host, issuer)
	chain = tls.Certificate{Certificate: [][]byte{p.leaf.Raw}, PrivateKey: p.leaf.key}
	for i := len(between) - 1; i >= 0 && r["server.chain"] != "leaf"; i-- {
		chain.Certificate = append(chain.Certificate, between[i].Raw)
	}
	chain.OCSPStaple = r.staple(t, p)
	return p, chain
}

// staple is what the server staples: STATUS, or STATUS-HOW.
func (r recipe) staple(t *testing.T, p pki) []byte {
	t.Helper()
	status, how, _ := strings.Cut(r["server.staple"], "-")
	states := map[string]int{"good": ocsp.Good, "revoked": ocsp.Revoked, "unknown": ocsp.Unknown}
	state, ok := states[status]
	if !ok {
		return []byte(status)
	}
	now := time.Now()
	answer := ocsp.Response{Status: state, SerialNumber: p.leaf.SerialNumber, ThisUpdate: now.Add(-time.Hour), NextUpdate: now.Add(time.Hour), RevokedAt: now.Add(-2 * time.Hour)}
	by := p.mid
	switch how {
	case "stale":
		answer.ThisUpdate, answer.NextUpdate = now.Add(-48*time.Hour), now.Add(-24*time.Hour)
	case "future":
		answer.ThisUpdate = now.Add(30 * time.Minute)
	case "old":
		answer.ThisUpdate, answer.NextUpdate = now.AddDate(0, 0, -20), now.AddDate(0, 0, 1)
	case "other":
		answer.SerialNumber = big.NewInt(7)
	case "delegated":
		by = recipe{"responder.eku": "responder"}.sign(t, "responder", "responder", p.mid, func(*x509.Certificate) {})
	case "impostor":
		by = recipe{"impostor.eku": "server"}.sign(t, "impostor", "impostor.example", p.mid, func(*x509.Certificate) {})
	case "stranger":
		by = recipe{}.authority(t, "stranger", "stranger", nil)
	}
	if by != p.mid {
		answer.Certificate = by.Certificate
	}
	return must(ocsp.CreateResponse(p.mid.Certificate, by.Certificate, answer, by.key))(t)
}

func pemBlock(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
