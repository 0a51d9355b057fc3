package policy

// Sync is how the settings are had from Microsoft Graph. The identity needs
// Policy.Read.All.
type Sync struct {
	Cloud       string `yaml:"cloud"`       // global | usgov | china
	Credential  string `yaml:"credential"`  // managed | workload | certificate | secret
	Client      string `yaml:"client"`      // client ID; of a user-assigned identity with managed, else empty is the machine's own
	Secret      string `yaml:"secret"`      // with secret
	Certificate string `yaml:"certificate"` // PEM file with certificate and key; with certificate
}
