package policy

import (
	"fmt"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/setting"
	"github.com/tenantgate/tenantgate/tokens"
)

// addPartner checks and adds partners[i]. A domain that nobody can resolve is
// left out, see LeftOut.
func (p *Policy) addPartner(bad *[]error, i int, partner Partner, resolve Resolve) {
	path := fmt.Sprintf("partners[%d]", i)
	own := p.settingsOf(bad, i, partner)
	tenant, ok := p.partnerTenant(bad, path+".tenant", partner.Tenant, resolve)
	if !ok {
		return
	}
	if tenant == "" {
		p.leftOut = append(p.leftOut, LeftOut{Path: path + ".tenant", Domain: partner.Tenant, Loose: p.loose(own)})
		return
	}
	if _, twice := p.partners[tenant]; twice {
		*bad = append(*bad, setting.Errorf(path+".tenant", "put its settings in one entry", "%q has an entry already", partner.Tenant))
		return
	}
	p.partners[tenant] = own
}

// limit applies a partner's own list of applications, the short form of
// tenant_restrictions.applications.allow: what tenant_restrictions allows is
// limited to it.
func (p *Policy) limit(bad *[]error, path string, partner Partner, own *ruleset) {
	if len(partner.Applications) == 0 {
		return
	}
	at := path + ".applications"
	if partner.TenantRestrictions.long() {
		*bad = append(*bad, setting.Errorf(at, "write tenant_restrictions.applications alone", "stands beside the long form of tenant_restrictions"))
		return
	}
	l := newList(Allow, partner.Applications)
	for j, id := range partner.Applications {
		if _, ok := tokens.ParseTenant(id); !ok && id != Office365 && id != AllMicrosoftApps {
			*bad = append(*bad, setting.Errorf(fmt.Sprintf("%s[%d]", at, j),
				"find it in Entra > App registrations > Application (client) ID", "%q is not an application ID", id))
		}
	}
	if own.restrictions.apps.named || own.restrictions.users.named {
		*bad = append(*bad, setting.Errorf(at, "write tenant_restrictions: {applications: {allow: […]}}", "stands where the default has a list of its own"))
		return
	}
	if own.restrictions.apps.says == Allow {
		own.restrictions.apps, own.restrictions.appsAt = l, "policy."+at
	}
}

// partnerTenant returns the tenant that a partner is written as: an empty one
// if it is a domain that nobody can resolve, false if it is neither.
func (p *Policy) partnerTenant(bad *[]error, path, value string, resolve Resolve) (tokens.Tenant, bool) {
	if tenant, ok := tokens.ParseTenant(value); ok {
		if tenant == p.home {
			*bad = append(*bad, setting.Errorf(path, "leave it out", "%q is the home tenant", value))
			return "", false
		}
		return tenant, true
	}
	if _, err := hosts.Parse(value); err != nil || !strings.Contains(value, ".") {
		*bad = append(*bad, setting.Errorf(path, "write a directory ID or a verified domain such as fabrikam.com",
			"%q is neither a directory ID nor a domain", value))
		return "", false
	}
	if resolve == nil {
		return "", true
	}
	tenant, ok := resolve(value)
	if !ok {
		return "", true
	}
	if tenant == p.home {
		*bad = append(*bad, setting.Errorf(path, "leave it out", "%q belongs to the home tenant", value))
		return "", false
	}
	return tenant, true
}
