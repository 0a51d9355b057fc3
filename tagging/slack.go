package tagging

import (
	"errors"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/setting"
)

// Slack says which workspaces and organizations may be signed in to.
type Slack struct {
	Requester  string   `yaml:"requester"`  // own workspace or organization, one ID
	Workspaces []string `yaml:"workspaces"` // what may be signed in to: IDs, the own one among them
}

// Both headers or neither: without the requester, Slack does not read the list
// ("Approve Slack workspaces for your network", slack.com/help/articles/360024821873).
// Fields of different names have no order (RFC 9110, 5.3).
const (
	slackRequester  = "X-Slack-Allowed-Workspaces-Requester"
	slackWorkspaces = "X-Slack-Allowed-Workspaces"
)

var slackHosts = hosts.MustParseSet("slack.com", "*.slack.com")

func (s *Slack) compile() (provider, error) {
	const hint = "IDs as Slack support tells them: T0ARHV9669 for a workspace, E… for an organization"
	value, err := listing{path: "workspaces", what: "the ID of a workspace or an organization", hint: hint, valid: isSlackID}.join(s.Workspaces)
	if !isSlackID(s.Requester) {
		err = errors.Join(err, setting.Errorf("requester", hint, "%q is not one ID", s.Requester))
	}
	p := one(slackHosts, Tag{slackRequester, s.Requester}, Tag{slackWorkspaces, value})
	if !slices.Contains(s.Workspaces, s.Requester) {
		p.warning = setting.Errorf("providers.slack.workspaces", "add "+s.Requester, "the requester is not listed: its own people cannot sign in")
	}
	return p, err
}

func isSlackID(s string) bool {
	return len(s) > 1 && strings.IndexByte("TE", s[0]) >= 0 && isID(s, "") && strings.ToUpper(s) == s
}
