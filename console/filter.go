package console

import (
	"bytes"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// shown is how many events a page lists.
const shown = 100

// maxQuery bounds each part of a filter, in bytes.
const maxQuery = 200

// The choices of a filter, in the order of the form.
var (
	verdicts  = []string{"block", "would block", "forward", "tunnel", "intercept"}
	relations = []string{"external", "consumer", "unreadable", "outbound", "inbound", "home", "none"}
)

// Filter says which events to list; the zero Filter lists all.
type Filter struct{ Verdict, Relation, Tenant, Text string }

func filterOf(q url.Values) Filter {
	f := Filter{Verdict: q.Get("verdict"), Relation: q.Get("relation"), Tenant: bounded(q.Get("tenant")), Text: bounded(q.Get("q"))}
	if !slices.Contains(verdicts, f.Verdict) {
		f.Verdict = ""
	}
	if !slices.Contains(relations, f.Relation) {
		f.Relation = ""
	}
	return f
}

func bounded(s string) string {
	if len(s) > maxQuery {
		s = s[:maxQuery]
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsGraphic(r) {
			return -1
		}
		return r
	}, s))
}

// Any tells whether f leaves anything out.
func (f Filter) Any() bool { return f != Filter{} }

// Query is f as a query string, for a link back to the same list.
func (f Filter) Query() string {
	q := url.Values{}
	for key, value := range map[string]string{"verdict": f.Verdict, "relation": f.Relation, "tenant": f.Tenant, "q": f.Text} {
		if value != "" {
			q.Set(key, value)
		}
	}
	return q.Encode()
}

// fits tells whether the event is to be listed. Name gives a tenant's name.
func (f Filter) fits(r Row, line []byte, name func(string) string) bool {
	if f.Verdict != "" && r.Verdict() != f.Verdict || f.Relation != "" && r.Own.Relation != f.Relation {
		return false
	}
	if f.Tenant != "" && !f.tenant(r, name) {
		return false
	}
	return f.Text == "" || bytes.Contains(bytes.ToLower(line), bytes.ToLower([]byte(f.Text)))
}

// tenant tells whether one of the event's tenants starts with what was asked,
// or has it in its name.
func (f Filter) tenant(r Row, name func(string) string) bool {
	want := strings.ToLower(f.Tenant)
	all := []string{r.Own.Account, r.Own.Resource, r.Own.ResourceDomain}
	for _, c := range r.Own.Credentials {
		all = append(all, c.Tenant)
	}
	return slices.ContainsFunc(all, func(tenant string) bool {
		return tenant != "" && (strings.HasPrefix(strings.ToLower(tenant), want) || strings.Contains(strings.ToLower(name(tenant)), want))
	})
}

// rows returns the events that f lists, newest first, and how many there are.
func (c *Console) rows(f Filter) (list []Row, matched int) {
	for _, e := range c.Recent.entries() {
		r, err := e.row()
		if err != nil || !f.fits(r, e.line, c.name) {
			continue
		}
		if matched++; len(list) < shown {
			list = append(list, r)
		}
	}
	return list, matched
}
