package tagging

import (
	"errors"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/setting"
)

// OpenAI says which ChatGPT workspaces and API organizations may be used. One
// of the two is enough; what is left out is not restricted.
type OpenAI struct {
	Workspaces    []string `yaml:"workspaces"`    // of ChatGPT: UUIDs
	Organizations []string `yaml:"organizations"` // of the API: org-…
}

// A malformed value is answered with 400, any other workspace or organization
// with 403: OpenAI, "Network controls" and "API organization blocking".
const (
	chatGPTHeader = "ChatGPT-Allowed-Workspace-Id"
	openAIHeader  = "OpenAI-Allowed-Organization-Ids"
)

var (
	chatGPTHosts = hosts.MustParseSet("chatgpt.com", "*.chatgpt.com")
	openAIHosts  = hosts.MustParseSet("api.openai.com")
)

// chatGPTAnonymous is where ChatGPT is used without an account, which the
// header does not restrict; OpenAI says to block it.
const chatGPTAnonymous = "/backend-anon"

func (o *OpenAI) compile() (provider, error) {
	p := provider{reads: []string{strings.ToLower(chatGPTHeader), strings.ToLower(openAIHeader)}}
	var bad []error
	if len(o.Workspaces) > 0 {
		value, err := listing{path: "workspaces", what: "a UUID", hint: "workspace IDs as ChatGPT's workspace settings show them", valid: isGUID}.join(o.Workspaces)
		p.rules, bad = append(p.rules, newRule(chatGPTHosts, Tag{chatGPTHeader, strings.ToLower(value)})), append(bad, err)
		p.anonymous = []string{chatGPTAnonymous}
	}
	if len(o.Organizations) > 0 {
		value, err := listing{
			path: "organizations", what: "an organization's ID", hint: "IDs such as org-Tkxfm8owx4zIPaJGNDVrPs6m",
			valid: func(s string) bool { return strings.HasPrefix(s, "org-") && len(s) > 4 && isID(s, "-_") },
		}.join(o.Organizations)
		p.rules, bad = append(p.rules, newRule(openAIHosts, Tag{openAIHeader, value})), append(bad, err)
	}
	if len(o.Workspaces)+len(o.Organizations) == 0 {
		bad = append(bad, setting.Errorf("", "list workspaces, organizations or both", "is empty: nothing would be restricted"))
	}
	return p, errors.Join(bad...)
}
