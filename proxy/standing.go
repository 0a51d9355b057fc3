package proxy

import (
	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/links"
	"github.com/tenantgate/tenantgate/policy"
)

// standing is what is known of a connection's destination before a request
// comes, under rules.
type standing struct {
	rules *Rules
	plane policy.Plane
	makes links.Service // whose links a request can make
}

// under is what c's destination is under rules. It is looked up when the rules
// change, not for each request.
func (c *client) under(rules *Rules) *standing {
	s := c.standing.Load()
	if s == nil || s.rules != rules {
		s = rules.standing(c.dst.Name, c.entra)
		c.standing.Store(s)
	}
	return s
}

// standing looks n up; entra tells that it leads to Entra's sign-in service.
func (r *Rules) standing(n hosts.Name, entra bool) *standing {
	s := &standing{rules: r, plane: r.Policy.Plane(n)}
	if entra {
		s.plane = policy.Auth
	}
	switch {
	case s.plane == policy.ARM:
		s.makes = links.ResourceManager
	case s.plane == policy.Data && links.Graph.Has(n):
		s.makes = links.MicrosoftGraph
	}
	return s
}
