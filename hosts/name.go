// Package hosts names destinations, normalized once.
//
// A [Name] and an [Authority] only come from Parse and ParseAuthority, so
// whoever holds one holds the canonical spelling: ASCII, lower case, no
// trailing dot. What does not survive the strict grammar is an error, and an
// error means refuse; nothing here ever repairs a name into a listed one.
package hosts

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// ErrInvalid is wrapped by every error of this package that says a name,
// an authority or a pattern is malformed.
var ErrInvalid = errors.New("invalid host")

// Name is a DNS host name in canonical spelling. The zero Name is no host.
// Only Parse makes one.
type Name string

// maxName is the longest host name in presentation form (RFC 1035, 2.3.4).
const maxName = 253

// Parse returns the canonical form of a host name: letters, digits, hyphens
// and, as real SharePoint and storage names have them, underscores, in labels
// of 1 to 63 octets. One trailing dot is dropped. IP literals, numeric
// spellings of addresses, empty labels and anything that is not ASCII are
// refused: an internationalized name must arrive as its A-label
// (golang/go#80417 shows what happens when a dialler maps it later).
func Parse(s string) (Name, error) {
	name := strings.TrimSuffix(s, ".")
	if len(name) > maxName {
		return "", fmt.Errorf("%w: %d octets, want 1 to %d", ErrInvalid, len(name), maxName)
	}
	for label := range strings.SplitSeq(name, ".") {
		if err := checkLabel(label); err != nil {
			return "", err
		}
	}
	name = strings.ToLower(name)
	if looksNumeric(name) {
		return "", fmt.Errorf("%w: %q is a number, not a name", ErrInvalid, s)
	}
	return Name(name), nil
}

func checkLabel(label string) error {
	if label == "" || len(label) > 63 {
		return fmt.Errorf("%w: a label has %d octets, want 1 to 63", ErrInvalid, len(label))
	}
	for i, c := range label {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_':
		case c == '-' && i > 0 && i < len(label)-1:
		default:
			return fmt.Errorf("%w: %q is not allowed in %q", ErrInvalid, string(c), label)
		}
	}
	return nil
}

// looksNumeric tells whether a resolver could take name for an address: its
// last label is a number, as WHATWG URL's "ends in a number" has it.
func looksNumeric(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	return strings.HasPrefix(last, "0x") || strings.Trim(last, "0123456789") == ""
}

// Authority is where a request wants to go: a name or an address, and a port.
// Exactly one of Name and Addr is set in a parsed Authority.
type Authority struct {
	Name Name
	Addr netip.Addr
	Port uint16
}

// Host returns the name, or the address without brackets.
func (a Authority) Host() string {
	if a.Addr.IsValid() {
		return a.Addr.String()
	}
	return string(a.Name)
}

// String returns host:port, with brackets round an IPv6 address.
func (a Authority) String() string {
	if a.Addr.IsValid() {
		return netip.AddrPortFrom(a.Addr, a.Port).String()
	}
	return fmt.Sprintf("%s:%d", a.Name, a.Port)
}

// ParseAuthority reads the host:port of a CONNECT target, a Host header or
// an absolute URI. defaultPort is used when none is written; 0 means that a
// port is required (RFC 9110, 9.3.6, has it so for CONNECT). Userinfo, paths,
// queries, percent-encoding, empty or padded ports ("", "00443") and zones are
// refused.
func ParseAuthority(s string, defaultPort uint16) (Authority, error) {
	host, port, err := splitPort(s, defaultPort)
	if err != nil {
		return Authority{}, err
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		addr, err := netip.ParseAddr(inner)
		if !ok || err != nil || !addr.Is6() || addr.Zone() != "" {
			return Authority{}, fmt.Errorf("%w: %q is not an IPv6 literal", ErrInvalid, host)
		}
		return Authority{Addr: addr, Port: port}, nil
	}
	if addr, err := netip.ParseAddr(host); err == nil && addr.Is4() {
		return Authority{Addr: addr, Port: port}, nil
	}
	name, err := Parse(host)
	if err != nil {
		return Authority{}, err
	}
	return Authority{Name: name, Port: port}, nil
}

func splitPort(s string, defaultPort uint16) (host string, port uint16, err error) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.HasSuffix(s, "]") {
		if defaultPort == 0 {
			return "", 0, fmt.Errorf("%w: no port in %q", ErrInvalid, s)
		}
		return s, defaultPort, nil
	}
	port, err = parsePort(s[i+1:])
	return s[:i], port, err
}

func parsePort(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || s[0] == '0' {
		return 0, fmt.Errorf("%w: port %q", ErrInvalid, s)
	}
	return uint16(n), nil
}
