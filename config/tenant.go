package config

import (
	"fmt"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
)

// Where an administrator finds the two IDs (Microsoft, tenant-restrictions-v2).
const (
	findID     = "find it in Entra > Overview"
	findPolicy = "find it in Entra > Cross-tenant access settings > Default settings > Tenant restrictions"
)

// Tenants that cannot be anybody's home (Microsoft, access-token-claims-reference).
var notHome = map[string]string{
	"9188040d-6c67-4c5b-b112-36a304b66dad": "is the tenant of personal Microsoft accounts",
	"f8cdef31-a31e-4b4a-93e4-5f571e91255a": "is a tenant of Microsoft's own services",
}

// checkTenant checks and normalizes the tenant section. Which of two good IDs
// is the tenant's cannot be told from their shape; that they are swapped is
// only seen when they are equal.
func (d *document) checkTenant(f *File) {
	t := &f.Tenant
	t.ID = d.guid("tenant.id", t.ID, "a directory ID", findID)
	if what, ok := notHome[t.ID]; ok {
		d.wrong("tenant.id", findID, "%s %s", d.quote("tenant.id", t.ID), what)
	}
	if t.Policy != "" || f.Tagging.Version == "v2" {
		t.Policy = d.guid("tenant.policy", t.Policy, "the ID of a cross-tenant access policy", findPolicy)
	}
	if t.ID != "" && t.ID == t.Policy {
		d.wrong("tenant.policy", findPolicy, "is the same as tenant.id, want the ID of the policy")
	}
	d.checkDomains(t.Domains)
}

func (d *document) checkDomains(domains []string) {
	seen := map[string]bool{}
	for i, s := range domains {
		path := fmt.Sprintf("tenant.domains[%d]", i)
		n, err := hosts.Parse(s)
		switch {
		case strings.HasPrefix(s, "*."):
			d.wrong(path, "write the domain alone: "+d.quote(path, s[2:]), "%s is a pattern, want a domain", d.quote(path, s))
		case strings.Contains(s, "@"):
			d.wrong(path, "write what stands after the @", "%s is an address, want a domain", d.quote(path, s))
		case !ascii(s):
			d.wrong(path, "write the xn-- form", "%s is not in ASCII, want a domain", d.quote(path, s))
		case isGUID(s):
			d.wrong(path, "the directory ID belongs in tenant.id", "%s is an ID, want a domain", d.quote(path, s))
		case err != nil, !strings.Contains(string(n), "."):
			d.wrong(path, "write contoso.com", "%s is not a domain", d.quote(path, s))
		case seen[string(n)]:
			d.wrong(path, "", "%s is in the list already", d.quote(path, s))
		default:
			domains[i], seen[string(n)] = string(n), true
		}
	}
}

// guid returns the ID that s is, in lower case; if s is none, it records what
// s is instead, with want and where for the reader, and returns nothing.
func (d *document) guid(path, s, want, where string) string {
	if isGUID(s) {
		if id := strings.ToLower(s); strings.Trim(id, "0-") != "" {
			return id
		}
		d.wrong(path, where, "is the empty GUID, want %s", want)
		return ""
	}
	if s == "" {
		d.wrong(path, where, "is missing, want %s", want)
		return ""
	}
	what, hint := mistaken(s)
	if hint == "" || d.secret[path] {
		hint = where
	}
	d.wrong(path, hint, "%s %s, want %s", d.quote(path, s), what, want)
	return ""
}

// mistaken says what s is, if not a GUID, and what to do about it.
func mistaken(s string) (what, hint string) {
	if id, ok := undress(s); ok {
		return "is an ID in another form", "write it as " + id
	}
	lower := strings.ToLower(s)
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == ':' || r == ' ' })
	switch {
	case lower == "restrict-msa":
		return "is a v1 value", "with tagging.version: v1 write tagging.v1.restrict_msa: true"
	case strings.Contains(lower, "restrict-access-"), strings.Contains(lower, "restrict-tenant-access"):
		return "is a whole header", "write the value alone"
	case len(parts) == 2 && isGUID(parts[0]) && isGUID(parts[1]):
		return "is two IDs", fmt.Sprintf("write tenant.id: %s and tenant.policy: %s", parts[0], parts[1])
	case strings.Contains(s, ","):
		return "is a list, as v1 has it", "with tagging.version: v1 write the list as tagging.v1.allowed"
	case lower == "common", lower == "organizations", lower == "consumers":
		return "is a sign-in endpoint for any tenant", ""
	case strings.Contains(s, "://"):
		return "is a URL", ""
	}
	if n, err := hosts.Parse(s); err == nil && strings.Contains(string(n), ".") {
		return "is a domain", ""
	}
	return "is no GUID", ""
}

// undress returns the canonical form of a GUID that is written with braces,
// quotes, blanks, a urn prefix, or without hyphens.
func undress(s string) (string, bool) {
	s = strings.ToLower(strings.Trim(s, " \t\r\n{}()'\""))
	s = strings.TrimPrefix(s, "urn:uuid:")
	if len(s) == 32 {
		s = s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
	}
	return s, isGUID(s)
}

// isGUID tells whether s is 8-4-4-4-12 hexadecimal digits, in any case.
func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i] | 0x20
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if s[i] != '-' {
				return false
			}
		case ('0' > s[i] || s[i] > '9') && ('a' > c || c > 'f'):
			return false
		}
	}
	return true
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
