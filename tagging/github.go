package tagging

import "github.com/tenantgate/tenantgate/hosts"

// GitHub keeps accounts and tokens of other enterprises out. It takes
// enterprise managed users, and the setting in each enterprise.
type GitHub struct {
	Enterprises []string `yaml:"enterprises"` // enterprise IDs
}

// One header, up to 20 IDs in it, and a second one is answered with 400:
// GitHub, "Restricting access to GitHub.com using a corporate proxy".
const (
	githubHeader = "sec-GitHub-allowed-enterprise"
	githubMost   = 20
)

// githubHosts are those that GitHub documents. ssh.github.com and github.dev
// do not read the header.
var githubHosts = hosts.MustParseSet("github.com", "api.github.com", "*.githubcopilot.com")

func (g *GitHub) compile() (provider, error) {
	value, err := listing{
		path: "enterprises", what: "an enterprise's ID", hint: "IDs from the enterprise's settings > Authentication security", most: githubMost,
		valid: func(s string) bool { return isID(s, "-_") },
	}.join(g.Enterprises)
	return one(githubHosts, Tag{githubHeader, value}), err
}
