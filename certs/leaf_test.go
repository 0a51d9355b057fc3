package certs

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tenantgate/tenantgate/hosts"
)

// handshake lets a Go client that trusts only a connect to a server that
// serves leaves of a, and returns what the client saw.
func handshake(t *testing.T, a *Authority, roots *x509.CertPool, name hosts.Name) (tls.ConnectionState, error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	defer l.Close()
	wg.Go(func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		conn := tls.Server(c, &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return a.Leaf(hosts.Name(h.ServerName))
		}})
		if conn.HandshakeContext(t.Context()) == nil {
			io.Copy(io.Discard, conn)
		}
	})
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	conn := tls.Client(c, &tls.Config{ServerName: string(name), RootCAs: roots})
	err = conn.HandshakeContext(t.Context())
	return conn.ConnectionState(), err
}

func trust(certs ...*x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, c := range certs {
		pool.AddCert(c)
	}
	return pool
}

func TestClientThatTrustsTheCACompletesAHandshake(t *testing.T) {
	a := newTestAuthority(t)
	for _, n := range []hosts.Name{"login.microsoftonline.com", "contoso.sharepoint.com", "contoso_legacy.sharepoint.com"} {
		state, err := handshake(t, a, trust(a.Certificate()), n)
		if err != nil {
			t.Errorf("%s: %v", n, err)
			continue
		}
		if got := len(state.PeerCertificates); got != 1 {
			t.Errorf("%s: the server sent %d certificates, want the leaf without the root", n, got)
		}
	}
}

func TestClientGetsNoCertificateForAnExemptHost(t *testing.T) {
	a := newTestAuthority(t)
	if _, err := handshake(t, a, trust(a.Certificate()), "device.login.microsoftonline.com"); err == nil {
		t.Error("the handshake succeeded")
	}
}

func TestClientOfAnotherInstallationRefuses(t *testing.T) {
	a, other := newTestAuthority(t), newTestAuthority(t)
	if _, err := handshake(t, a, trust(other.Certificate()), "graph.microsoft.com"); err == nil {
		t.Error("the handshake succeeded")
	}
}

func TestLeafIsWhatEveryClientAccepts(t *testing.T) {
	a := newTestAuthority(t)
	cert, err := a.Leaf("graph.microsoft.com")
	if err != nil {
		t.Fatal(err)
	}
	leaf, now := cert.Leaf, time.Now()
	if pub, ok := leaf.PublicKey.(*ecdsa.PublicKey); !ok || pub.Curve != elliptic.P256() {
		t.Errorf("key %T, want ECDSA P-256", leaf.PublicKey)
	}
	if !slices.Equal(leaf.DNSNames, []string{"graph.microsoft.com"}) || len(leaf.IPAddresses)+len(leaf.EmailAddresses)+len(leaf.URIs) > 0 {
		t.Errorf("names %v %v", leaf.DNSNames, leaf.IPAddresses)
	}
	if !slices.Equal(leaf.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}) || leaf.KeyUsage != x509.KeyUsageDigitalSignature {
		t.Errorf("usage %v, key usage %b", leaf.ExtKeyUsage, leaf.KeyUsage)
	}
	if leaf.IsCA {
		t.Error("the leaf is a CA")
	}
	if string(leaf.AuthorityKeyId) != string(a.Certificate().SubjectKeyId) || len(leaf.SubjectKeyId) == 0 {
		t.Error("key identifiers do not link leaf and CA")
	}
	if skew := now.Sub(leaf.NotBefore); skew < 23*time.Hour || skew > 25*time.Hour {
		t.Errorf("backdated by %v, want a day", skew)
	}
	if life := leaf.NotAfter.Sub(now); life < 6*24*time.Hour || life > 7*24*time.Hour+time.Minute {
		t.Errorf("lives %v, want a week", life)
	}
	if bits := leaf.SerialNumber.BitLen(); bits < 80 || bits > 128 {
		t.Errorf("serial number of %d bits, want 128 random ones", bits)
	}
}

func TestNamesThatAreNotCanonicalGetNoLeaf(t *testing.T) {
	a := newTestAuthority(t)
	for _, n := range []hosts.Name{"", ".", "*.sharepoint.com", "Graph.Microsoft.com", "A.sharepoint.com", "graph.microsoft.com.", "a..sharepoint.com",
		".sharepoint.com", "a\x00.sharepoint.com", "a b.sharepoint.com", "192.0.2.1", "a,b.sharepoint.com"} {
		if _, err := a.Leaf(n); !errors.Is(err, ErrNotPermitted) {
			t.Errorf("%q: error %v, want ErrNotPermitted", n, err)
		}
	}
}

// faultySigner is a key store that is slow, and can be away.
type faultySigner struct {
	crypto.Signer
	away atomic.Bool
}

func (s *faultySigner) Sign(r io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	time.Sleep(time.Second) // of a synctest bubble
	if s.away.Load() {
		return nil, errors.New("key store is away")
	}
	return s.Signer.Sign(r, digest, o)
}

func newFaultyAuthority(t *testing.T) (*Authority, *faultySigner) {
	t.Helper()
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	store := &faultySigner{Signer: key}
	a, err := Create(restricted, store, lifetime)
	if err != nil {
		t.Fatal(err)
	}
	return a, store
}

