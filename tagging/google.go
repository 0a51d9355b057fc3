package tagging

import (
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
)

// Google is Google Workspace: who may sign in to a Google service.
type Google struct {
	Domains []string `yaml:"domains"` // whose accounts may; consumer_accounts and visitor_accounts are Google's words for others
}

// googleHeader stands on every request to google.com and beneath it: Google,
// "Block access to consumer accounts" (support.google.com/a/answer/1668854).
// An account that is signed in already is asked again by each service, so
// accounts.google.com alone is not enough.
const googleHeader = "X-GoogApps-Allowed-Domains"

var googleHosts = hosts.MustParseSet("google.com", "*.google.com")

func (g *Google) compile() (provider, error) {
	value, err := listing{
		path: "domains", what: "a domain", hint: "domains such as contoso.com, gserviceaccounts.com, consumer_accounts or visitor_accounts",
		valid: func(s string) bool { return s == "consumer_accounts" || s == "visitor_accounts" || isDomain(s) },
	}.join(g.Domains)
	return one(googleHosts, Tag{googleHeader, strings.ToLower(value)}), err
}
