package policy

// Setting is what an administrator says of a relation: "allow" or "block".
type Setting string

// The settings of a relation. Anything else is a configuration error.
const (
	Allow Setting = "allow"
	Deny  Setting = "block"
)

// Config is the policy section of the configuration, in the words of Entra's
// cross-tenant access settings.
type Config struct {
	Default  Defaults  `yaml:"default"`
	Partners []Partner `yaml:"partners"`
	Unlisted string    `yaml:"unlisted"` // a destination nobody restricts: "tunnel" or "block"
	Exempt   string    `yaml:"exempt"`   // hosts that are never decrypted: "tunnel" or "block"
	NotTLS   string    `yaml:"not_tls"`  // a tunnel whose first bytes are not TLS: "block" or "tunnel"
	From     string    `yaml:"from"`     // a file with a policy section, beneath this one
	Sync     Sync      `yaml:"sync"`     // for "policy sync"
	Links    Links     `yaml:"-"`        // a section of its own

	EncryptedDNS string `yaml:"encrypted_dns"` // other people's resolvers over TLS, and relays: "tunnel" or "block"
}

// Defaults are the settings for organizations without an entry of their own.
type Defaults struct {
	TenantRestrictions Access  `yaml:"tenant_restrictions"` // external account, external tenant
	Outbound           Access  `yaml:"outbound"`            // home account, external tenant
	Inbound            Access  `yaml:"inbound"`             // external account, home tenant
	Unreadable         Setting `yaml:"unreadable"`          // a bearer-like credential nobody can read
	Anonymous          Setting `yaml:"anonymous"`           // anonymous links and guest joins of an external tenant
	Sessions           Setting `yaml:"sessions"`            // opaque cookies on an external tenant's host
	Keys               Setting `yaml:"keys"`                // SAS, shared keys, PATs, Basic on an external or unknown tenant's host
}

// Partner overrides the defaults for one organization. An empty setting
// inherits the default; one that is there replaces it as a whole.
type Partner struct {
	Tenant             string      `yaml:"tenant"` // directory ID or a verified domain
	TenantRestrictions Access      `yaml:"tenant_restrictions"`
	Outbound           Access      `yaml:"outbound"`
	Inbound            Access      `yaml:"inbound"`
	Anonymous          Setting     `yaml:"anonymous"`
	Sessions           Setting     `yaml:"sessions"`
	Keys               Setting     `yaml:"keys"`
	Links              LinkSetting `yaml:"links"`        // every kind of link with this organization
	Applications       []string    `yaml:"applications"` // client or resource application IDs that tenant_restrictions: allow is limited to
}

// Default returns the settings of a configuration that says nothing of policy.
func Default() Config {
	return Config{
		Default: Defaults{
			TenantRestrictions: All(Deny), Outbound: All(Allow), Inbound: All(Allow),
			Unreadable: Deny, Anonymous: Deny, Sessions: Allow, Keys: Allow,
		},
		Unlisted: "tunnel",
		Exempt:   "tunnel",
		NotTLS:   "block",
		Sync:     Sync{Cloud: "global", Credential: "managed"},
		Links:    DefaultLinks(),

		EncryptedDNS: "tunnel",
	}
}
