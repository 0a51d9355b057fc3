package resolver

import (
	"crypto/x509"
	"net"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/peer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var restricted = hosts.MustParseSet("login.microsoftonline.com", "*.login.microsoftonline.com", "*.sharepoint.com", "graph.microsoft.com").
	Without(hosts.MustParseSet("device.login.microsoftonline.com", "exempt.login.microsoftonline.com"))

// elsewhere are resolvers of others.
var elsewhere = hosts.MustParseSet("dns.google", "*.dns.google", "cloudflare-dns.com")

// imitation is an upstream on loopback, UDP and TCP on one port. It answers as
// it is told to, and counts.
type imitation struct {
	addr     string
	udp, tcp atomic.Int32
	answer   atomic.Pointer[dns.HandlerFunc]
}

func newImitation(t testing.TB, answer dns.HandlerFunc) *imitation {
	t.Helper()
	u := &imitation{}
	u.answer.Store(&answer)
	pc, l := pair(t)
	u.addr = l.Addr().String()
	for _, s := range []*dns.Server{
		{PacketConn: pc, UDPSize: 4096, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) { u.udp.Add(1); (*u.answer.Load())(w, q) })},
		{Listener: l, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) { u.tcp.Add(1); (*u.answer.Load())(w, q) })},
	} {
		started, ended := make(chan struct{}), make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go func() { defer close(ended); _ = s.ActivateAndServe() }()
		<-started
		t.Cleanup(func() { _ = s.Shutdown(); <-ended })
	}
	return u
}

// pair listens on one loopback port with UDP and TCP.
func pair(t testing.TB) (*net.UDPConn, net.Listener) {
	t.Helper()
	for range 20 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		pc, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(l.Addr().String())))
		if err == nil {
			return pc, l
		}
		l.Close()
	}
	t.Fatal("no port is free in both UDP and TCP")
	return nil, nil
}

// zone answers from testdata/zone.txt as a resolver does: with the whole chain.
func zone(t testing.TB) dns.HandlerFunc {
	t.Helper()
	f, err := os.Open("testdata/zone.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := map[string][]dns.RR{}
	p := dns.NewZoneParser(f, ".", "zone.txt")
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		name := dns.CanonicalName(rr.Header().Name)
		all[name] = append(all[name], rr)
	}
	if p.Err() != nil {
		t.Fatal(p.Err())
	}
	return func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		for name := q.Question[0].Name; name != ""; {
			next := ""
			for _, rr := range all[dns.CanonicalName(name)] {
				alias, isAlias := rr.(*dns.CNAME)
				if rr.Header().Rrtype != q.Question[0].Qtype && !isAlias {
					continue
				}
				rr = dns.Copy(rr)
				rr.Header().Name = name
				m.Answer = append(m.Answer, rr)
				if isAlias && q.Question[0].Qtype != dns.TypeCNAME {
					next = alias.Target
				}
			}
			name = next
		}
		if len(all[dns.CanonicalName(q.Question[0].Name)]) == 0 {
			m.Rcode = dns.RcodeNameError
		}
		if len(m.Answer) == 0 {
			m.Ns = []dns.RR{soa("example.com.", 300)}
		}
		_ = w.WriteMsg(m)
	}
}

func soa(name string, ttl uint32) dns.RR {
	return &dns.SOA{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: ttl}, Ns: "ns." + name, Mbox: "who." + name, Minttl: ttl}
}

// rules are those of the tables: everybody may ask, everything else is asked
// of upstreams.
func rules(t testing.TB, change func(*Config), upstreams ...string) *Rules {
	t.Helper()
	return trusting(t, nil, change, upstreams...)
}

// trusting is rules for encrypted upstreams with a certificate of roots.
func trusting(t testing.TB, roots *x509.CertPool, change func(*Config), upstreams ...string) *Rules {
	t.Helper()
	cfg := Default()
	cfg.Answers, cfg.Upstreams = []string{"10.0.0.7", "fd00::7"}, upstreams
	if change != nil {
		change(&cfg)
	}
	r, err := NewRules(cfg, Names{restricted, elsewhere}, Addresses{DNS: "127.0.0.1:1"}, &peer.Trust{Roots: roots})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// serve starts a resolver; it is at the address that is returned.
func serve(t testing.TB, r *Rules, change func(*Server)) (*Server, string) {
	t.Helper()
	s := NewServer(r, nil)
	s.wait.client, s.wait.attempt, s.wait.flight = 50*time.Millisecond, 300*time.Millisecond, 2*time.Second
	if change != nil {
		change(s)
	}
	pc, l := pair(t)
	ended := make(chan error, 2)
	go func() { ended <- s.ServeUDP(pc) }()
	go func() { ended <- s.ServeTCP(l) }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		for range 2 {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
	return s, l.Addr().String()
}

// ask asks one question with a real client.
func ask(t testing.TB, network, addr, name string, qtype uint16, change func(*dns.Msg)) *dns.Msg {
	t.Helper()
	m := new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype)
	if change != nil {
		change(m)
	}
	c := dns.Client{Net: network, Timeout: 10 * time.Second}
	in, _, err := c.Exchange(m, addr)
	if err != nil {
		t.Fatalf("ask %s over %s for %s %s: %v", addr, network, name, dns.TypeToString[qtype], err)
	}
	return in
}

// data are the records of a section without what all records have.
func data(all []dns.RR) string {
	var texts []string
	for _, rr := range all {
		texts = append(texts, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	return strings.Join(sorted(texts), ",")
}

var loopback = netip.MustParseAddr("127.0.0.1")
