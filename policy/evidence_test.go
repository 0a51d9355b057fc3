package policy

import (
	"errors"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/links"
	"github.com/tenantgate/tenantgate/setting"
	"github.com/tenantgate/tenantgate/tokens"
)

func TestARefusalIsEvidenceWhateverItsReason(t *testing.T) {
	for _, reason := range []Reason{UnlistedBlocked, ExemptBlocked, NoCredential, HomeAccount, UnlistedHost} {
		for v, want := range map[Verdict]bool{
			{Action: Block, Reason: reason}:                   true,
			{Action: Forward, Reason: reason, Observed: true}: true,
			{Action: Tunnel, Reason: reason, Observed: true}:  true,
			{Action: Forward, Reason: reason, Relation: Home}: false,
		} {
			if v.Relevant() != want {
				t.Errorf("%+v: evidence is %v", v, !want)
			}
		}
	}
}

// What passes without being judged is what an administrator asks for later.
func TestWhatPassesUnjudgedIsEvidence(t *testing.T) {
	for reason, want := range map[Reason]bool{
		ExemptHost: true, UntaggedSignIn: true, RestrictedAddress: true, AnonymousLink: true, ExternalSession: true, ExternalKey: true,
		UninspectableBody: true, LinkExternal: true, LinkUnknown: true, LinkUnreadable: true, DNSElsewhere: true,
		NoCredential: false, SignIn: false, OtherProvider: false, UnlistedHost: false, RestrictedHost: false,
	} {
		if v := (Verdict{Action: Forward, Reason: reason, Relation: None}); v.Relevant() != want {
			t.Errorf("%s: evidence is %v", reason, !want)
		}
	}
}

