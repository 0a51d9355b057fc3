package policy

import (
	"fmt"

	"github.com/tenantgate/tenantgate/links"
	"github.com/tenantgate/tenantgate/tokens"
)

// ruleset is what applies to one organization, its own settings and those it
// inherits: each with the place it stands at, so that a verdict can tell.
type ruleset struct {
	restrictions, outbound, inbound access
	anonymous, sessions, keys       rule
	links                           LinkSetting // empty if the kind's applies
	linksAt                         string
}

// rule is a setting without users and applications, and where it stands.
type rule struct {
	says Setting
	at   string
}

func (p *Policy) addDefaults(bad *[]error, d Defaults) {
	one := func(name string, s Setting) rule {
		checkSetting(bad, "default."+name, s)
		return rule{s, "policy.default." + name}
	}
	p.defaults = ruleset{
		restrictions: d.TenantRestrictions.compile(bad, "default.tenant_restrictions"),
		outbound:     d.Outbound.compile(bad, "default.outbound"),
		inbound:      d.Inbound.compile(bad, "default.inbound"),
		anonymous:    one("anonymous", d.Anonymous),
		sessions:     one("sessions", d.Sessions),
		keys:         one("keys", d.Keys),
	}
	p.unreadable = one("unreadable", d.Unreadable)
}

// settingsOf returns what partners[i] amounts to. A setting of its own
// replaces the default's as a whole, as in Entra; nothing is merged.
func (p *Policy) settingsOf(bad *[]error, i int, partner Partner) *ruleset {
	path := fmt.Sprintf("partners[%d]", i)
	own := p.defaults
	for _, s := range []struct {
		name string
		from Access
		to   *access
	}{
		{"tenant_restrictions", partner.TenantRestrictions, &own.restrictions},
		{"outbound", partner.Outbound, &own.outbound},
		{"inbound", partner.Inbound, &own.inbound},
	} {
		if s.from.Said() {
			*s.to = s.from.compile(bad, path+"."+s.name)
		}
	}
	for _, s := range []struct {
		name string
		from Setting
		to   *rule
	}{
		{"anonymous", partner.Anonymous, &own.anonymous}, {"sessions", partner.Sessions, &own.sessions}, {"keys", partner.Keys, &own.keys},
	} {
		if s.from != "" {
			checkSetting(bad, path+"."+s.name, s.from)
			*s.to = rule{s.from, "policy." + path + "." + s.name}
		}
	}
	if partner.Links != "" {
		checkLink(bad, path+".links", partner.Links)
		own.links, own.linksAt = partner.Links, "policy."+path+".links"
	}
	p.limit(bad, path, partner, &own)
	return &own
}

// settings returns what applies to tenant: its own entry, else the defaults.
func (p *Policy) settings(tenant tokens.Tenant) *ruleset {
	if o, ok := p.partners[tenant]; ok {
		return o
	}
	return &p.defaults
}

// linkRule is what is said of a kind of link, and where.
type linkRule struct {
	says LinkSetting
	at   string
}

func linkRules(l Links) map[links.Kind]linkRule {
	all := make(map[links.Kind]linkRule, len(l.Kinds)+len(builtinLinks))
	for _, from := range []map[links.Kind]LinkSetting{builtinLinks, l.Kinds} {
		for k, s := range from {
			all[k] = linkRule{s, "links.kinds." + string(k)}
		}
	}
	return all
}
