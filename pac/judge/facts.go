package judge

import (
	"net/netip"
	"strings"
	"time"
)

// Facts are what a PAC file can learn of the machine that it runs on.
type Facts struct {
	Now     time.Time                                    // the clock; zero: a working day at eleven
	MyIP    netip.Addr                                   // myIpAddress; zero: 10.0.0.5
	Resolve func(host string) (addr netip.Addr, ok bool) // the DNS; nil: every name with a dot is one public address
}

// workday is a Wednesday.
var workday = time.Date(2026, time.November, 18, 11, 0, 0, 0, time.Local)

// public is an address of Entra's sign-in ranges, standing for the internet.
var public = netip.MustParseAddr("20.190.128.1")

func (f Facts) now() time.Time {
	if f.Now.IsZero() {
		return workday
	}
	return f.Now
}

func (f Facts) myIP() netip.Addr {
	if !f.MyIP.IsValid() {
		return netip.AddrFrom4([4]byte{10, 0, 0, 5})
	}
	return f.MyIP
}

func (f Facts) resolve(host string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(host); err == nil {
		return a, true
	}
	if f.Resolve != nil {
		return f.Resolve(host)
	}
	return public, strings.Contains(host, ".")
}

// learnt is what a file asked for while it ran.
type learnt struct {
	dns    map[string]bool // names that were looked up
	myIP   bool
	clock  bool
	random bool
	nets   []netip.Prefix // networks that addresses were compared with
}

// world is Facts under a name for people.
type world struct {
	when  string
	facts Facts
}

// maxNets bounds how many networks of a file are tried as the client's own.
const maxNets = 24

// others are the worlds in which a file that asked for those things could
// answer otherwise.
func (l learnt) others() (addresses, names, clocks []world) {
	tried := []string{"127.0.0.1", "192.168.1.10", "172.16.0.10", "203.0.113.10"}
	for i, p := range l.nets {
		if i == maxNets {
			break
		}
		tried = append(tried, p.Masked().Addr().Next().String())
	}
	for _, s := range tried {
		a := netip.MustParseAddr(s)
		if l.myIP {
			addresses = append(addresses, world{"the client's address is " + s, Facts{MyIP: a}})
		}
		if len(l.dns) > 0 {
			names = append(names, world{"the DNS says " + s, Facts{Resolve: func(string) (netip.Addr, bool) { return a, true }}})
		}
	}
	if len(l.dns) > 0 {
		names = append(names, world{"the DNS knows no name", Facts{Resolve: func(string) (netip.Addr, bool) { return netip.Addr{}, false }}})
	}
	if l.clock {
		for _, t := range []time.Time{
			time.Date(2026, time.November, 22, 3, 30, 0, 0, time.Local), time.Date(2026, time.November, 18, 19, 30, 0, 0, time.Local),
			time.Date(2027, time.January, 1, 0, 0, 30, 0, time.Local), time.Date(2027, time.July, 14, 12, 0, 0, 0, time.Local),
		} {
			clocks = append(clocks, world{"it is " + t.Format("Monday 2 January 2006 15:04"), Facts{Now: t}})
		}
	}
	return addresses, names, clocks
}
