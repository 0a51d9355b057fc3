package deploy_test

import (
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/needs"
)

const gateway = "nftables/gateway.nft"

func TestNftablesLoadsTheGatewaysRulesTwice(t *testing.T) {
	needs.Root(t)
	needs.Tool(t, "nft")
	file, err := filepath.Abs(gateway)
	if err != nil {
		t.Fatal(err)
	}
	out := run(t, ".", needs.Tool(t, "unshare"), "--net", "sh", "-euc", `nft -c -f "$0"; nft -f "$0"; nft -f "$0"; nft list ruleset`, file)
	for _, want := range []string{"redirect to :8443", "udp dport 443 counter", "ip daddr @signin4 tcp dport 443", "reject with tcp reset"} {
		if !strings.Contains(out, want) {
			t.Errorf("%s is not in what was loaded: %s", want, out)
		}
	}
	if strings.Count(out, "redirect to") != 2 {
		t.Errorf("loaded twice, the rules are there twice: %s", out)
	}
}

func TestNftablesLoadsTheRulesOfTproxy(t *testing.T) {
	needs.Root(t)
	needs.Tool(t, "nft")
	file, err := filepath.Abs("nftables/tproxy.nft")
	if err != nil {
		t.Fatal(err)
	}
	out := run(t, ".", needs.Tool(t, "unshare"), "--net", "sh", "-euc", `nft -c -f "$0"; nft -f "$0"; nft -f "$0"; nft list ruleset`, file)
	if strings.Count(out, "tproxy to :8443") != 1 {
		t.Error(out)
	}
}

// resolvers is what a file says of the addresses of well-known resolvers.
var resolvers = regexp.MustCompile(`(?s)set resolvers[46] \{.*?elements = \{([^}]*)\}`)

// Whoever the firewall snippet of onboard keeps a device from, the gateway does too.
func TestTheGatewayClosesTheResolversThatOnboardCloses(t *testing.T) {
	closed := func(file string) (all []string) {
		for _, m := range resolvers.FindAllStringSubmatch(read(t, file), -1) {
			all = append(all, regexp.MustCompile(`[0-9a-f.:]+`).FindAllString(m[1], -1)...)
		}
		return all
	}
	rules := closed(gateway)
	for _, addr := range closed("../onboard/templates/firewall/tenantgate.nft") {
		if !slices.Contains(rules, addr) {
			t.Errorf("%s is open", addr)
		}
	}
	if len(rules) != 32 {
		t.Errorf("%d addresses: %v", len(rules), rules)
	}
	for _, addr := range rules {
		if _, err := netip.ParseAddr(addr); err != nil {
			t.Error(err)
		}
	}
}

// The proxy's dial guard knows the same ranges.
func TestTheGatewaysRangesAreThoseOfTheProxy(t *testing.T) {
	_, guard, _ := strings.Cut(read(t, "../proxy/guard.go"), "var entraRanges = prefixes(")
	guard, _, _ = strings.Cut(guard, "\n)")
	ranges := regexp.MustCompile(`[0-9a-f.:]+/\d+`)
	var rules []string
	for _, m := range regexp.MustCompile(`(?s)set signin[46] \{.*?elements = \{([^}]*)\}`).FindAllStringSubmatch(read(t, gateway), -1) {
		rules = append(rules, ranges.FindAllString(m[1], -1)...)
	}
	known := ranges.FindAllString(guard, -1)
	slices.Sort(rules)
	slices.Sort(known)
	if !slices.Equal(rules, known) || len(rules) < 10 {
		t.Errorf("rules %v, proxy %v", rules, known)
	}
}

// A device behind the gateway: its sign-in, sent past every proxy, arrives at the
// steered port; UDP 443 and resolvers of others are refused.
func TestTheGatewayTakesWhatGoesPastIt(t *testing.T) {
	needs.Root(t)
	for _, name := range []string{"nft", "ip", "python3"} {
		needs.Tool(t, name)
	}
	file, err := filepath.Abs(gateway)
	if err != nil {
		t.Fatal(err)
	}
	script, err := filepath.Abs("testdata/gateway.sh")
	if err != nil {
		t.Fatal(err)
	}
	out := run(t, ".", needs.Tool(t, "unshare"), "--net", "--mount", "--pid", "--fork", "--kill-child", "bash", script, file)
	if want := "tcp 443 to the sign-in service: steered\ntcp 443 to elsewhere: elsewhere\n" +
		"tcp 443 to elsewhere by IPv6: elsewhere\nDNS over HTTPS: refused\nDNS over HTTPS by IPv6: refused\nudp 443: refused\ntcp 853: refused\n"; out != want {
		t.Errorf("%s, want %s", out, want)
	}
}
