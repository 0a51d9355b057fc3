package proxy

import (
	"github.com/tenantgate/tenantgate/links"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/tagging"
	"github.com/tenantgate/tenantgate/tokens"
)

// standing is what is known of a connection before a request comes on it,
// under rules.
type standing struct {
	rules   *Rules
	address string // of the client
	plane   policy.Plane
	makes   links.Service // whose links a request can make
	site    *tagging.Site // whose restriction headers nobody may send
	sets    *tagging.Site // whose tags are set
	tokens  tokens.Site
	tally   *tally
}

// under is what c is under rules. It is looked up when the rules change, not
// for each request.
func (s *Server) under(rules *Rules, c *client) *standing {
	known := c.standing.Load()
	if known == nil || known.rules != rules {
		known = s.standing(rules, c)
		c.standing.Store(known)
	}
	return known
}

// standing looks c's destination up.
func (s *Server) standing(rules *Rules, c *client) *standing {
	n := c.dst.Name
	it := &standing{
		rules: rules, address: c.from.Addr().String(), plane: rules.Policy.Plane(n),
		site: rules.Tags.At(n), tokens: rules.Tokens.At(n),
	}
	it.sets = it.site
	if c.entra { // its name is unlisted, but it leads to Entra's sign-in service
		it.plane, it.sets = policy.Auth, rules.Tags.At(tagging.Canonical)
	}
	switch {
	case it.plane == policy.ARM:
		it.makes = links.ResourceManager
	case it.plane == policy.Data && links.Graph.Has(n):
		it.makes = links.MicrosoftGraph
	}
	it.tally = s.Metrics.of(it.plane)
	return it
}
