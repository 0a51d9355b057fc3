package main

import (
	"errors"
	"slices"

	"github.com/tenantgate/tenantgate/peer"
	"github.com/tenantgate/tenantgate/proxy"
)

// parentsOf makes the proxies that origins are reached through.
func parentsOf(u proxy.Upstream, trust *peer.Trust, in surroundings) (*proxy.Parent, proxy.ParentRules, error) {
	parent, err := proxy.NewParent(u.Parent, trust)
	rules, err1 := proxy.NewParentRules(u, trust)
	if err := errors.Join(err, err1); err != nil {
		return nil, nil, err
	}
	if parent != nil {
		parent.Log = in.log
	}
	rules.Each(func(p *proxy.Parent) { p.Log = in.log })
	return parent, rules, nil
}

// withoutPasswords are the rules without the URLs of their parents.
func withoutPasswords(rules []proxy.ParentRule) []proxy.ParentRule {
	rules = slices.Clone(rules)
	for i := range rules {
		if rules[i].Parent != proxy.Direct {
			rules[i].Parent = ""
		}
	}
	return rules
}
