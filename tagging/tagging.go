// Package tagging knows which restriction headers each provider reads, and
// writes them; a file per provider.
//
// A tag is only worth something if the client cannot choose it, so every copy
// and look-alike that arrives is deleted on every host before ours is set, and
// Site.Set is the last thing done to a header section before it leaves.
package tagging

import (
	"errors"
	"iter"
	"net/http"
	"slices"

	"github.com/tenantgate/tenantgate/hosts"
)

// Canonical is the name whose tags a destination gets that is known to be
// Entra's sign-in service by its address only.
const Canonical = hosts.Name("login.microsoftonline.com")

// Tag is one header that a provider reads as a restriction.
type Tag struct{ Header, Value string }

// rule is what one group of hosts of one provider is sent. It is compiled
// once, so that applying it allocates nothing.
type rule struct {
	hosts  hosts.Set
	tags   []Tag
	names  []string   // the headers as the provider documents them, for events
	keys   []string   // the same in Go's canonical form, the only one used as a map key
	values [][]string // shared by every request; nobody may write to them
}

func newRule(set hosts.Set, tags ...Tag) rule {
	r := rule{hosts: set, tags: tags}
	for _, tag := range tags {
		r.names = append(r.names, tag.Header)
		r.keys = append(r.keys, http.CanonicalHeaderKey(tag.Header))
		r.values = append(r.values, slices.Clip([]string{tag.Value}))
	}
	return r
}

// Table says which host gets which tags. It is immutable.
type Table struct {
	rules     []rule
	hosts     hosts.Set
	refused   hosts.Set
	providers []provider
	others    hosts.Set // of the providers
	warnings  []error
}

// New compiles the section for the home tenant and the id of its default
// cross-tenant access policy. All problems are reported at once.
func New(cfg Config, tenant, policy string) (*Table, error) {
	t := &Table{
		hosts:   signInHosts(tagged).Union(signInHosts(inspected)).Without(exempt),
		refused: signInHosts(refused),
	}
	rules, warnings, err := entraRules(cfg, tenant, policy)
	providers, err2 := cfg.Providers.compile()
	if err = errors.Join(err, err2); err != nil {
		return nil, err
	}
	t.rules, t.warnings, t.providers = rules, warnings, providers
	for _, p := range providers {
		t.others = t.others.Union(p.hosts)
		if p.warning != nil {
			t.warnings = append(t.warnings, p.warning)
		}
	}
	return t, nil
}

// Hosts returns every sign-in host that is decrypted, whether it is tagged or
// only inspected. Hosts that must never be decrypted are its exceptions.
func (t *Table) Hosts() hosts.Set { return t.hosts }

// Refused returns the sign-in names that are refused: nobody signs in there,
// and no restriction is known to hold.
func (t *Table) Refused() hosts.Set { return t.refused }

// Warnings returns what is allowed but looks like a mistake, nil if nothing does.
func (t *Table) Warnings() error { return errors.Join(t.warnings...) }

// Tags returns what is sent to n, nil for a host that reads no tags.
func (t *Table) Tags(n hosts.Name) (tags []Tag) {
	for r := range t.rulesFor(n) {
		tags = append(tags, r.tags...)
	}
	return tags
}

// rulesFor yields the rules that hold for n: Entra has one for a host, and a
// service beside it one for each entry that names the host.
func (t *Table) rulesFor(n hosts.Name) iter.Seq[*rule] {
	return func(yield func(*rule) bool) {
		for i := range t.rules {
			if t.rules[i].hosts.Has(n) {
				yield(&t.rules[i])
				return
			}
		}
		if !t.others.Has(n) {
			return
		}
		for _, p := range t.providers {
			for i := range p.rules {
				if p.rules[i].hosts.Has(n) && !yield(&p.rules[i]) {
					return
				}
			}
		}
	}
}
