package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/tenantgate/tenantgate/config"
	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/pac"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/tagging"
)

// TestEveryWayInAgreesOnEveryHost asks the PAC file, the resolver, the policy
// and the listener for steered TLS about 1,000 names: what one brings here, all
// bring, and what is intercepted is intercepted whichever way it comes.
func TestEveryWayInAgreesOnEveryHost(t *testing.T) {
	d := steering1000(t)
	b := d.now.Load()
	rng := rand.New(rand.NewPCG(7, 8))
	brought := 0
	for i, name := range thousand(rng, b) {
		route, err := pac.Route(b.pac.Script("", netip.Addr{}, "127.0.0.1:8080"), name)
		if err != nil {
			t.Fatal(err)
		}
		verdict := b.rules.Policy.DecideConn(policy.Conn{Name: name})
		here := verdict.Action == policy.Intercept || verdict.Reason == policy.UntaggedSignIn
		if (route != "DIRECT") != here {
			t.Errorf("%s: the PAC file says %s, the policy %v %s", name, route, verdict.Action, verdict.Reason)
		}
		if got := steers(t, d, mixed(rng, string(name))); got != here {
			t.Errorf("%s: steered %v, policy %v %s", name, got, verdict.Action, verdict.Reason)
		}
		if i%5 == 0 {
			if got := intercepted(d, mixed(rng, string(name))); got != (verdict.Action == policy.Intercept) {
				t.Errorf("%s: intercepted by its SNI %v, policy %v %s", name, got, verdict.Action, verdict.Reason)
			}
		}
		if here {
			brought++
		}
	}
	if brought < 200 || brought > 800 {
		t.Errorf("%d of 1,000 names are brought here: the test asks too little", brought)
	}
}

// steering1000 is a daemon with every way in, and a DNS that knows every name
// as 192.0.2.1.
func steering1000(t *testing.T) *daemon {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	upstream := &dns.Server{PacketConn: pc, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: net.IPv4(192, 0, 2, 1)}}
		_ = w.WriteMsg(m)
	})}
	go func() { _ = upstream.ActivateAndServe() }()
	cloud, err := demo.NewCloud()
	if err != nil {
		t.Fatal(err)
	}
	f := config.Default()
	f.State, f.Tenant = t.TempDir(), config.Tenant{ID: homeTenant, Policy: homePolicy}
	f.Listen.Proxy, f.Listen.Admin, f.Listen.Steered, f.Listen.DNS = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.2:0", "127.0.0.1:0"
	f.DNS.Upstreams, f.DNS.Rate = []string{pc.LocalAddr().String()}, 0
	d, err := open(f, nil, demoSurroundings(cloud), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- d.serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		_ = upstream.Shutdown()
		cloud.Close()
	})
	return d
}

// thousand are names of every sort, beside and beneath those of every list.
func thousand(rng *rand.Rand, b *built) []hosts.Name {
	var list []hosts.Name
	seen := map[hosts.Name]bool{}
	add := func(s string) {
		if n, err := hosts.Parse(s); err == nil && !seen[n] && len(list) < 1000 {
			seen[n] = true
			list = append(list, n)
		}
	}
	patterns := slices.Concat(b.brought.Patterns(), tagging.Exempt().Patterns())
	for i := 0; len(list) < 1000; i++ {
		name, beneath := strings.CutPrefix(patterns[rng.IntN(len(patterns))], "*.")
		label := fmt.Sprintf("t%d", rng.IntN(1000))
		if beneath && rng.IntN(2) == 0 {
			name = label + "." + name
		}
		cut := rng.IntN(len(name))
		add([]string{name, label + "." + name, "evil" + name, "evil-" + name, name + "." + label + ".example", name[:cut] + label + name[cut:], name[cut:]}[rng.IntN(7)])
	}
	return list
}

// mixed is a name as a client that protects itself by case spells it.
func mixed(rng *rand.Rand, name string) string {
	b := []byte(name)
	for i, c := range b {
		if 'a' <= c && c <= 'z' && rng.IntN(2) == 0 {
			b[i] -= 'a' - 'A'
		}
	}
	return string(b)
}

// steers tells whether the resolver answers with the steered listener.
func steers(t *testing.T, d *daemon, name string) bool {
	t.Helper()
	c := dns.Client{Timeout: patience}
	in, _, err := c.Exchange(new(dns.Msg).SetQuestion(name+".", dns.TypeA), d.addr("dns"))
	if err != nil || len(in.Answer) != 1 {
		t.Fatalf("%s: %v, %v", name, in, err)
	}
	return in.Answer[0].(*dns.A).A.String() == "127.0.0.2"
}

// intercepted tells whether TLS for the name is answered by our authority.
func intercepted(d *daemon, name string) bool {
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	conn, err := tls.DialWithDialer(dialer, "tcp", d.addr("steered"), &tls.Config{ServerName: name, InsecureSkipVerify: true})
	if err != nil {
		return false
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].CheckSignatureFrom(d.ca.Certificate()) == nil
}
