package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/pac/judge"
)

// TestEveryWayInAgreesOnEveryHost asks a running proxy about 1,000 hosts, each
// in every spelling: the PAC file it serves, its resolver, its SNI router and
// its explicit proxy say of every one alike whether it is restricted.
func TestEveryWayInAgreesOnEveryHost(t *testing.T) {
	b := newBorder(t)
	rng := rand.New(rand.NewPCG(5, 6))
	var rows []spelling
	for _, n := range borderHosts(rng, b.built().brought, 1000) {
		rows = append(rows, spellings(rng, n)...)
	}
	script, err := judge.Load(b.fetch("http://"+b.addr("admin")+"/proxy.pac"), judge.Facts{})
	if err != nil {
		t.Fatal(err)
	}
	got := make([]answers, len(rows))
	for i, r := range rows { // one engine runs one script at a time
		a, err := script.Find(fmt.Sprintf("https://%s:%d/", r.host, r.port))
		if err != nil {
			t.Fatalf("%s: %v", r.host, err)
		}
		got[i].pac = map[bool]string{true: "direct", false: "proxy"}[a.Direct()]
	}
	var all errgroup.Group
	all.SetLimit(16)
	for i, r := range rows {
		all.Go(func() error {
			got[i].dns, got[i].sni, got[i].connect = b.resolve(r.host), b.steer(r.host), b.connect(r)
			return nil
		})
	}
	_ = all.Wait()
	compare(t, b.built(), rows, got)
}

// answers are what the four say of one spelling.
type answers struct {
	pac     string // proxy, direct
	dns     string // steered, forwarded
	sni     string // intercepted, tunnelled, closed
	connect string // the same, or refused
}

// compare judges the answers by the set that all four are made of.
func compare(t *testing.T, b *built, rows []spelling, got []answers) {
	t.Helper()
	count := map[string]int{}
	wrong := 0
	for i, r := range rows {
		class, want := expected(b, r)
		count[class]++
		if got[i] != want {
			if wrong++; wrong <= 20 {
				t.Errorf("%s, %s:%d (%s):\n got %+v\nwant %+v", r.kind, r.host, r.port, class, got[i], want)
			}
		}
	}
	t.Logf("%d spellings, %d wrong: %v", len(rows), wrong, count)
	if count["restricted"] < 1500 || count["not restricted"] < 1500 || count["refused"] < 10 || count["exempt"] < 10 || count["address"] != 1000 {
		t.Errorf("the table compares too little: %v", count)
	}
}

// expected are the answers that r must get, and the class of host that says so.
func expected(b *built, r spelling) (class string, a answers) {
	router := answers{"direct", "forwarded", "tunnelled", "tunnelled"}
	switch {
	case b.restricted.Has(r.name) && beneath(r.name, b.restricted.Exceptions()):
		// The CA's name constraints exclude the exception with all beneath it (RFC
		// 5280 section 4.2.1.10): nobody can sign for it, so it is refused.
		class, router = "refused", answers{"proxy", "steered", "closed", "refused"}
	case b.restricted.Has(r.name):
		class, router = "restricted", answers{"proxy", "steered", "intercepted", "intercepted"}
	case b.brought.Has(r.name):
		class, router = "refused", answers{"proxy", "steered", "closed", "refused"}
	case slices.Contains(b.brought.Exceptions(), string(r.name)):
		class = "exempt"
	default:
		class = "not restricted"
	}
	if r.kind == dotted {
		router.sni = "closed" // a hello has no such dot (RFC 6066 section 3), and clients write none
	}
	if !r.addressed {
		return class, router
	}
	// An address is nobody's name: it is DIRECT, no question for the resolver to
	// steer, and nothing a hello may name (RFC 6066 section 3). At the explicit
	// proxy the hello inside decides.
	if router.connect == "refused" {
		router.connect = "closed" // after the tunnel was promised
	}
	return "address", answers{"direct", "forwarded", "closed", router.connect}
}

// beneath tells whether n is below one of the names.
func beneath(n hosts.Name, names []string) bool {
	return slices.ContainsFunc(names, func(p string) bool { return strings.HasSuffix(string(n), "."+strings.TrimPrefix(p, "*.")) })
}

const dotted = "trailing dot"

// spelling is one way in which a host is asked for.
type spelling struct {
	kind      string
	host      string
	port      int
	name      hosts.Name // what it is in canonical form
	addressed bool       // host is an address; name is what the hello says
}

func spellings(rng *rand.Rand, n hosts.Name) []spelling {
	like := lookalike(rng, n)
	name := string(n)
	mixed := []byte(name)
	for i, c := range mixed {
		if 'a' <= c && c <= 'z' && rng.IntN(2) == 0 {
			mixed[i] -= 'a' - 'A'
		}
	}
	literal := netip.AddrFrom4([4]byte{93, 184, byte(rng.IntN(256)), byte(rng.IntN(256))}).String()
	return []spelling{
		{"plain", name, 443, n, false},
		{"case", string(mixed), 443, n, false},
		{dotted, string(mixed) + ".", 443, n, false},
		{"port", name, 8443, n, false},
		{"IP literal", literal, 443, n, true},
		{"look-alike", string(like), 443, like, false},
	}
}

// lookalike is a name that a person, or a careless comparison, takes for n.
func lookalike(rng *rand.Rand, n hosts.Name) hosts.Name {
	for {
		name := string(n)
		cut := 1 + rng.IntN(len(name)-1)
		label := fmt.Sprintf("t%d", rng.IntN(1000))
		made := []string{
			"evil" + name, "evil-" + name, // evillogin.microsoftonline.com
			name + "." + label + ".test", name + ".com", // login.microsoftonline.com.evil.test
			name + label, label + "." + name,
			strings.Replace(name, ".", "-", 1), strings.Replace(name, "o", "0", 1), strings.Replace(name, "m", "rn", 1), strings.Replace(name, "i", "1", 1),
			"xn--" + label + "." + name, name[:cut] + label + name[cut:], name[cut:],
			strings.TrimSuffix(name, ".com") + ".co", strings.Replace(name, ".", ".."+label, 1),
		}[rng.IntN(15)]
		if like, err := hosts.Parse(made); err == nil && like != n && strings.Contains(made, ".") {
			return like
		}
	}
}

// borderHosts returns hosts in, beneath, above and beside the set, the same
// each time: all that it names, then as many others as it takes.
func borderHosts(rng *rand.Rand, set hosts.Set, count int) []hosts.Name {
	var list []hosts.Name
	seen := map[hosts.Name]bool{}
	add := func(s string) {
		if n, err := hosts.Parse(s); err == nil && !seen[n] && len(list) < count {
			seen[n] = true
			list = append(list, n)
		}
	}
	var named []string
	for _, p := range slices.Concat(set.Patterns(), set.Exceptions()) {
		name, beneath := strings.CutPrefix(p, "*.")
		named = append(named, name)
		add(name)
		if beneath {
			add("contoso." + name)
			add("a.b-c." + name)
		}
	}
	for _, other := range []string{"www.example.com", "tostring.example", "constructor.test", "wpads.example.com", "microsoft.com", "com.test"} {
		add(other)
	}
	for len(list) < count {
		name := named[rng.IntN(len(named))]
		add(fmt.Sprintf("h%d.%s", rng.IntN(10000), name))
		add(string(lookalike(rng, hosts.Name(name))))
	}
	return list
}

// origins resolves every name.
type origins struct{}

// everywhere is the address that every name has, but those that are steered.
const everywhere = "93.184.215.14"

// LookupNetIP implements proxy.Resolver.
func (origins) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr(everywhere)}, nil
}
