package policy

import (
	"errors"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/links"
	"github.com/tenantgate/tenantgate/setting"
	"github.com/tenantgate/tenantgate/tokens"
)

// Hosts are the sets that a policy tells apart. Restricted is what is
// decrypted: the sign-in hosts and the hosts that carry tokens, less the
// exempt ones.
type Hosts struct {
	SignIn, ARM, Restricted, Exempt, Refused hosts.Set

	Tagged hosts.Set // decrypted for the tag of a service that is not Microsoft's, and for nothing else
}

// Policy decides. It is immutable; a reload makes a new one.
type Policy struct {
	hosts    Hosts
	home     tokens.Tenant
	observe  bool
	defaults ruleset
	partners map[tokens.Tenant]*ruleset
	leftOut  []LeftOut
	unlisted Action
	exempt   Action
	notTLS   Action

	encryptedDNS Action

	unreadable  rule
	links       map[links.Kind]linkRule
	linkDefault LinkSetting
}

// Resolve tells the directory ID of a partner that is written as a domain.
// It returns false when nobody can tell at the moment: the entry is then left
// out.
type Resolve func(domain string) (tokens.Tenant, bool)

// New builds the policy of the tenant home. Errors are *setting.Error with
// paths below the policy section, all of them at once.
func New(cfg Config, home tokens.Tenant, observe bool, h Hosts, resolve Resolve) (*Policy, error) {
	var bad []error
	p := &Policy{
		hosts: h, home: home, observe: observe,
		partners: make(map[tokens.Tenant]*ruleset, len(cfg.Partners)),
		unlisted: choose(&bad, "unlisted", cfg.Unlisted),
		exempt:   choose(&bad, "exempt", cfg.Exempt),
		notTLS:   choose(&bad, "not_tls", cfg.NotTLS),
		links:    linkRules(cfg.Links), linkDefault: cfg.Links.Default,

		encryptedDNS: choose(&bad, "encrypted_dns", cfg.EncryptedDNS),
	}
	p.addDefaults(&bad, cfg.Default)
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

// TaggedOnly tells whether n is decrypted for nothing but its tag: what stands
// for an account there says nothing of a tenant.
func (p *Policy) TaggedOnly(n hosts.Name) bool { return p.hosts.Tagged.Has(n) }

// NotTLS tells what becomes of a tunnel whose first bytes are not TLS.
func (p *Policy) NotTLS() Action { return p.notTLS }

// Plane returns the part of the cloud that n belongs to.
func (p *Policy) Plane(n hosts.Name) Plane {
	switch {
	case p.hosts.SignIn.Has(n):
		return Auth
	case p.hosts.ARM.Has(n):
		return ARM
	case p.TaggedOnly(n):
		return Other
	case p.hosts.Restricted.Has(n):
		return Data
	default:
		return Other
	}
}
