package tagging

import (
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
)

// Webex says of which mail domains people may sign in. It restricts people,
// not sites: a guest of a foreign meeting with an own address is let in.
type Webex struct {
	Domains []string `yaml:"domains"` // of users' addresses
}

// webexHeader is of Webex, "Configure a list of allowed domains to access
// Webex while on your corporate network" (help.webex.com/article/m0jby2). Its
// hosts are those at which Webex signs people in, as Zscaler lists them.
const webexHeader = "CiscoSpark-Allowed-Domains"

var webexHosts = hosts.MustParseSet(
	"identity.webex.com", "identity-eu.webex.com",
	"idbroker.webex.com", "idbroker-secondary.webex.com", "idbroker-b-us.webex.com", "idbroker-eu.webex.com",
	"atlas-a.wbx2.com",
)

func (w *Webex) compile() (provider, error) {
	value, err := listing{path: "domains", what: "a domain", hint: "domains such as contoso.com", valid: isDomain}.join(w.Domains)
	return one(webexHosts, Tag{webexHeader, strings.ToLower(value)}), err
}
