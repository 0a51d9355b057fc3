package proxy

import (
	"net/netip"
	"slices"
)

// guarded are the addresses that no origin of ours can have. Go's own
// predicates miss several (100.64/10, 192.0.0/24, 198.18/15, 240/4, fec0::/10,
// 168.63.129.16), so the table is explicit. Sources: IANA special-purpose
// registries (RFC 6890), Azure's platform address 168.63.129.16, AWS's IMDS
// over IPv6.
var guarded = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
	"192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32",
	"::/128", "::1/128", "100::/64", "2001:2::/48", "2001:db8::/32", "3fff::/20", "5f00::/16",
	"fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8", "2001:10::/28", "2001:20::/28", "64:ff9b:1::/48",
)

// embedding are IPv6 forms with an IPv4 address inside, and the byte at which
// it starts: what they lead to is judged as that address.
var embedding = []struct {
	prefix netip.Prefix
	at     int
}{
	{netip.MustParsePrefix("::ffff:0:0/96"), 12},       // IPv4-mapped, RFC 4291
	{netip.MustParsePrefix("::ffff:0:0:0/96"), 12},     // IPv4-translated, RFC 7915
	{netip.MustParsePrefix("::/96"), 12},               // IPv4-compatible, deprecated
	{netip.MustParsePrefix("64:ff9b::/96"), 12},        // NAT64, RFC 6052
	{netip.MustParsePrefix("2002::/16"), 2},            // 6to4, RFC 3056
	{netip.MustParsePrefix("fe80::5efe:0:0/96"), 12},   // ISATAP, RFC 5214
	{netip.MustParsePrefix("64:ff9b:1:ffff::/96"), 12}, // local-use NAT64, RFC 8215
}

// entraRanges are the addresses of Entra's sign-in service, set 56 of the
// Microsoft 365 endpoints (IPv4 ranges documented; IPv6 ranges as published
// with the same set).
var entraRanges = prefixes(
	"20.190.128.0/18", "40.126.0.0/18",
	"2603:1006:2000::/48", "2603:1007:200::/48", "2603:1016:1400::/48", "2603:1017::/48",
	"2603:1026:3000::/48", "2603:1027:1::/48", "2603:1036:3000::/48", "2603:1037:1::/48",
	"2603:1046:2000::/48", "2603:1047:1::/48", "2603:1056:2000::/48", "2603:1057:2::/48",
)

// SignInRanges returns the published addresses of Entra's sign-in service, for
// firewalls that close the way past the proxy.
func SignInRanges() []netip.Prefix { return slices.Clone(entraRanges) }

func prefixes(list ...string) []netip.Prefix {
	all := make([]netip.Prefix, len(list))
	for i, s := range list {
		all[i] = netip.MustParsePrefix(s)
	}
	return all
}

func within(list []netip.Prefix, a netip.Addr) bool {
	for _, p := range list {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// plain returns the IPv4 address inside a, or a itself without zone.
func plain(a netip.Addr) netip.Addr {
	a = a.WithZone("")
	if a.Is4() || a.IsLoopback() || a.IsUnspecified() {
		return a
	}
	b := a.As16()
	for _, e := range embedding {
		if e.prefix.Contains(a) || a.Is4In6() {
			at := e.at
			if a.Is4In6() {
				at = 12
			}
			v4, _ := netip.AddrFromSlice(b[at : at+4])
			return v4
		}
	}
	// Teredo (RFC 4380) hides the client's address by inverting its bits.
	if netip.MustParsePrefix("2001::/32").Contains(a) {
		return netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]})
	}
	return a
}

// dialable tells whether a may be dialled: it is a public address, or one
// that allow lists. An address that embeds another is judged as both.
func dialable(a netip.Addr, allow []netip.Prefix) bool {
	if !a.IsValid() || a.Zone() != "" {
		return false
	}
	for _, x := range [...]netip.Addr{a.Unmap(), plain(a)} {
		if within(guarded, x) && !within(allow, x) {
			return false
		}
	}
	return true
}

// entraAddress tells whether a belongs to Entra's sign-in service.
func entraAddress(a netip.Addr) bool { return within(entraRanges, plain(a)) }
