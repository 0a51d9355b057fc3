package main

import (
	"context"
	"net"
	"net/netip"

	"github.com/tenantgate/tenantgate/demo"
)

// cloudResolver answers with the addresses of the imitation cloud.
type cloudResolver struct{ cloud *demo.Cloud }

// LookupNetIP implements proxy.Resolver.
func (r cloudResolver) LookupNetIP(ctx context.Context, _, host string) ([]netip.Addr, error) {
	return r.cloud.Resolve(ctx, host)
}

// cloudConnect dials the imitation cloud, which listens on one port for each
// scheme whatever the address.
func cloudConnect(cloud *demo.Cloud) func(context.Context, netip.AddrPort) (net.Conn, error) {
	return func(ctx context.Context, a netip.AddrPort) (net.Conn, error) {
		return cloud.Dial(ctx, "tcp", a.String())
	}
}
