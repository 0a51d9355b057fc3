package policy

import (
	"errors"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/setting"
	"github.com/tenantgate/tenantgate/tokens"
)

// Hosts are the sets that a policy tells apart. Restricted is what is
// decrypted: the sign-in hosts and the hosts that carry tokens, less the
// exempt ones.
type Hosts struct {
	SignIn, ARM, Restricted, Exempt, Refused hosts.Set
}

// Policy decides. It is immutable; a reload makes a new one.
type Policy struct {
	hosts    Hosts
	home     tokens.Tenant
	observe  bool
	defaults Defaults
	partners map[tokens.Tenant]organization
	unlisted Action
	exempt   Action
	notTLS   Action
	links    Links
}

// organization is a partner's entry with what it inherits filled in.
type organization struct {
	settings Defaults
	apps     []string    // tenant_restrictions: allow is limited to these; nil is all
	links    LinkSetting // empty if the kind's applies
}

// Resolve tells the directory ID of a partner that is written as a domain.
// It returns false when nobody can tell at the moment: the entry then permits
// nothing until the next snapshot.
type Resolve func(domain string) (tokens.Tenant, bool)

// New builds the policy of the tenant home. Errors are *setting.Error with
// paths below the policy section, all of them at once.
func New(cfg Config, home tokens.Tenant, observe bool, h Hosts, resolve Resolve) (*Policy, error) {
	var bad []error
	p := &Policy{
		hosts: h, home: home, observe: observe, defaults: cfg.Default,
		partners: make(map[tokens.Tenant]organization, len(cfg.Partners)),
		unlisted: choose(&bad, "unlisted", cfg.Unlisted),
		exempt:   choose(&bad, "exempt", cfg.Exempt),
		notTLS:   choose(&bad, "not_tls", cfg.NotTLS),
		links:    cfg.Links,
	}
	checkDefaults(&bad, cfg.Default)
	for i, partner := range cfg.Partners {
		p.addPartner(&bad, i, partner, resolve)
	}
	return p, errors.Join(bad...)
}

func choose(bad *[]error, path, value string) Action {
	switch value {
	case "tunnel":
		return Tunnel
	case "block":
		return Block
	}
	*bad = append(*bad, setting.Errorf(path, "write tunnel or block", "%q is not a choice", value))
	return Block
}

func checkDefaults(bad *[]error, d Defaults) {
	for _, s := range []struct {
		name  string
		value Setting
	}{
		{"tenant_restrictions", d.TenantRestrictions}, {"outbound", d.Outbound}, {"inbound", d.Inbound},
		{"unreadable", d.Unreadable}, {"anonymous", d.Anonymous}, {"sessions", d.Sessions}, {"keys", d.Keys},
	} {
		checkSetting(bad, "default."+s.name, s.value)
	}
}

func checkSetting(bad *[]error, path string, s Setting) {
	if s != Allow && s != Deny {
		*bad = append(*bad, setting.Errorf(path, "write allow or block", "%q is not a choice", string(s)))
	}
}

// Partner reports whether tenant has an entry of its own.
func (p *Policy) Partner(tenant tokens.Tenant) bool {
	_, ok := p.partners[tenant]
	return ok
}

// Home returns the directory ID that this policy protects.
func (p *Policy) Home() tokens.Tenant { return p.home }

// Observe tells whether refusals are only recorded.
func (p *Policy) Observe() bool { return p.observe }

// Restricted returns the hosts that are decrypted.
func (p *Policy) Restricted() hosts.Set { return p.hosts.Restricted }

// NotTLS tells what becomes of a tunnel whose first bytes are not TLS.
func (p *Policy) NotTLS() Action { return p.notTLS }

// Plane returns the part of the cloud that n belongs to.
func (p *Policy) Plane(n hosts.Name) Plane {
	switch {
	case p.hosts.SignIn.Has(n):
		return Auth
	case p.hosts.ARM.Has(n):
		return ARM
	case p.hosts.Restricted.Has(n):
		return Data
	default:
		return Other
	}
}

// settings returns what applies to tenant: its own entry, else the defaults,
// as in Entra: an entry replaces the default setting by setting.
func (p *Policy) settings(tenant tokens.Tenant) (Defaults, []string) {
	if o, ok := p.partners[tenant]; ok {
		return o.settings, o.apps
	}
	return p.defaults, nil
}

func permitted(apps []string, t *tokens.Token) bool {
	return len(apps) == 0 || slices.ContainsFunc(apps, func(id string) bool {
		return strings.EqualFold(id, t.App) || strings.EqualFold(id, t.Audience)
	})
}
