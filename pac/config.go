package pac

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/setting"
)

// Config is the pac section of the configuration.
type Config struct {
	Proxies  []string `yaml:"proxies"`   // host:port as clients reach them; none: listen.proxy
	Spread   string   `yaml:"spread"`    // what picks the first proxy: ByHost or ByClient
	Bypass   []string `yaml:"bypass"`    // restricted hosts that go DIRECT all the same (patterns); never a sign-in host
	Exempt   string   `yaml:"exempt"`    // hosts that are never decrypted: Direct or ToProxy
	FailOpen bool     `yaml:"fail_open"` // restricted hosts go DIRECT when no proxy answers
	WPAD     bool     `yaml:"wpad"`      // serve /wpad.dat too
	Groups   []Group  `yaml:"groups"`    // files that differ from everybody's
}

// Group is who gets a file of their own: whoever asks for ?group=NAME, and
// clients by address. The first group that fits counts.
type Group struct {
	Name    string   `yaml:"name"`
	Clients []string `yaml:"clients"` // CIDRs
	Proxies []string `yaml:"proxies"` // instead of everybody's
	Bypass  []string `yaml:"bypass"`  // beside everybody's
}

// The words of Config.Spread and Config.Exempt.
const (
	ByHost   = "host"   // each client uses every proxy, a host always the same one
	ByClient = "client" // each client uses one proxy for every host
	Direct   = "direct"
	ToProxy  = "proxy"
)

// Default returns what a configuration without a pac section means.
func Default() Config { return Config{Spread: ByHost, Exempt: Direct} }

// groupName is what a query can carry without escapes.
var groupName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// check reports everything that is wrong with c.
func (c Config) check(signIn hosts.Set) error {
	bad := []error{
		checkProxies("proxies", c.Proxies),
		checkBypass("bypass", c.Bypass, signIn),
		checkWord("spread", c.Spread, ByHost, ByClient),
		checkWord("exempt", c.Exempt, Direct, ToProxy),
	}
	seen := map[string]bool{}
	for i, g := range c.Groups {
		at := fmt.Sprintf("groups[%d]", i)
		switch {
		case !groupName.MatchString(g.Name):
			bad = append(bad, setting.Errorf(at+".name", "write letters, digits, dots, hyphens: clients ask for /proxy.pac?group=NAME", "%q is not a name for a group", g.Name))
		case seen[g.Name]:
			bad = append(bad, setting.Errorf(at+".name", "give each group a name of its own", "%q is there twice", g.Name))
		}
		seen[g.Name] = true
		_, err := prefixes(at+".clients", g.Clients)
		bad = append(bad, err, checkProxies(at+".proxies", g.Proxies), checkBypass(at+".bypass", g.Bypass, signIn))
	}
	return errors.Join(bad...)
}

func checkWord(path, got string, words ...string) error {
	if slices.Contains(words, got) {
		return nil
	}
	return setting.Errorf(path, "write "+strings.Join(words, " or "), "%q is neither", got)
}

func checkProxies(path string, list []string) error {
	var bad []error
	for i, p := range list {
		if _, err := proxyAt(p); err != nil {
			bad = append(bad, setting.Errorf(fmt.Sprintf("%s[%d]", path, i), "write host:port as clients reach the proxy: proxy.contoso.com:8080", "%v", err))
		}
	}
	return errors.Join(bad...)
}

// checkBypass refuses a pattern that any sign-in host could match: whoever
// signs in past the proxy signs in to any tenant.
func checkBypass(path string, list []string, signIn hosts.Set) error {
	var bad []error
	for i, p := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		set, err := hosts.ParseSet(p)
		if err != nil {
			bad = append(bad, setting.Errorf(at, "write a host name, or *.suffix", "%v", err))
			continue
		}
		if met := meets(set, signIn); met != "" {
			bad = append(bad, setting.Errorf(at, "sign-in hosts always go to the proxy: name the data hosts themselves", "%q lets the sign-in host %s past the proxy", p, met))
		}
	}
	return errors.Join(bad...)
}

// meets returns a pattern of b that has a name in common with a, exceptions of
// b aside; empty if there is none.
func meets(a, b hosts.Set) string {
	for _, p := range a.Patterns() {
		for _, q := range b.Patterns() {
			if common(p, q) && !within(p, b.Exceptions()) && !within(q, b.Exceptions()) {
				return q
			}
		}
	}
	return ""
}

// common tells whether some name fits both patterns.
func common(p, q string) bool { return contains(p, q) || contains(q, p) }

// contains tells whether every name of q fits p.
func contains(p, q string) bool {
	suffix, wild := strings.CutPrefix(p, "*")
	return p == q || wild && strings.HasSuffix(q, suffix)
}

func within(p string, list []string) bool {
	return slices.ContainsFunc(list, func(q string) bool { return contains(q, p) })
}

func prefixes(path string, list []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	var bad []error
	for i, s := range list {
		p, err := netip.ParsePrefix(s)
		if a, e := netip.ParseAddr(s); e == nil && a.Zone() == "" {
			p, err = netip.PrefixFrom(a, a.BitLen()), nil
		}
		if err != nil || p.Addr().Is4In6() {
			bad = append(bad, setting.Errorf(fmt.Sprintf("%s[%d]", path, i), "write CIDRs such as 10.1.0.0/16", "%q is not a CIDR", s))
			continue
		}
		all = append(all, p.Masked())
	}
	return all, errors.Join(bad...)
}
