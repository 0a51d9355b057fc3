package resolver

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/tenantgate/tenantgate/hosts"
)

func sorted(texts []string) []string { slices.Sort(texts); return texts }

type row struct {
	name, rcode, answer string
	qtype               uint16
}

func table(t testing.TB) []row {
	t.Helper()
	src, err := os.ReadFile("testdata/questions.txt")
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	for line := range strings.Lines(string(src)) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] == "#" {
			continue
		}
		qtype, ok := dns.StringToType[f[1]]
		if !ok {
			if _, err := fmt.Sscanf(f[1], "TYPE%d", &qtype); err != nil {
				t.Fatalf("type in %q", line)
			}
		}
		answer := strings.Join(f[3:], " ")
		if answer == "-" {
			answer = ""
		}
		rows = append(rows, row{f[0], f[2], answer, qtype})
	}
	return rows
}

// odd spells every other letter in upper case.
func odd(name string) string {
	b := []byte(name)
	for i := range b {
		if i%2 == 0 && 'a' <= b[i] && b[i] <= 'z' {
			b[i] -= 'a' - 'A'
		}
	}
	return string(b)
}

func TestEveryQuestionGetsItsAnswerOverUDPAndTCP(t *testing.T) {
	up := newImitation(t, zone(t))
	_, addr := serve(t, rules(t, nil, up.addr), nil)
	for _, r := range table(t) {
		for _, network := range []string{"udp", "tcp"} {
			for _, name := range []string{r.name, odd(r.name), strings.ToUpper(r.name)} {
				for _, edns := range []bool{false, true} {
					in := ask(t, network, addr, name, r.qtype, func(m *dns.Msg) {
						if edns {
							m.SetEdns0(4096, true)
						}
					})
					where := fmt.Sprintf("%s %s over %s", name, dns.TypeToString[r.qtype], network)
					if got := dns.RcodeToString[in.Rcode]; got != r.rcode {
						t.Errorf("%s: %s, want %s", where, got, r.rcode)
					}
					if got := data(in.Answer); !strings.EqualFold(got, r.answer) {
						t.Errorf("%s: answer %q, want %q", where, got, r.answer)
					}
					wellFormed(t, where, in, dns.Fqdn(name), edns)
				}
			}
		}
	}
}

// wellFormed checks what holds for every answer.
func wellFormed(t *testing.T, where string, in *dns.Msg, name string, edns bool) {
	t.Helper()
	if !in.Response || !in.RecursionAvailable || !in.RecursionDesired || in.Authoritative || in.Truncated {
		t.Errorf("%s: flags of %v", where, in.MsgHdr)
	}
	if len(in.Question) != 1 || in.Question[0].Name != name {
		t.Errorf("%s: question %v", where, in.Question)
	}
	for _, rr := range in.Answer {
		if strings.EqualFold(rr.Header().Name, name) && rr.Header().Name != name {
			t.Errorf("%s: the answer spells %s", where, rr.Header().Name)
		}
	}
	opt := in.IsEdns0()
	if (opt != nil) != edns || opt != nil && (!opt.Do() || opt.UDPSize() != udpSize || opt.Version() != 0) {
		t.Errorf("%s: OPT %v, asked with one: %v", where, opt, edns)
	}
	empty := len(in.Answer) == 0 && (in.Rcode == dns.RcodeSuccess || in.Rcode == dns.RcodeNameError)
	if empty && (len(in.Ns) != 1 || in.Ns[0].Header().Rrtype != dns.TypeSOA) {
		t.Errorf("%s: nothing, without a SOA to say for how long: %v", where, in.Ns)
	}
	for _, rr := range in.Ns {
		if soa, ok := rr.(*dns.SOA); ok && !dns.IsSubDomain(soa.Hdr.Name, name) && soa.Hdr.Name != "example.com." {
			t.Errorf("%s: the SOA is that of %s", where, soa.Hdr.Name)
		}
	}
}

