package tagging

import "github.com/tenantgate/tenantgate/hosts"

// Dropbox says which teams may be signed in to. Network control must be on in
// the team's admin console.
type Dropbox struct {
	Teams []string `yaml:"teams"` // team IDs
}

// dropboxHeader is of Dropbox's "Network control" (help.dropbox.com/security/network-control).
const dropboxHeader = "X-Dropbox-allowed-Team-Ids"

var dropboxHosts = hosts.MustParseSet("dropbox.com", "*.dropbox.com")

func (d *Dropbox) compile() (provider, error) {
	value, err := listing{
		path: "teams", what: "a team ID", hint: "IDs from Dropbox's admin console > Security > Network control",
		valid: func(s string) bool { return isID(s, ":_-") },
	}.join(d.Teams)
	return one(dropboxHosts, Tag{dropboxHeader, value}), err
}
