package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/proxy"
	"github.com/tenantgate/tenantgate/tokens"
)

// printExplanation writes an explanation for a person. where tells the place
// of a setting in the configuration.
func printExplanation(w io.Writer, x proxy.Explanation, where func(path string) string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) { fmt.Fprintf(t, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	line("connection", "%s (%s)", verdict(x.Connection), x.Connection.Reason)
	v := x.Connection
	if x.Judged {
		v = x.Request
		line("request", "%s (%s)", verdict(v), v.Reason)
	}
	if v.Rule != "" {
		line("rule", "%s, %s", v.Rule, cmp.Or(where(v.Rule), "built in"))
	}
	if x.Judged {
		line("plane", "%s", x.Event.Plane)
		line("relation", "%s", x.Event.Relation)
		if x.Owner != "" {
			line("host", "of tenant %s", x.Owner)
		}
		printFound(line, x)
		line("tags", "%s", list(x.Tags))
		line("client tags", "%s", list(x.ClientTags))
	}
	if x.Status != 0 {
		line("client sees", "%d: %s", x.Status, proxy.Words(v.Reason))
	}
	for _, u := range x.Unknown {
		line("unknown", "%s", u)
	}
	line("event", "%s", x.Event.Kind)
	return t.Flush()
}

// printFound writes every credential and every link, each with what it alone
// would be.
func printFound(line func(name, format string, args ...any), x proxy.Explanation) {
	for i, c := range x.Found {
		line("credential", "%s in %s%s", c.Kind, c.Place, whose(string(c.Tenant), string(c.Account), c.Why))
		if said := saysOf(c); said != "" {
			line("  says", "%s", said)
		}
		line("  alone", "%s", alone(x.Each[i]))
	}
	if len(x.Found) == 0 {
		line("credential", "none")
	}
	for i, l := range x.Links {
		line("link", "%s%s", l, ofTenant(string(l.Tenant)))
		line("  alone", "%s", alone(x.EachLink[i]))
	}
}

// alone is a verdict on one thing of several, with the setting that decided.
func alone(v policy.Verdict) string {
	text := fmt.Sprintf("%s (%s)", verdict(v), v.Reason)
	if v.Rule != "" {
		text += " by " + v.Rule
	}
	return text
}

// saysOf is what a token says of itself. Nobody has checked it.
func saysOf(t *tokens.Token) string {
	var words []string
	for _, w := range []struct{ name, text string }{{"user", t.User}, {"object", t.Object}, {"application", t.App}, {"for", t.Audience}} {
		if w.text != "" && !(w.name == "object" && w.text == t.User) {
			words = append(words, w.name+" "+visible(w.text))
		}
	}
	return strings.Join(words, ", ")
}

func verdict(v policy.Verdict) string {
	if v.Observed {
		return v.Action.String() + ", would be blocked"
	}
	return v.Action.String()
}

func whose(tenant, account, why string) string {
	switch {
	case why != "":
		return ", unreadable: " + why
	case tenant == "":
		return ""
	case account == tenant:
		return ", of tenant " + tenant
	case account == "":
		return ", for tenant " + tenant + ", of an account elsewhere"
	default:
		return ", for tenant " + tenant + ", of an account of " + account
	}
}

func ofTenant(tenant string) string {
	if tenant == "" {
		return ""
	}
	return ", of tenant " + tenant
}

func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