// 1,000 names, each in two cases, with and without its last dot: exactly the
// restricted ones are steered.
func TestResolverSteersExactlyWhatTheSetHas(t *testing.T) {
	s := NewServer(rules(t, nil, "192.0.2.53:53"), nil)
	r := s.rules.Load()
	steered := 0
	for i := range 1000 {
		base := []string{"login.microsoftonline.com", "sharepoint.com", "device.login.microsoftonline.com", "graph.microsoft.com", "example.com"}[i%5]
		prefix := []string{"", fmt.Sprintf("h%d.", i), fmt.Sprintf("a.b%d.", i), fmt.Sprintf("x%d", i), fmt.Sprintf("wpad.h%d.", i), "_dns."}[i/5%6]
		suffix := []string{"", ".evil.example", "x"}[i/30%3]
		name := prefix + base + suffix
		n, err := hosts.Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		want := restricted.Has(n)
		if want {
			steered++
		}
		for _, spelled := range []string{name, odd(name)} {
			m := new(dns.Msg).SetQuestion(dns.Fqdn(spelled), dns.TypeA)
			p, err := m.Pack()
			if err != nil {
				t.Fatal(err)
			}
			q, err := parse(p)
			if err != nil {
				t.Fatal(err)
			}
			a, _ := s.quick(r, &q, loopback, nil, s.clock())
			if got := a.result == resultSteered && a.answers == 1; got != want {
				t.Errorf("%s is steered: %v, the set has it: %v", spelled, got, want)
			}
			if dotted, err := hosts.Parse(spelled + "."); err != nil || restricted.Has(dotted) != want {
				t.Errorf("%s. is another name to the set", spelled)
			}
		}
	}
	if steered < 150 || steered > 800 {
		t.Errorf("%d of 1000 names are restricted: the table compares nothing", steered)
	}
}

func TestRestrictedNamesNeverReachAnUpstream(t *testing.T) {
	up := newImitation(t, zone(t))
	_, addr := serve(t, rules(t, nil, up.addr), nil)
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeHTTPS, dns.TypeTXT, dns.TypeANY, dns.TypeNS} {
		ask(t, "udp", addr, "contoso.sharepoint.com", qtype, nil)
		ask(t, "tcp", addr, "wpad", qtype, nil)
	}
	if n := up.udp.Load() + up.tcp.Load(); n != 0 {
		t.Errorf("the upstream was asked %d times", n)
	}
}

func TestAReloadSteersAtOnceAndKeepsWhatIsRemembered(t *testing.T) {
	up := newImitation(t, zone(t))
	before := rules(t, nil, up.addr)
	s, addr := serve(t, before, nil)
	if got := data(ask(t, "udp", addr, "www.example.com", dns.TypeA, nil).Answer); got != "192.0.2.5" {
		t.Fatalf("answer %s", got)
	}
	after := rules(t, nil, up.addr)
	after.restricted = hosts.MustParseSet("www.example.com")
	s.Use(after)
	if got := data(ask(t, "udp", addr, "alias.example.com", dns.TypeA, nil).Answer); got != "10.0.0.7" {
		t.Errorf("an alias of a name that is restricted now: %s", got)
	}
	if got := data(ask(t, "udp", addr, "www.example.com", dns.TypeA, nil).Answer); got != "10.0.0.7" {
		t.Errorf("a name that is restricted now: %s", got)
	}
	s.Use(before)
	asked := up.udp.Load()
	if got := data(ask(t, "udp", addr, "www.example.com", dns.TypeA, nil).Answer); got != "192.0.2.5" || up.udp.Load() != asked {
		t.Errorf("after the way back: %s, the upstream was asked %d times", got, up.udp.Load()-asked)
	}
}

func TestWPADIsForwardedWhenTold(t *testing.T) {
	up := newImitation(t, zone(t))
	_, addr := serve(t, rules(t, func(c *Config) { c.WPAD = true }, up.addr), nil)
	if got := data(ask(t, "udp", addr, "wpad.example.com", dns.TypeA, nil).Answer); got != "192.0.2.7" {
		t.Errorf("answer %q", got)
	}
}
