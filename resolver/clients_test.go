package resolver

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/tenantgate/tenantgate/setting"
)

func question(t testing.TB, name string, qtype uint16) query {
	t.Helper()
	return must(parse(must(new(dns.Msg).SetQuestion(name, qtype).Pack())(t)))(t)
}

// E18: nobody else's clients are served, whatever they ask.
func TestOnlyClientsAreAnswered(t *testing.T) {
	usual := rules(t, nil, "192.0.2.53")
	narrow := rules(t, func(c *Config) { c.Clients = []string{"198.51.100.0/24", "2001:db8::7"} }, "192.0.2.53")
	for _, row := range []struct {
		from          string
		usual, narrow bool
	}{
		{"127.0.0.1", true, false}, {"10.1.2.3", true, false}, {"172.31.0.1", true, false}, {"192.168.0.9", true, false},
		{"169.254.1.1", true, false}, {"::1", true, false}, {"fd00::9", true, false}, {"fe80::9", true, false},
		{"8.8.8.8", false, false}, {"172.32.0.1", false, false}, {"100.64.0.1", false, false}, {"2606:4700::1111", false, false},
		{"198.51.100.9", false, true}, {"198.51.101.9", false, false}, {"2001:db8::7", false, true}, {"2001:db8::8", false, false},
	} {
		for r, want := range map[*Rules]bool{usual: row.usual, narrow: row.narrow} {
			q := question(t, "login.microsoftonline.com.", dns.TypeA)
			s := NewServer(r, nil)
			a, ok := s.quick(r, &q, netip.MustParseAddr(row.from), nil, s.clock())
			if got := a.rcode == dns.RcodeSuccess; !ok || got != want || !want && (a.result != resultRefused || a.answers != 0) {
				t.Errorf("%s is answered: %v, want %v", row.from, got, want)
			}
		}
	}
}

func TestStrangersAreRefusedOverUDPAndNotHeardOverTCP(t *testing.T) {
	registry := prometheus.NewRegistry()
	_, addr := serve(t, rules(t, func(c *Config) { c.Clients = []string{"198.51.100.0/24"} }, "192.0.2.53"), func(s *Server) { s.metrics = NewMetrics(registry) })
	if in := ask(t, "udp", addr, "www.example.com", dns.TypeA, nil); in.Rcode != dns.RcodeRefused || len(in.Answer) != 0 {
		t.Errorf("over UDP: %v", in)
	}
	conn := must(net.Dial("tcp", addr))(t)
	defer conn.Close()
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) && err == nil {
		t.Errorf("over TCP: %v", err)
	}
	want := `# HELP tenantgate_dns_queries_total Questions to the steering resolver by what became of them.
# TYPE tenantgate_dns_queries_total counter
`
	for _, name := range sorted(append([]string(nil), resultNames[:]...)) {
		n := "0"
		if name == "refused" {
			n = "2"
		}
		want += `tenantgate_dns_queries_total{result="` + name + `"} ` + n + "\n"
	}
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

func TestOneClientCannotTakeTheOthersShare(t *testing.T) {
	l := newLimits(4)
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	allowed := func(a string, n int) (all int) {
		for range n {
			if l.allow(netip.MustParseAddr(a), 10, now) {
				all++
			}
		}
		return all
	}
	for _, step := range []struct {
		from string
		want int
	}{{"10.0.0.1", 20}, {"10.0.0.1", 0}, {"10.0.0.2", 20}, {"2001:db8:0:1::1", 20}, {"2001:db8:0:1::2", 0}, {"2001:db8:0:2::1", 20}} {
		if got := allowed(step.from, 100); got != step.want {
			t.Errorf("%s may ask %d times at once, want %d", step.from, got, step.want)
		}
	}
	now = now.Add(time.Second)
	if got := allowed("10.0.0.1", 100); got != 10 {
		t.Errorf("a second later: %d, want 10", got)
	}
	for i := range 100 {
		allowed(netip.AddrFrom4([4]byte{10, 1, 0, byte(i)}).String(), 1)
	}
	if n := l.clients.Len(); n != 4 {
		t.Errorf("%d clients are counted, want 4", n)
	}
	if !l.allow(loopback, 0, now) {
		t.Error("0 is a limit")
	}
}

func TestWhoAsksTooOftenIsRefused(t *testing.T) {
	_, addr := serve(t, rules(t, func(c *Config) { c.Rate = 1 }, "192.0.2.53"), func(s *Server) { s.clock = newHand().now })
	var got []int
	for range 4 {
		got = append(got, ask(t, "tcp", addr, "graph.microsoft.com", dns.TypeA, nil).Rcode)
	}
	if diff := cmp.Diff([]int{0, 0, dns.RcodeRefused, dns.RcodeRefused}, got); diff != "" {
		t.Errorf("rcodes (-want +got):\n%s", diff)
	}
}

