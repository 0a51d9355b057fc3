package proxy_test

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/proxy/proxytest"
)

// TestAttacksEndAsTheyMust sends every case of testdata/attacks through a real
// proxy to the demo cloud, each in every way that it applies to, and asserts
// all oracles after each.
func TestAttacksEndAsTheyMust(t *testing.T) {
	all := attacks(t)
	rigs := map[string]*stage{}
	board := &scorecard{letters: map[string]*count{}, oracles: map[string]*count{}}
	for _, a := range all {
		settings := a.keys["policy"]
		if rigs[settings] == nil {
			rigs[settings] = newStage(t, settings)
		}
		ran, ok := false, true
		for _, r := range a.runs() {
			ok = t.Run(a.class+"/"+a.keys["id"]+"/"+r.String(), func(t *testing.T) {
				ran = true // unless -run left it out
				rigs[settings].carryOut(t, a, r, board)
			}) && ok
		}
		if ran {
			board.add(a, ok)
		}
	}
	t.Log(board.String())
}

// stage is a rig and another client on it.
type stage struct {
	rig       *proxytest.Rig
	neighbour *proxytest.Neighbour
	diverted  string // address of a listener for what a firewall diverts
	meant     atomic.Pointer[netip.AddrPort]
}

func newStage(t *testing.T, settings string) *stage {
	o := proxytest.Options{}
	p := policy.Default()
	for _, s := range strings.Fields(settings) {
		switch s {
		case "observe":
			o.Observe = true
		case "unlisted=block":
			p.Unlisted = "block"
		case "dns=block":
			p.EncryptedDNS = "block"
		case "exempt=block":
			p.Exempt = "block"
		case "consumer=allow":
			p.Partners = append(p.Partners, policy.Partner{Tenant: "9188040d-6c67-4c5b-b112-36a304b66dad", TenantRestrictions: policy.All(policy.Allow)})
		case "sessions=block":
			p.Default.Sessions = policy.Deny
		case "keys=block":
			p.Default.Keys = policy.Deny
		case "outbound=block":
			p.Default.Outbound = policy.All(policy.Deny)
		case "inbound=block":
			p.Default.Inbound = policy.All(policy.Deny)
		default:
			t.Fatalf("no policy %q", s)
		}
	}
	o.Policy = &p
	rig := proxytest.New(t, o)
	s := &stage{rig: rig, neighbour: rig.Neighbour()}
	t.Cleanup(s.neighbour.Close)
	s.divert(t)
	return s
}

// divert listens for what a firewall would divert from where the case says.
func (s *stage) divert(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.diverted = l.Addr().String()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.rig.Server.ServeDiverted(l, func() netip.AddrPort { return *s.meant.Load() })
	}()
	t.Cleanup(func() { l.Close(); <-done })
}

func (s *stage) carryOut(t *testing.T, a *attack, r run, board *scorecard) {
	want, err := a.want(r)
	if err != nil {
		t.Fatal(err)
	}
	meant, err := netip.ParseAddrPort(a.keys["meant"])
	if err != nil {
		t.Fatal(err)
	}
	s.meant.Store(&meant)
	s.rig.Net.Script(names(t, a.keys["names"]))
	s.rig.Cloud.Reset()
	s.rig.Events.Reset()
	v := newValues(t, s.rig, a)
	beside := s.besides(a)
	meanwhile := make(chan error, 1)
	go func() { meanwhile <- s.neighbour.Ask(beside) }()
	got := a.send(s, v, r, len(want))
	if got.turnedAway && want[0].word == "BLOCK" {
		want[0].word = "CLOSE" // a SOCKS client is told a number
	}
	if err := <-meanwhile; err != nil {
		t.Errorf("meanwhile: %v", err)
	}
	if err := s.neighbour.Ask(beside); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	o := oracle{t: &counted{T: t}, board: board, rig: s.rig, attack: a, run: r, want: want, got: got, values: v}
	o.all()
	if t.Failed() {
		t.Log(o.story())
	}
}

// besides is the host that the other client uses: the case's own where it may,
// so that both share the connection to the origin.
func (s *stage) besides(a *attack) string {
	n, err := hosts.Parse(a.keys["sni"])
	scripted := strings.Contains(a.keys["names"], string(n))
	if err == nil && !scripted && s.rig.Restricted.Has(n) && !strings.HasPrefix(string(n), "fabrikam") {
		if _, err := s.rig.Cloud.Resolve(context.Background(), string(n)); err == nil {
			return string(n)
		}
	}
	return "graph.microsoft.com"
}

// names reads "evil.example=127.0.0.1 | 8.8.8.8,10.0.0.1; other.example=…".
func names(t *testing.T, script string) map[string][][]netip.Addr {
	t.Helper()
	all := map[string][][]netip.Addr{}
	for entry := range strings.SplitSeq(script, ";") {
		name, answers, ok := strings.Cut(strings.TrimSpace(entry), "=")
		if !ok {
			continue
		}
		for answer := range strings.SplitSeq(answers, "|") {
			var addrs []netip.Addr
			for one := range strings.SplitSeq(answer, ",") {
				addr, err := netip.ParseAddr(strings.TrimSpace(one))
				if err != nil {
					t.Fatal(err)
				}
				addrs = append(addrs, addr)
			}
			all[name] = append(all[name], addrs)
		}
	}
	return all
}