func TestAThousandFirstVisitorsCostOneMint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _ := newFaultyAuthority(t)
		if a.Minted("graph.microsoft.com") {
			t.Error("there is said to be a leaf before the first")
		}
		var wg sync.WaitGroup
		got := make([]*tls.Certificate, 1000)
		for i := range got {
			wg.Go(func() {
				var err error
				if got[i], err = a.Leaf("graph.microsoft.com"); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, c := range got {
			if c != got[0] {
				t.Fatal("two visitors got different leaves")
			}
		}
		// Who was late for the flight finds what it brought.
		if _, err := a.mint("graph.microsoft.com", time.Now()); err != nil {
			t.Error(err)
		}
		if mints, _ := a.Stats(); mints != 1 || !a.Minted("graph.microsoft.com") || a.Minted("login.live.com") {
			t.Errorf("%d mints, want 1 and to be told of it", mints)
		}
	})
}

func TestLeafIsReplacedWhenAThirdOfItsLifeIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTestAuthority(t)
		first, err := a.Leaf("graph.microsoft.com")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(leafLifetime*2/3 - time.Minute)
		if same, err := a.Leaf("graph.microsoft.com"); err != nil || same != first {
			t.Errorf("replaced early (%v)", err)
		}
		time.Sleep(2 * time.Minute)
		second, err := a.Leaf("graph.microsoft.com")
		if err != nil || second == first {
			t.Fatalf("not replaced with under a third left (%v)", err)
		}
		if !second.Leaf.NotAfter.After(first.Leaf.NotAfter) {
			t.Error("the replacement does not live longer")
		}
		if mints, hits := a.Stats(); mints != 2 || hits != 1 {
			t.Errorf("%d mints, %d hits, want 2 and 1", mints, hits)
		}
	})
}

func TestLeafNeverOutlivesTheCA(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newTestAuthority(t)
		end := a.Certificate().NotAfter
		time.Sleep(time.Until(end) - 24*time.Hour)
		cert, err := a.Leaf("graph.microsoft.com")
		if err != nil {
			t.Fatal(err)
		}
		if cert.Leaf.NotAfter.After(end) {
			t.Errorf("leaf until %v, CA until %v", cert.Leaf.NotAfter, end)
		}
		time.Sleep(48 * time.Hour)
		if _, err := a.Leaf("graph.microsoft.com"); err == nil || !strings.Contains(err.Error(), "expired") {
			t.Errorf("error %v, want one that says the CA expired", err)
		}
	})
}

func TestKeyStoreThatIsAwayForADayIsNoOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, store := newFaultyAuthority(t)
		first, err := a.Leaf("graph.microsoft.com")
		if err != nil {
			t.Fatal(err)
		}
		store.away.Store(true)
		time.Sleep(leafLifetime*2/3 + time.Hour) // renewal is due
		if old, err := a.Leaf("graph.microsoft.com"); err != nil || old != first {
			t.Errorf("error %v, want the leaf that is still valid", err)
		}
		if _, err := a.Leaf("login.microsoftonline.com"); err == nil {
			t.Error("a leaf for a name never minted, from a store that is away")
		}
		time.Sleep(leafLifetime / 3)
		if _, err := a.Leaf("graph.microsoft.com"); err == nil {
			t.Error("an expired leaf was served")
		}
		store.away.Store(false)
		if _, err := a.Leaf("graph.microsoft.com"); err != nil {
			t.Errorf("the store is back: %v", err)
		}
	})
}

func TestCacheOfLeavesIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("mints some thousand leaves")
	}
	a := newTestAuthority(t)
	for i := range maxLeaves + 100 {
		if _, err := a.Leaf(hosts.Name(fmt.Sprintf("h%d.sharepoint.com", i))); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 1000 {
		a.Leaf(hosts.Name(fmt.Sprintf("h%d.bank.example", i)))
	}
	if got := a.leaves.Len(); got != maxLeaves {
		t.Errorf("%d leaves cached, want %d", got, maxLeaves)
	}
	if mints, _ := a.Stats(); mints != maxLeaves+100 {
		t.Errorf("%d mints, want %d", mints, maxLeaves+100)
	}
}

func TestSecondVisitAllocatesNothing(t *testing.T) {
	a := newTestAuthority(t)
	a.Leaf("graph.microsoft.com")
	if n := testing.AllocsPerRun(100, func() { a.Leaf("graph.microsoft.com") }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

func BenchmarkLeafCached(b *testing.B) {
	a := newTestAuthority(b)
	a.Leaf("graph.microsoft.com")
	b.ReportAllocs()
	for b.Loop() {
		a.Leaf("graph.microsoft.com")
	}
}

func BenchmarkLeafMinted(b *testing.B) {
	a := newTestAuthority(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.mint("graph.microsoft.com", time.Now()); err != nil {
			b.Fatal(err)
		}
		a.leaves.Purge()
	}
}

func BenchmarkLeafRefused(b *testing.B) {
	a := newTestAuthority(b)
	b.ReportAllocs()
	for b.Loop() {
		a.Leaf("random1234567.bank.example")
	}
}
