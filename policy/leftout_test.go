package policy

import (
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/links"
	"github.com/tenantgate/tenantgate/tokens"
)

func TestAPartnerNobodyCanResolveSaysWhatItWouldHaveRefused(t *testing.T) {
	list := Access{Applications: Targets{Allow: []string{app}}}
	for _, c := range []struct {
		name    string
		change  func(*Config)
		partner Partner
		want    string
	}{
		{"what only permits", nil, Partner{TenantRestrictions: All(Allow), Anonymous: Allow, Links: LinkAllow}, ""},
		{"what is refused to all", nil, Partner{TenantRestrictions: All(Deny), Anonymous: Deny}, ""},
		{"a list under a refusal", nil, Partner{TenantRestrictions: list}, ""},
		{"an entry that says nothing", nil, Partner{}, ""},
		{"outbound", nil, Partner{Outbound: All(Deny)}, "outbound"},
		{"a list of outbound", nil, Partner{Outbound: list}, "outbound"},
		{"inbound of some users", nil, Partner{Inbound: Access{Users: Targets{Block: []string{ann}}}}, "inbound"},
		{"a list beside a list", func(c *Config) { c.Default.Outbound = list }, Partner{Outbound: Access{Applications: Targets{Allow: []string{other}}}}, "outbound"},
		{"a list that is everybody's", func(c *Config) { c.Default.Outbound = list }, Partner{}, ""},
		{"a list where no user is allowed", func(c *Config) { c.Default.Outbound = Access{Users: Targets{Setting: Deny}} }, Partner{Outbound: list}, ""},
		{"a list where no application is allowed", func(c *Config) { c.Default.Outbound = Access{Applications: Targets{Setting: Deny}} }, Partner{Outbound: list}, ""},
		{"a list opened", func(c *Config) { c.Default.Outbound = list }, Partner{Outbound: All(Allow)}, ""},
		{"sessions and keys", nil, Partner{Sessions: Deny, Keys: Deny}, "sessions keys"},
		{"anonymous", func(c *Config) { c.Default.Anonymous = Allow }, Partner{Anonymous: Deny}, "anonymous"},
		{"a list of applications", func(c *Config) { c.Default.TenantRestrictions = All(Allow) }, Partner{Applications: []string{app}}, "tenant_restrictions"},
		{"a list of applications under a refusal", nil, Partner{TenantRestrictions: All(Allow), Applications: []string{app}}, ""},
		{"links", nil, Partner{Links: LinkBlock}, "links"},
		{"links recorded", nil, Partner{Links: LinkObserve}, ""},
		{"links refused to all", func(c *Config) { c.Links.Default = LinkBlock }, Partner{Links: LinkBlock}, ""},
		{"a kind of links permitted", func(c *Config) {
			c.Links.Default, c.Links.Kinds = LinkBlock, map[links.Kind]LinkSetting{links.Peering: LinkObserve}
		}, Partner{Links: LinkBlock}, "links"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := Default()
			if c.change != nil {
				c.change(&cfg)
			}
			c.partner.Tenant = "nowhere.example"
			cfg.Partners = []Partner{{Tenant: "known.example", Outbound: All(Deny)}, c.partner}
			p, err := New(cfg, home, false, testHosts, func(domain string) (tokens.Tenant, bool) { return partner, domain == "known.example" })
			if err != nil {
				t.Fatal(err)
			}
			out := p.LeftOut()
			if len(out) != 1 || out[0].Path != "partners[1].tenant" || out[0].Domain != "nowhere.example" || strings.Join(out[0].Loose, " ") != c.want {
				t.Errorf("left out: %+v, want %q", out, c.want)
			}
			if !p.Partner(partner) {
				t.Error("the other partner is left out too")
			}
		})
	}
}
