package config

import "github.com/tenantgate/tenantgate/proxy"

// checkLimits refuses budgets that nobody could live within.
func (d *document) checkLimits(l proxy.Limits) {
	if l.Connections < 0 {
		d.wrong("limits.connections", "write 0 for as many as descriptors and memory allow", "%d is negative", l.Connections)
	}
	if l.ClientShare < 1 || l.ClientShare > 100 {
		d.wrong("limits.client_share", "a percentage from 1 to 100; 100 lets one client take all", "%d is no share", l.ClientShare)
	}
}
