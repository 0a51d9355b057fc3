package proxy_test

import (
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/proxy"
)

// lists is the web server of two issuers' revocation lists.
type lists struct {
	t      *testing.T
	in     *inspection
	how    string // what the recipe says of them; empty: there are none
	srv    *httptest.Server
	served atomic.Pointer[map[string][]byte]
	asked  atomic.Int32
}

// Where certificates say that lists are.
const midList, rootList = "http://crl.example/mid.crl", "http://crl.example/root.crl"

func newLists(t *testing.T, in *inspection, r recipe) *lists {
	t.Helper()
	l := &lists{t: t, in: in, how: r["crl"]}
	if l.how == "" {
		return l
	}
	l.srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.asked.Add(1)
		_, _ = w.Write((*l.served.Load())[r.URL.Path])
	}))
	t.Cleanup(l.srv.Close)
	r["crl.mid"], r["crl.root"], r["crl.at"] = midList, rootList, l.srv.Listener.Addr().String()
	return l
}

// publish makes the lists that the recipe names.
func (l *lists) publish(p pki) {
	if l.how == "" {
		return
	}
	var mid, root []*big.Int
	status, how, _ := strings.Cut(l.how, "-")
	end, by, point := time.Hour, p.mid, midList
	switch {
	case status == "down":
		l.srv.Close()
	case l.how == "mid-revoked":
		root = append(root, p.mid.SerialNumber)
	case status == "revoked":
		mid = append(mid, p.leaf.SerialNumber)
	case status == "forged":
		mid = append(mid, p.leaf.SerialNumber)
		by = recipe{}.authority(l.t, "forger", "intermediate", nil)
	case l.how == "other-part":
		point = "http://crl.example/part2.crl"
		mid = append(mid, p.leaf.SerialNumber)
	}
	if how == "stale" {
		end = -time.Minute
	}
	l.served.Store(&map[string][]byte{"/mid.crl": list(l.t, by, point, 2, end, mid), "/root.crl": list(l.t, p.root, rootList, 2, time.Hour, root)})
}

// known is what the proxy knows of these lists.
func (l *lists) known() *proxy.RevocationLists {
	if l.how == "" {
		return nil
	}
	return &proxy.RevocationLists{Dialer: l.in.dialer, Issuers: []string{"Listed"}}
}

// list is a revocation list of one distribution point.
func list(t *testing.T, by *holder, point string, number int64, end time.Duration, serials []*big.Int) []byte {
	t.Helper()
	raw := &x509.RevocationList{Number: big.NewInt(number), ThisUpdate: time.Now().Add(-2 * time.Hour), NextUpdate: time.Now().Add(end)}
	for _, serial := range serials {
		raw.RevokedCertificateEntries = append(raw.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: serial, RevocationTime: time.Now().Add(-3 * time.Hour)})
	}
	tagged := func(tag int, inner []byte) []byte {
		return must(asn1.Marshal(asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: tag, IsCompound: tag == 0, Bytes: inner}))(t)
	}
	names := tagged(0, tagged(0, tagged(6, []byte(point))))
	raw.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 28}, Critical: true, Value: must(asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: names}))(t)}}
	return must(x509.CreateRevocationList(rand.Reader, raw, by.Certificate, by.key))(t)
}