func TestEachHostIsOnItsPlane(t *testing.T) {
	h := testHosts
	h.Tagged = hosts.MustParseSet("accounts.google.com")
	h.Restricted = h.Restricted.Union(h.Tagged)
	p, err := New(Default(), home, true, h, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[hosts.Name]Plane{
		"login.microsoftonline.com": Auth, "management.azure.com": ARM, "graph.microsoft.com": Data, "accounts.google.com": Other, "www.example.com": Other,
	} {
		if got := p.Plane(name); got != want || p.TaggedOnly(name) != (name == "accounts.google.com") {
			t.Errorf("%s: %s, for its tag alone: %v", name, got, p.TaggedOnly(name))
		}
	}
	if !p.Observe() || build(t, "-").Observe() {
		t.Error("a policy does not know its mode")
	}
}

// Of two that weigh the same the first is named.
func TestAnEventNamesTheFirstOfTwoAlike(t *testing.T) {
	p := build(t, "-")
	first := p.DecideRequest(Request{Plane: Data, Tokens: []*tokens.Token{credentials["external"], credentials["partner"]}})
	second := p.DecideRequest(Request{Plane: Data, Tokens: []*tokens.Token{credentials["partner"], credentials["external"]}})
	if first.Resource != external || second.Resource != partner {
		t.Errorf("%+v, then %+v", first, second)
	}
	l := linkPolicy(t, "p.links=block,e.links=block")
	for own, rule := range map[string]string{"partner": "policy.partners[0].links", "external": "policy.partners[1].links"} {
		far := map[string]string{"partner": "external", "external": "partner"}[own]
		if v := l.DecideRequest(Request{Plane: ARM, Links: []Link{linkOf("dns-link", own, far)}}); v.Rule != rule {
			t.Errorf("from %s: by %s", own, v.Rule)
		}
	}
}

// A link that is recorded weighs more the more is known of its far end, and
// more than a key or an account of ours.
func TestAnEventNamesTheWorstOfWhatIsRecorded(t *testing.T) {
	p := linkPolicy(t, "-")
	unknown, abroad := linkOf("dns-link", "home", "?"), linkOf("dns-link", "home", "external")
	key := []*tokens.Token{credentials["home"], credentials["key"]}
	for _, r := range []Request{
		{Links: []Link{unknown, abroad}, Tokens: key}, {Links: []Link{abroad, unknown}, Tokens: key}, {Links: []Link{abroad, unknown}, Tokens: key, DNS: true},
	} {
		if v := p.DecideRequest(r); v.Reason != LinkExternal || v.Blocked() {
			t.Errorf("%+v", v)
		}
	}
	if v := p.DecideRequest(Request{Owner: external, Links: []Link{unknown}, Tokens: key}); v.Reason != LinkUnknown {
		t.Errorf("beside a key: %+v", v)
	}
	if v := p.DecideRequest(Request{Links: []Link{abroad}, Tokens: []*tokens.Token{credentials["inbound"]}}); v.Reason != InboundAccount {
		t.Errorf("beside a guest: %+v", v)
	}
}

func TestAnEventNamesTheForeignEndOfALink(t *testing.T) {
	p := linkPolicy(t, "default=block")
	for _, tt := range []struct {
		own, far string
		want     tokens.Tenant
	}{
		{"home", "external", external}, {"external", "home", external}, {"external", "?", external}, {"home", "?", ""},
		{"external", "partner", partner}, {"?", "external", external}, {"?", "home", ""}, {"home", "everybody", ""}, {"external", "everybody", external},
	} {
		if v := p.DecideRequest(Request{Plane: ARM, Links: []Link{linkOf("dns-link", tt.own, tt.far)}}); v.Resource != tt.want || !v.Blocked() {
			t.Errorf("%s to %s: %+v", tt.own, tt.far, v)
		}
	}
}

// The near end is what the request says; where it says nothing, it is the
// tenant of the access token and of nothing else that it carries.
func TestTheNearEndOfALinkIsNoGuess(t *testing.T) {
	p := linkPolicy(t, "default=block")
	bearer := func(tenant tokens.Tenant) *tokens.Token {
		return &tokens.Token{Place: tokens.InAuthorization, Tenant: tenant, Account: home}
	}
	cookie := &tokens.Token{Place: tokens.InCookie, Tenant: external, Account: home}
	said := linkOf("dns-link", "external", "home")
	said.Subscription = ""
	for name, tt := range map[string]struct {
		link   Link
		tokens []*tokens.Token
		want   Reason
	}{
		"said by the request":         {said, []*tokens.Token{bearer(home)}, LinkExternal},
		"said by the token":           {linkOf("dns-link", "-", "home"), []*tokens.Token{bearer(external)}, LinkExternal},
		"not said by a cookie":        {linkOf("dns-link", "-", "home"), []*tokens.Token{cookie, bearer(home)}, NoCredential},
		"not said by an opaque one":   {linkOf("dns-link", "-", "home"), []*tokens.Token{{Place: tokens.InAuthorization}, bearer(external)}, LinkExternal},
		"ours, where nothing says it": {linkOf("dns-link", "-", "home"), nil, NoCredential},
	} {
		v := p.DecideLink(Request{Plane: ARM, Tokens: tt.tokens}, tt.link)
		if v.Reason != tt.want {
			t.Errorf("%s: %+v", name, v)
		}
	}
}

// TestAProblemSaysWhatIsWrong: by its path, and in words that tell one mistake
// from another.
func TestAProblemSaysWhatIsWrong(t *testing.T) {
	for _, tt := range []struct {
		name, path, what string
		change           func(*Config)
	}{
		{"no list of all of Microsoft's", "default.outbound.applications.block[0]", "all of Microsoft's", func(c *Config) {
			c.Default.Outbound = Access{Applications: Targets{Block: []string{AllMicrosoftApps}}}
		}},
		{"no ID", "default.outbound.applications.block[0]", "not an application ID", func(c *Config) {
			c.Default.Outbound = Access{Applications: Targets{Block: []string{"Teams"}}}
		}},
		{"both forms", "partners[0].applications", "beside the long form", func(c *Config) {
			c.Partners = []Partner{{Tenant: string(partner), Applications: []string{app}, TenantRestrictions: Access{Users: Targets{Allow: []string{ann}}}}}
		}},
		{"beside a list of applications", "partners[0].applications", "the default has a list", func(c *Config) {
			c.Default.TenantRestrictions = Access{Applications: Targets{Allow: []string{app}}}
			c.Partners = []Partner{{Tenant: string(partner), Applications: []string{app}}}
		}},
		{"beside a list of users", "partners[0].applications", "the default has a list", func(c *Config) {
			c.Default.TenantRestrictions = Access{Users: Targets{Allow: []string{ann}}}
			c.Partners = []Partner{{Tenant: string(partner), Applications: []string{app}}}
		}},
		{"the home tenant by a domain", "partners[0].tenant", "belongs to the home tenant", func(c *Config) {
			c.Partners = []Partner{{Tenant: "contoso.com", TenantRestrictions: All(Allow)}}
		}},
	} {
		cfg := Default()
		tt.change(&cfg)
		_, err := New(cfg, home, false, testHosts, func(string) (tokens.Tenant, bool) { return home, true })
		var e *setting.Error
		if len(setting.List(err)) != 1 || !errors.As(err, &e) || e.Path != tt.path || !strings.Contains(e.What, tt.what) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	_, err := New(Default(), home, false, testHosts, nil)
	if err != nil {
		t.Error(err)
	}
	err = Links{Default: LinkAllow, Kinds: map[links.Kind]LinkSetting{"peering": LinkBlock}}.Check()
	for _, k := range links.Kinds() {
		var e *setting.Error
		if !errors.As(err, &e) || !strings.Contains(e.Hint, string(k)) {
			t.Errorf("the hint does not name %s: %v", k, err)
		}
	}
}

// Without a way to ask, and where the answer is not known, a domain permits
// nobody.
func TestADomainThatNobodyCanResolvePermitsNobody(t *testing.T) {
	cfg := Default()
	cfg.Partners = []Partner{{Tenant: "fabrikam.com", TenantRestrictions: All(Allow)}}
	for name, resolve := range map[string]Resolve{
		"nobody to ask": nil,
		"no answer":     func(string) (tokens.Tenant, bool) { return external, false },
		"half of one":   func(string) (tokens.Tenant, bool) { return home, false },
	} {
		p, err := New(cfg, home, false, testHosts, resolve)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if v := p.DecideRequest(Request{Plane: Data, Tokens: []*tokens.Token{credentials["external"]}}); !v.Blocked() || p.Partner(external) {
			t.Errorf("%s: %+v", name, v)
		}
		if out := p.LeftOut(); len(out) != 1 || out[0].Domain != "fabrikam.com" {
			t.Errorf("%s: left out %+v", name, out)
		}
	}
}
