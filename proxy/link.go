package proxy

import (
	"context"
	"time"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/links"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/tokens"
)

const (
	// linkWait bounds how long a request waits to learn whose the ends of its
	// links are.
	linkWait = 3 * time.Second

	// maxAsked is how many subscriptions and domains are asked for one request.
	// Nobody can tell of more.
	maxAsked = 16
)

// wouldLink finds the links that the request would make. Whose their ends are
// is left for later.
func (x *exchange) wouldLink() []links.Link {
	method := x.in.Method
	if x.fields.overridden {
		method = "any" // what the service takes it for
	}
	if !links.Could(x.makes, method, x.in.URL.Path) {
		return nil
	}
	return links.Find(x.makes, method, x.in.URL.Path, func() ([]byte, error) {
		return tokens.Body(x.in, links.MaxBody)
	})
}

// whose asks for the tenants of both ends of each link.
func (x *exchange) whose(found []links.Link) []policy.Link {
	if len(found) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(x.in.Context(), linkWait)
	defer cancel()
	a := asking{ctx: ctx, rules: x.rules, known: map[end]tokens.Tenant{}}
	all := make([]policy.Link, len(found))
	for i, l := range found {
		all[i] = policy.Link{Link: l, Own: a.ask(links.Subscription, l.Subscription), Tenant: a.ask(l.TargetKind, l.Target)}
	}
	return all
}

// end is what one end of a link is named by.
type end struct {
	kind links.TargetKind
	name string
}

// asking is the questions of one request.
type asking struct {
	ctx   context.Context
	rules *Rules
	known map[end]tokens.Tenant
	asked int
}

// ask returns the tenant of one end; empty if nobody can tell.
func (a *asking) ask(kind links.TargetKind, name string) tokens.Tenant {
	from := a.rules.Subscription
	switch kind {
	case links.Tenant:
		tenant, _ := tokens.ParseTenant(name)
		return tenant
	case links.Subscription:
	case links.Domain:
		from = a.rules.Domain
	case links.Host:
		from = a.rules.whoseHost
	default:
		return ""
	}
	e := end{kind, name}
	if tenant, ok := a.known[e]; ok {
		return tenant
	}
	if a.asked++; from == nil || name == "" || a.asked > maxAsked {
		return ""
	}
	tenant := from(a.ctx, name)
	a.known[e] = tenant
	return tenant
}

// whoseHost returns the tenant of a host that is named in a request.
func (r *Rules) whoseHost(ctx context.Context, name string) tokens.Tenant {
	n, err := hosts.Parse(name)
	if err != nil || r.Owner == nil {
		return ""
	}
	return r.Owner(ctx, n)
}

// madeLinks are the links of the request as events have them, without those
// within one tenant.
func (x *exchange) madeLinks() (list []audit.Link) {
	home := x.rules.Policy.Home()
	for _, l := range x.links {
		if l.Tenant != "" && (l.Tenant == l.Own || l.Tenant == home && l.Subscription == "") {
			continue
		}
		made := audit.Link{Kind: string(l.Kind), Resource: l.Resource, Target: l.Target, Tenant: string(l.Tenant)}
		if l.Tenant == home {
			made.Tenant = string(l.Own) // the near end is the foreign one
		}
		list = append(list, made)
	}
	return list
}
