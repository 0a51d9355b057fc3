package tagging

import (
	"fmt"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
)

// Anthropic says which organizations' accounts and keys Claude may be used with.
type Anthropic struct {
	Organizations []string `yaml:"organizations"` // UUIDs
}

// A list too long for one header goes on in numbered ones: the first ends in
// ;n=K and anthropic-allowed-org-ids1 … {K-1} follow. A header that comes
// twice, and one more or less than K, are answered with 400: Anthropic,
// "Enforce network-level access control with tenant restrictions"
// (support.claude.com/en/articles/13198485).
const (
	anthropicHeader = "anthropic-allowed-org-ids"
	anthropicLines  = 10
	anthropicMost   = 500
	anthropicInLine = anthropicMost / anthropicLines
)

var anthropicHosts = hosts.MustParseSet("claude.ai", "*.claude.ai", "claude.com", "*.claude.com", "anthropic.com", "*.anthropic.com")

func (a *Anthropic) compile() (provider, error) {
	list, err := listing{
		path: "organizations", what: "a UUID", hint: "organization IDs as Claude's settings show them", most: anthropicMost, valid: isGUID,
	}.check(a.Organizations)
	p := one(anthropicHosts, anthropicTags(list)...)
	for i := range anthropicLines + 1 {
		p.reads = append(p.reads, fmt.Sprint(anthropicHeader, i))
	}
	return p, err
}

func anthropicTags(list []string) (tags []Tag) {
	lines := (len(list) + anthropicInLine - 1) / anthropicInLine
	for i := range lines {
		value := strings.ToLower(strings.Join(list[i*anthropicInLine:min((i+1)*anthropicInLine, len(list))], ","))
		switch {
		case i > 0:
			tags = append(tags, Tag{fmt.Sprint(anthropicHeader, i), value})
		case lines > 1:
			tags = append(tags, Tag{anthropicHeader, fmt.Sprintf("%s;n=%d", value, lines)})
		default:
			tags = append(tags, Tag{anthropicHeader, value})
		}
	}
	return tags
}
