package policy

import (
	"fmt"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/setting"
	"github.com/tenantgate/tenantgate/tokens"
)

// addPartner checks and adds partners[i]. A domain that nobody can resolve is
// left out: an entry can only permit, so leaving it out refuses.
func (p *Policy) addPartner(bad *[]error, i int, partner Partner, resolve Resolve) {
	path := fmt.Sprintf("partners[%d]", i)
	organization := organization{settings: p.defaults, apps: partner.Applications, links: partner.Links}
	for _, s := range []struct {
		name string
		from Setting
		to   *Setting
	}{
		{"tenant_restrictions", partner.TenantRestrictions, &organization.settings.TenantRestrictions},
		{"outbound", partner.Outbound, &organization.settings.Outbound},
		{"inbound", partner.Inbound, &organization.settings.Inbound},
		{"anonymous", partner.Anonymous, &organization.settings.Anonymous},
		{"sessions", partner.Sessions, &organization.settings.Sessions},
		{"keys", partner.Keys, &organization.settings.Keys},
	} {
		if s.from == "" {
			continue
		}
		checkSetting(bad, path+"."+s.name, s.from)
		*s.to = s.from
	}
	if partner.Links != "" {
		checkLink(bad, path+".links", partner.Links)
	}
	for j, app := range partner.Applications {
		if _, ok := tokens.ParseTenant(app); !ok {
			*bad = append(*bad, setting.Errorf(fmt.Sprintf("%s.applications[%d]", path, j),
				"find it in Entra > App registrations > Application (client) ID", "%q is not an application ID", app))
		}
	}
	tenant, ok := p.partnerTenant(bad, path+".tenant", partner.Tenant, resolve)
	if !ok {
		return
	}
	if _, twice := p.partners[tenant]; twice {
		*bad = append(*bad, setting.Errorf(path+".tenant", "put its settings in one entry", "%q has an entry already", partner.Tenant))
		return
	}
	p.partners[tenant] = organization
}

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
		return "", false
	}
	tenant, ok := resolve(value)
	if ok && tenant == p.home {
		*bad = append(*bad, setting.Errorf(path, "leave it out", "%q belongs to the home tenant", value))
		return "", false
	}
	return tenant, ok
}
