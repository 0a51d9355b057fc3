package judge

import (
	"fmt"
	"math/bits"
	"net/netip"
	"strings"
	"time"
)

// expression is shExpMatch as Chromium and Firefox have it: a dot is a dot, *
// and ? are wildcards, and what else is special in a regular expression stays
// so.
const expression = `(function (text, pattern) {
  pattern = ("" + pattern).replace(/\./g, "\\.").replace(/\*/g, ".*").replace(/\?/g, ".");
  return new RegExp("^" + pattern + "$").test("" + text);
})`

// define gives the file the functions of Netscape's proxy auto-configuration,
// and Microsoft's for IPv6.
func (f *File) define() error {
	match, err := f.vm.RunString(expression)
	if err != nil {
		return fmt.Errorf("define shExpMatch: %w", err)
	}
	functions := map[string]any{
		"shExpMatch":          match,
		"isPlainHostName":     func(host string) bool { return !strings.ContainsAny(host, ".:") },
		"dnsDomainIs":         func(host, domain string) bool { return strings.HasSuffix(host, domain) },
		"localHostOrDomainIs": func(host, full string) bool { return host == full || strings.HasPrefix(full, host+".") },
		"dnsDomainLevels":     func(host string) int { return strings.Count(host, ".") },
		"convert_addr":        func(s string) int32 { return int32(number(s)) },
		"isResolvable":        func(host string) bool { _, ok := f.lookUp(host); return ok },
		"isResolvableEx":      func(host string) bool { _, ok := f.lookUp(host); return ok },
		"dnsResolve":          func(host string) any { return orNull(f.lookUp(host)) },
		"dnsResolveEx":        func(host string) string { return orEmpty(f.lookUp(host)) },
		"myIpAddress":         f.myIP,
		"myIpAddressEx":       f.myIP,
		"isInNet":             f.isInNet,
		"isInNetEx":           f.isInNetEx,
		"sortIpAddressList":   func(list string) string { return list },
		"getClientVersion":    func() string { return "1.0" },
		"weekdayRange":        func(args ...string) bool { return weekdayRange(f.clock(), args) },
		"dateRange":           func(args ...string) bool { return dateRange(f.clock(), args) },
		"timeRange":           func(args ...string) (bool, error) { return timeRange(f.clock(), args) },
		"alert":               f.alert,
	}
	for name, function := range functions {
		if err := f.vm.Set(name, function); err != nil {
			return fmt.Errorf("define %s: %w", name, err)
		}
	}
	return nil
}

func (f *File) alert(text string) {
	if len(f.notes) < 100 {
		f.notes = append(f.notes, cut(text))
	}
}

func (f *File) clock() time.Time {
	f.learnt.clock = true
	return f.facts.now()
}

func (f *File) myIP() string {
	f.learnt.myIP = true
	return f.facts.myIP().String()
}

// lookUp asks the imitated DNS. What is an address already is not looked up.
func (f *File) lookUp(host string) (netip.Addr, bool) {
	if _, err := netip.ParseAddr(host); err != nil && len(f.learnt.dns) < 1000 {
		f.learnt.dns[host] = true
	}
	return f.facts.resolve(host)
}

func orNull(a netip.Addr, ok bool) any {
	if !ok {
		return nil
	}
	return a.String()
}

func orEmpty(a netip.Addr, ok bool) string {
	if !ok {
		return ""
	}
	return a.String()
}

// isInNet compares four octets with a network; a name is looked up first.
func (f *File) isInNet(host, network, mask string) bool {
	p, err1 := netip.ParseAddr(network)
	m, err2 := netip.ParseAddr(mask)
	if err1 != nil || err2 != nil || !p.Is4() || !m.Is4() {
		return false
	}
	f.learnt.note(netip.PrefixFrom(p, bits.LeadingZeros32(^uint32(number(mask)))))
	a, ok := f.lookUp(host)
	return ok && a.Is4() && number(a.String())&number(mask) == number(network)&number(mask)
}

func (f *File) isInNetEx(address, prefix string) bool {
	p, err := netip.ParsePrefix(prefix)
	if err != nil {
		return false
	}
	f.learnt.note(p)
	a, ok := f.lookUp(address)
	return ok && p.Contains(a)
}

// number is four octets as one number; 0 for anything else.
func number(s string) uint32 {
	a, err := netip.ParseAddr(s)
	if err != nil || !a.Is4() {
		return 0
	}
	n := uint32(0)
	for _, b := range a.AsSlice() {
		n = n<<8 | uint32(b)
	}
	return n
}
