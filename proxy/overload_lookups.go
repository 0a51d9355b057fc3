package proxy

import (
	"context"
	"fmt"
	"net/netip"
)

// mostLookups is how many names of tunnels may be looked up at once. A lookup
// has two sockets, for A and AAAA, for as long as the resolver takes.
const mostLookups = 1024

// resolve looks up where the tunnel of c leads, if there is budget for it: a
// flood of names that a resolver is slow about would take every descriptor.
func (s *Server) resolve(ctx context.Context, rules *Rules, c *client, parent *Parent) ([]netip.Addr, error) {
	by := payer(c.from.Addr())
	if !s.budgets.lookups.takeFor(by) {
		s.Metrics.shed(ofLookups)
		return nil, fmt.Errorf("resolve %s: too many lookups are under way: %w", c.dst, ErrOverloaded)
	}
	defer s.budgets.lookups.give(by)
	return rules.Origin.addresses(ctx, c.dst, parent)
}
