package tagging

// Config is the tagging section of the configuration.
type Config struct {
	Version string `yaml:"version"` // "v2" (default) or "v1"; the two are never mixed
	V1      V1     `yaml:"v1"`      // only with version v1

	Providers Providers `yaml:"providers"` // services beside Entra, off until configured
}

// V1 are the headers of tenant restrictions v1.
type V1 struct {
	Allowed     []string `yaml:"allowed"`      // permitted tenants: verified domains or directory IDs
	Context     string   `yaml:"context"`      // own directory ID, for Entra's report
	RestrictMSA bool     `yaml:"restrict_msa"` // keep personal accounts out of consumer apps
}
