package proxy

import (
	"net"
	"net/netip"
)

// Transparent is how the firewall brings connections to the steered listener,
// and so how their original destinations are found.
type Transparent string

// The ways. The zero Transparent is none.
const (
	NotTransparent Transparent = "none"     // by DNS steering alone
	Redirect       Transparent = "redirect" // nftables redirect: the kernel remembers, SO_ORIGINAL_DST
	TProxy         Transparent = "tproxy"   // nftables tproxy: the local address is the original destination
)

// meant returns where the client of conn wanted to go before the firewall
// diverted it; not valid where nothing did, or where a balancer is in between.
func (s *Server) meant(conn net.Conn) netip.AddrPort {
	if m, ok := conn.(*metered); ok {
		conn = m.Conn
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return netip.AddrPort{}
	}
	var to netip.AddrPort
	switch s.Transparent {
	case Redirect:
		to = originalDestination(tcp)
	case TProxy:
		to = addrPort(tcp.LocalAddr())
	}
	if !to.IsValid() || s.own.has(to) { // it came to us of itself
		return netip.AddrPort{}
	}
	return to
}

// loops tells whether a diverted connection comes from this machine: then the
// rule that diverts catches what the proxy itself sends, and each connection
// would make the next.
func loops(c *client) bool { return c.meant.IsValid() && local(c.from.Addr()) }
