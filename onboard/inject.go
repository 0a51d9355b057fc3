package onboard

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/tagging"
)

// Injection is one rule of the browser policy HttpHeaderInjection: which
// headers go to which URLs.
type Injection struct {
	Patterns []string `json:"patterns"` // filters as URLBlocklist has them
	Headers  []Header `json:"headers"`
}

// Header is one header that the browser sets.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Injections are the tags of the table as browsers can set them themselves.
func Injections(tags *tagging.Table) []Injection {
	if tags == nil {
		return nil
	}
	exempt := tagging.Exempt()
	var all []Injection
	at := map[string]int{}
	for _, pattern := range slices.Concat(tags.Hosts().Patterns(), tags.Providers().Patterns()) {
		list := tags.Tags(example(pattern))
		filter, ok := urlFilter(pattern, exempt)
		if len(list) == 0 || !ok {
			continue
		}
		key := fmt.Sprintf("%q", list)
		if _, known := at[key]; !known {
			at[key] = len(all)
			all = append(all, Injection{Headers: headers(list)})
		}
		rule := &all[at[key]]
		rule.Patterns = append(rule.Patterns, filter)
	}
	return all
}

func headers(tags []tagging.Tag) []Header {
	var list []Header
	for _, t := range tags {
		list = append(list, Header{t.Header, t.Value})
	}
	return list
}

// example is a name that a pattern covers.
func example(pattern string) hosts.Name {
	return hosts.Name(strings.Replace(pattern, "*.", "tenantgate-example.", 1))
}

// urlFilter is pattern as Chromium's URL filters have it ("URL blocklist filter
// format"): a leading dot is that host alone, without one the hosts beneath are
// meant too. A subtree that holds an exempt host cannot be told without it, and
// is left to the proxy.
func urlFilter(pattern string, exempt hosts.Set) (string, bool) {
	suffix, wild := strings.CutPrefix(pattern, "*.")
	if !wild {
		return "https://." + pattern, true
	}
	for _, e := range exempt.Patterns() {
		if strings.HasSuffix(strings.TrimPrefix(e, "*."), "."+suffix) {
			return "", false
		}
	}
	return "https://" + suffix, true
}