// The answer must come from the address that was asked, or clients drop it.
func TestAnAnswerComesFromWhereItWasAsked(t *testing.T) {
	for network, listen := range map[string]string{"udp4": "0.0.0.0:0", "udp": "[::]:0"} {
		s := NewServer(rules(t, nil, "192.0.2.53"), nil)
		pc := must(net.ListenPacket(network, listen))(t).(*net.UDPConn)
		ended := make(chan error, 1)
		go func() { ended <- s.ServeUDP(pc) }()
		_, port, _ := net.SplitHostPort(pc.LocalAddr().String())
		for _, to := range []string{"127.0.0.1", "127.0.0.2", "127.9.8.7"} {
			if got := data(ask(t, "udp", net.JoinHostPort(to, port), "graph.microsoft.com", dns.TypeA, nil).Answer); got != "10.0.0.7" {
				t.Errorf("%s asked at %s: %q", listen, to, got)
			}
		}
		if err := errors.Join(s.Close(), <-ended); err != nil {
			t.Error(err)
		}
	}
}

func TestSeveralQuestionsOnOneConnection(t *testing.T) {
	up := newImitation(t, zone(t))
	_, addr := serve(t, rules(t, nil, up.addr), nil)
	conn := must(dns.Dial("tcp", addr))(t)
	defer conn.Close()
	names := []string{"www.example.com.", "contoso.sharepoint.com.", "none.example.com.", "alias.example.com."}
	for i, name := range names {
		m := new(dns.Msg).SetQuestion(name, dns.TypeA)
		m.Id = uint16(i)
		if err := conn.WriteMsg(m); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []string{"192.0.2.5", "10.0.0.7", "", "192.0.2.5,www.example.com."} {
		in, err := conn.ReadMsg()
		if err != nil || int(in.Id) != i || data(in.Answer) != want {
			t.Errorf("answer %d: %v, %v", i, in, err)
		}
	}
}

func TestSettingsThatCannotWorkAreToldAtOnce(t *testing.T) {
	cfg := Config{
		Answers: []string{"here", "0.0.0.0", "10.0.0.7:443", "ff02::1", "10.0.0.7"},
		Upstreams: []string{
			"tls://", "https://dns.example", "dns.example:53", "0.0.0.0:53", "10.0.0.7:53", "gopher://192.0.2.53", "192.0.2.53:0", "tcp://dns.example",
			"tls://dns.example/dns-query", "https://user@dns.example/dns-query", "https://dns.example/dns-query?dns=", "tls://dns..example", "tls://dns.example:70000",
			"quic://192.0.2.53", "tls://10.0.0.7:53", "https://dns.example/dns-query#x", "192.0.2.53/x", "",
			"[2001:db8::53]", "2001:db8::53", "tls://192.0.2.53", "tls://dns.example:853", "https://dns.example/dns-query", "https://[2001:db8::53]:8443/q", "udp://192.0.2.53", "tcp://[2001:db8::53]:5353",
		},
		Bootstrap: []string{"dns.example", "10.0.0.7:53", "tls://192.0.2.53", "192.0.2.53"},
		Clients:   []string{"10.0.0.0/33", "everybody", "10.0.0.1"}, Rate: -1, Events: "some",
	}
	_, err := NewRules(cfg, Names{Restricted: restricted}, Addresses{DNS: "10.0.0.7:53", Steered: ":443"}, nil)
	var paths []string
	for _, e := range setting.List(err) {
		found, ok := errors.AsType[*setting.Error](e)
		if !ok || found.Hint == "" {
			t.Errorf("%v is no setting.Error with a hint", e)
			continue
		}
		paths = append(paths, found.Path)
	}
	want := []string{"answers[0]", "answers[1]", "answers[2]", "answers[3]"}
	for i := range 18 {
		want = append(want, fmt.Sprintf("upstreams[%d]", i))
	}
	want = append(want, "clients[0]", "clients[1]", "bootstrap[0]", "bootstrap[1]", "bootstrap[2]", "rate", "events")
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestTheResolverNeverAsksItself(t *testing.T) {
	for _, row := range []struct {
		asked, listen string
		want          bool
	}{
		{"10.0.0.7:53", "10.0.0.7:53", true}, {"10.0.0.7:5353", "10.0.0.7:53", false}, {"10.0.0.8:53", "10.0.0.7:53", false},
		{"127.0.0.1:53", ":53", true}, {"127.0.0.53:53", "0.0.0.0:53", true}, {"[::1]:53", "[::]:53", true},
		{"192.0.2.53:53", ":53", false}, {"127.0.0.53:53", "127.0.0.1:53", false}, {"127.0.0.1:53", "", false},
	} {
		if got := Reaches(netip.MustParseAddrPort(row.asked), row.listen); got != row.want {
			t.Errorf("asking %s reaches who listens on %q: %v", row.asked, row.listen, got)
		}
	}
}

func TestTheSteeredListenersAddressIsTheAnswer(t *testing.T) {
	for listen, want := range map[string]string{"10.0.0.9:443": "10.0.0.9", "[fd00::9]:443": "fd00::9", "0.0.0.0:443": "", ":443": "", "": "", "proxy.example:443": ""} {
		r, err := NewRules(Config{Upstreams: []string{"192.0.2.53"}}, Names{Restricted: restricted}, Addresses{DNS: "10.0.0.7:53", Steered: listen}, nil)
		got := ""
		if err == nil {
			got = append(r.v4, r.v6...)[0].String()
		}
		if got != want {
			t.Errorf("listen.steered %q: %q, %v", listen, got, err)
		}
	}
}
