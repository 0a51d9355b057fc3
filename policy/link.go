package policy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/links"
	"github.com/tenantgate/tenantgate/setting"
	"github.com/tenantgate/tenantgate/tokens"
)

// LinkSetting is what an administrator says of a kind of link. Anything but
// the three blocks.
type LinkSetting string

// The settings of a link.
const (
	LinkBlock   LinkSetting = "block"
	LinkObserve LinkSetting = "observe" // let through and recorded, whatever the mode
	LinkAllow   LinkSetting = "allow"
)

// Links is the links section of the configuration: what becomes of a request
// that would tie something of ours to another tenant.
type Links struct {
	Default LinkSetting                `yaml:"default"` // a kind without an entry in Kinds
	Kinds   map[links.Kind]LinkSetting `yaml:"kinds"`   // what is left out is as of DefaultLinks
}

// builtinLinks are the kinds that do not follow links.default: those that join
// a network or hand a subscription over without further consent, and bodies
// that can make any of them and cannot be read.
var builtinLinks = map[links.Kind]LinkSetting{
	links.Peering: LinkBlock, links.Lighthouse: LinkBlock, links.Unreadable: LinkBlock,
}

// DefaultLinks returns the settings of a configuration that says nothing of links.
func DefaultLinks() Links { return Links{Default: LinkObserve, Kinds: maps.Clone(builtinLinks)} }

// Check names every problem, with paths below the links section.
func (l Links) Check() error {
	var bad []error
	checkLink(&bad, "default", l.Default)
	known := links.Kinds()
	for k, s := range l.Kinds {
		path := "kinds." + string(k)
		if !slices.Contains(known, k) {
			bad = append(bad, setting.Errorf(path, "write one of "+kindList(known), "is no kind of link"))
			continue
		}
		checkLink(&bad, path, s)
	}
	slices.SortFunc(bad, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(bad...)
}

func kindList(kinds []links.Kind) string {
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k)
	}
	return strings.Join(names, ", ")
}

func checkLink(bad *[]error, path string, s LinkSetting) {
	if s != LinkBlock && s != LinkObserve && s != LinkAllow {
		*bad = append(*bad, setting.Errorf(path, "write block, observe or allow", "%q is not a choice", string(s)))
	}
}

// Link is a link that a request would make, with whose its ends are.
type Link struct {
	links.Link
	Own    tokens.Tenant // of the near end, where that is in a subscription; empty if nobody can tell
	Tenant tokens.Tenant // of the far end; empty if nobody can tell
}

// judgeLink decides one link, in this order:
//
//  1. a far end that the request hides is unreadable
//  2. ends of one tenant are no link, whosever it is: its credential is judged
//  3. an end of another tenant, or one that is open to all of them, is external
//  4. any other end nobody can tell the tenant of
//
// A foreign tenant's own entry comes before the kind's setting.
func (p *Policy) judgeLink(r Request, l Link) Verdict {
	own := l.Own
	if own == "" && l.Subscription == "" {
		own = p.acting(r)
	}
	v := Verdict{Relation: None, Resource: l.Tenant}
	switch {
	case l.TargetKind == links.Hidden:
		v.Reason = LinkUnreadable
	case l.TargetKind == links.Everybody:
		v.Reason = LinkExternal
	case l.Tenant != "" && l.Tenant == own:
		return Verdict{Action: Forward, Reason: NoCredential, Relation: None}
	case l.Tenant != "" && (own != "" || l.Tenant != p.home):
		v.Reason = LinkExternal
	default:
		v.Reason = LinkUnknown
	}
	if v.Resource == p.home || v.Resource == "" && own != p.home {
		v.Resource = own
	}
	says := p.linkSetting(l.Kind, own, l.Tenant)
	switch v.Rule = says.at; says.says {
	case LinkAllow:
		return Verdict{Action: Forward, Reason: NoCredential, Relation: None, Rule: says.at}
	case LinkObserve:
		v.Action = Forward
		return v
	default:
		return p.apply(rule{Deny, says.at}, v)
	}
}

// acting returns the tenant that a request acts in which names no subscription:
// the one its credential is for.
func (p *Policy) acting(r Request) tokens.Tenant {
	for _, t := range r.Tokens {
		if t.Place == tokens.InAuthorization && t.Tenant != "" {
			return t.Tenant
		}
	}
	return p.home
}

// linkSetting returns the strictest of what the foreign ends' own entries say;
// without such an entry, what is said of the kind.
func (p *Policy) linkSetting(k links.Kind, ends ...tokens.Tenant) linkRule {
	var said linkRule
	for _, end := range ends {
		if own := p.partners[end]; own != nil && rank(own.links) > rank(said.says) {
			said = linkRule{own.links, own.linksAt}
		}
	}
	if said.says != "" {
		return said
	}
	if s, ok := p.links[k]; ok {
		return s
	}
	return linkRule{p.linkDefault, "links.default"}
}

// rank orders settings by strictness: one that is not said is below all.
func rank(s LinkSetting) int {
	return slices.Index([]LinkSetting{LinkAllow, LinkObserve, LinkBlock}, s)
}

// String names both ends, for a person.
func (l Link) String() string {
	return fmt.Sprintf("%s from %s to %s %s", l.Kind, l.Resource, l.TargetKind, l.Target)
}
