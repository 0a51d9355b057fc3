package proxy

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/tenantgate/tenantgate/hosts"
)

// Bounds of asking for revocation lists.
const (
	listPoints  = 2                // distribution points of a certificate that are asked
	listBytes   = 32 << 20         // the largest list that is read
	listWait    = 3 * time.Second  // how long a handshake waits for a list that is not there
	listTimeout = 30 * time.Second // how long fetching one may take
	listAge     = 6 * time.Hour    // when a list is fetched again, though it be valid longer
	listRetry   = 5 * time.Minute  // when one that could not be had is asked for again
	listMany    = 1024             // lists in memory
)

// ListedIssuers are the organizations whose revocation lists are asked for:
// those whose certificates Microsoft's sign-in and data hosts present
// (not documented as complete: what another organization issues is told by
// staples alone, and counted as unchecked).
var ListedIssuers = []string{"Microsoft Corporation", "DigiCert Inc"}

// RevocationLists are the lists that issuers publish of what they have revoked
// (RFC 5280). They are fetched over plain http, as all are, through the guard
// of the dialer, follow no redirect, and count only if the issuer has signed
// them. They live on disk, so that a start does not ask for all of them.
type RevocationLists struct {
	Dialer  *Dialer
	Issuers []string // organizations; what others issue is not asked for
	Dir     string   // where lists are kept; if empty, in memory alone
	Log     *slog.Logger

	mu     sync.Mutex
	lists  map[string]*revocationList
	failed map[string]time.Time
	flight singleflight.Group
}

// tell says what is known of the revocation of c, which issuer has signed.
func (r *RevocationLists) tell(c, issuer *x509.Certificate, now time.Time) revocation {
	if r == nil || !slices.ContainsFunc(issuer.Subject.Organization, func(o string) bool { return slices.Contains(r.Issuers, o) }) {
		return unasked
	}
	told := unasked
	for _, point := range c.CRLDistributionPoints[:min(listPoints, len(c.CRLDistributionPoints))] {
		if told = r.at(point, issuer, now).tells(c, now); told != unknown {
			return told
		}
	}
	return told
}

// at returns the list of a distribution point; nil if there is none. One that
// is merely not fresh is used while the next is fetched.
func (r *RevocationLists) at(point string, issuer *x509.Certificate, now time.Time) *revocationList {
	sum := sha256.Sum256(slices.Concat([]byte(point), issuer.RawSubjectPublicKeyInfo))
	name := hex.EncodeToString(sum[:16])
	r.mu.Lock()
	list, asked := r.lists[name], r.failed[name]
	r.mu.Unlock()
	if list == nil {
		list = r.keep(name, r.load(name, point, issuer, now))
	}
	if list != nil && now.Sub(list.fetched) < listAge && now.Before(list.end) || now.Sub(asked) < listRetry {
		return list
	}
	next := r.flight.DoChan(name, func() (any, error) { return r.fetch(name, point, issuer), nil })
	if list != nil && now.Before(list.end) {
		return list
	}
	late := time.NewTimer(listWait)
	defer late.Stop()
	select {
	case got := <-next:
		return got.Val.(*revocationList)
	case <-late.C:
		return list
	}
}

// keep puts list in force, unless what is in force is newer.
func (r *RevocationLists) keep(name string, list *revocationList) *revocationList {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.lists[name]
	if list == nil || list.older(old) {
		return old
	}
	if r.lists == nil || len(r.lists) >= listMany {
		r.lists = map[string]*revocationList{}
	}
	r.lists[name] = list
	delete(r.failed, name)
	return list
}

// fetch asks for a list. What is in force stays so where that fails.
func (r *RevocationLists) fetch(name, point string, issuer *x509.Certificate) *revocationList {
	now := time.Now()
	der, err := r.get(point)
	var list *revocationList
	if err == nil {
		list, err = parseList(der, point, issuer, now)
	}
	if err == nil {
		r.store(name, der)
		return r.keep(name, list)
	}
	r.log().Warn("no revocation list: certificates of this issuer are believed unless a staple tells otherwise", "issuer", issuer.Subject.String(), "from", point, "err", err)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed == nil || len(r.failed) >= listMany {
		r.failed = map[string]time.Time{}
	}
	r.failed[name] = now
	return r.lists[name]
}

// get fetches over plain http: a list is signed, and https would need one.
func (r *RevocationLists) get(point string) ([]byte, error) {
	u, err := url.Parse(point)
	if err != nil || u.Scheme != "http" || u.User != nil {
		return nil, fmt.Errorf("distribution point %q is not plain http", point)
	}
	ctx, cancel := context.WithTimeout(context.Background(), listTimeout)
	defer cancel()
	ask, err := http.NewRequestWithContext(ctx, http.MethodGet, point, nil)
	if err != nil {
		return nil, err
	}
	way := &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10, DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
		a, err := hosts.ParseAuthority(addr, 80)
		if err != nil {
			return nil, err
		}
		return r.Dialer.Dial(ctx, a)
	}}
	resp, err := way.RoundTrip(ask) // a redirect is an answer like any other that is no list
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("answered %s", resp.Status)
	}
	der, err := io.ReadAll(io.LimitReader(resp.Body, listBytes+1))
	if len(der) > listBytes {
		return nil, fmt.Errorf("more than %d bytes", listBytes)
	}
	return der, err
}

// load reads the list that an earlier run has kept. It is checked like one
// that was fetched, so a file that somebody has changed is no list.
func (r *RevocationLists) load(name, point string, issuer *x509.Certificate, now time.Time) *revocationList {
	file := filepath.Join(r.Dir, name+".crl")
	info, err := os.Stat(file)
	if r.Dir == "" || err != nil || info.Size() > listBytes {
		return nil
	}
	der, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	list, err := parseList(der, point, issuer, now)
	if err != nil {
		r.log().Warn("a revocation list on disk does not count", "file", file, "err", err)
		return nil
	}
	list.fetched = info.ModTime()
	return list
}

func (r *RevocationLists) store(name string, der []byte) {
	if r.Dir == "" {
		return
	}
	file := filepath.Join(r.Dir, name+".crl")
	err := os.MkdirAll(r.Dir, 0o700)
	if err == nil {
		err = os.WriteFile(file+".next", der, 0o600)
	}
	if err == nil {
		err = os.Rename(file+".next", file)
	}
	if err != nil {
		r.log().Warn("keep a revocation list", "err", err)
	}
}

func (r *RevocationLists) log() *slog.Logger {
	if r.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return r.Log
}
