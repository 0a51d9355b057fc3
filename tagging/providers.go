package tagging

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/setting"
)

// Providers are the services beside Entra that read a header of their own. One
// that is not configured is nil: its hosts are not decrypted for it.
type Providers struct {
	Google    *Google    `yaml:"google"`
	Slack     *Slack     `yaml:"slack"`
	Dropbox   *Dropbox   `yaml:"dropbox"`
	GitHub    *GitHub    `yaml:"github"`
	OpenAI    *OpenAI    `yaml:"openai"`
	Anthropic *Anthropic `yaml:"anthropic"`
	Webex     *Webex     `yaml:"webex"`
	Zoom      *Zoom      `yaml:"zoom"`
	Custom    []Custom   `yaml:"custom"` // any other service that reads a header
}

// provider is what one configured service is sent.
type provider struct {
	hosts     hosts.Set
	rules     []rule
	reads     []string // every header that it reads, folded; deleted on hosts where a client sent it
	anonymous []string // paths beneath which the service is used without an account
	warning   error    // what is allowed but looks like a mistake
}

// compile returns the providers that are configured. All problems are reported
// at once.
func (p Providers) compile() ([]provider, error) {
	var all []provider
	var bad []error
	add := func(name string, configured bool, compile func() (provider, error)) {
		if !configured {
			return
		}
		one, err := compile()
		all, bad = append(all, one.whole()), append(bad, setting.In(name, err))
	}
	add("google", p.Google != nil, p.Google.compile)
	add("slack", p.Slack != nil, p.Slack.compile)
	add("dropbox", p.Dropbox != nil, p.Dropbox.compile)
	add("github", p.GitHub != nil, p.GitHub.compile)
	add("openai", p.OpenAI != nil, p.OpenAI.compile)
	add("anthropic", p.Anthropic != nil, p.Anthropic.compile)
	add("webex", p.Webex != nil, p.Webex.compile)
	add("zoom", p.Zoom != nil, p.Zoom.compile)
	for i, c := range p.Custom {
		add(fmt.Sprintf("custom[%d]", i), true, func() (provider, error) { return c.compile(p.Custom[:i]) })
	}
	return all, setting.In("providers", errors.Join(bad...))
}

// whole returns p with the sum of its rules' hosts as its own.
func (p provider) whole() provider {
	for _, r := range p.rules {
		p.hosts = p.hosts.Union(r.hosts)
	}
	return p
}

// one returns a provider that sends the same tags to all its hosts.
func one(set hosts.Set, tags ...Tag) provider {
	p := provider{rules: []rule{newRule(set, tags...)}}
	for _, tag := range tags {
		p.reads = append(p.reads, strings.ToLower(tag.Header))
	}
	return p
}

func (p *provider) read(name string) bool {
	name = trim(name)
	for _, known := range p.reads {
		if folds(name, known) {
			return true
		}
	}
	return false
}

// maxValue bounds one header: the smallest limit on a field that servers in
// front of these services are known to have is 8 KiB (nginx, Apache).
const maxValue = 8 << 10

// listing is what the values of one comma-separated header are.
type listing struct {
	path, what, hint string
	most             int // 0: as many as fit into a header
	valid            func(string) bool
}

// join returns the values as the services document them: commas, no blanks,
// each value once, in the order they were written.
func (l listing) join(values []string) (string, error) {
	list, err := l.check(values)
	text := strings.Join(list, ",")
	if err == nil && len(text) > maxValue {
		err = setting.Errorf(l.path, "list fewer", "the header would have %d octets; a server's usual limit is %d", len(text), maxValue)
	}
	return text, err
}

func (l listing) check(values []string) (list []string, err error) {
	var bad []error
	if len(values) == 0 {
		bad = append(bad, setting.Errorf(l.path, l.hint, "is empty: nothing would be restricted"))
	}
	for i, v := range values {
		switch {
		case !l.valid(v):
			bad = append(bad, setting.Errorf(fmt.Sprintf("%s[%d]", l.path, i), l.hint, "%q is not %s", v, l.what))
		case !slices.ContainsFunc(list, func(had string) bool { return strings.EqualFold(had, v) }):
			list = append(list, v)
		}
	}
	if l.most > 0 && len(list) > l.most {
		bad = append(bad, setting.Errorf(l.path, "list fewer", "%d values, the service reads %d", len(list), l.most))
	}
	return list, errors.Join(bad...)
}

// isDomain tells whether s is a domain, without a trailing dot.
func isDomain(s string) bool {
	_, err := hosts.Parse(s)
	return err == nil && strings.Contains(strings.TrimSuffix(s, "."), ".") && !strings.HasSuffix(s, ".")
}

// isID tells whether s is an identifier as services hand them out: letters,
// digits and what else is given.
func isID(s, also string) bool {
	for i := range len(s) {
		c := s[i]
		if !('0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z') && strings.IndexByte(also, c) < 0 {
			return false
		}
	}
	return s != "" && len(s) <= 128
}

// Providers returns the hosts of the services that are configured beside
// Entra. They are decrypted for the sake of their tags.
func (t *Table) Providers() hosts.Set { return t.others }
