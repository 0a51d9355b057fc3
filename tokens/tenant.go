package tokens

import (
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
)

// ParseTenant reads a directory ID in any spelling that .NET's Guid.Parse
// takes for one: upper case, braces or parentheses, urn:uuid:, no hyphens.
// Anything round it, and the GUID of all zeros, is refused.
func ParseTenant(s string) (Tenant, bool) {
	if len(s) > 9 && strings.EqualFold(s[:9], "urn:uuid:") {
		s = s[9:]
	}
	if len(s) == 38 && (s[0] == '{' && s[37] == '}' || s[0] == '(' && s[37] == ')') {
		s = s[1:37]
	}
	hyphens := len(s) == 36
	if !hyphens && len(s) != 32 {
		return "", false
	}
	out := make([]byte, 0, 36)
	zero := true
	for i := range len(s) {
		c := s[i]
		if hyphens && (i == 8 || i == 13 || i == 18 || i == 23) {
			if c != '-' {
				return "", false
			}
			continue
		}
		switch {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'f':
		case 'A' <= c && c <= 'F':
			c |= 0x20
		default:
			return "", false
		}
		zero = zero && c == '0'
		if n := len(out); n == 8 || n == 13 || n == 18 || n == 23 {
			out = append(out, '-')
		}
		out = append(out, c)
	}
	if zero {
		return "", false
	}
	return Tenant(out), true
}

// issuers are the hosts of the iss claim in every cloud, v1 (sts) and v2
// (login). Access tokens name them in their documentation for the global cloud
// only; the others are not documented. An issuer that is not here needs a tid
// claim beside it.
var issuers = hosts.MustParseSet(
	"sts.windows.net", "login.microsoftonline.com", "login.windows.net", "login.microsoft.com",
	"login.microsoftonline.us", "sts.microsoftonline.us", "login-us.microsoftonline.com", "login.usgovcloudapi.net",
	"login.partner.microsoftonline.cn", "sts.chinacloudapi.cn", "login.chinacloudapi.cn",
	"login.microsoftonline.de", "sts.microsoftonline.de",
	"*.ciamlogin.com", "*.b2clogin.com",
)

// realm returns the tenant that an iss or idp claim names, and whether the
// issuer is one of Entra's: https://sts.windows.net/{tid}/, the same of v2 and
// of the other clouds, or {application}@{tid} of the Access Control Service
// (SharePoint and Exchange server-to-server tokens).
func realm(iss string) (t Tenant, known bool) {
	if app, at, ok := strings.Cut(iss, "@"); ok {
		_, isApp := ParseTenant(app)
		t, isTenant := ParseTenant(at)
		return t, isApp && isTenant
	}
	rest, https := strings.CutPrefix(iss, "https://")
	host, path, _ := strings.Cut(rest, "/")
	for segment := range strings.SplitSeq(path, "/") {
		if tenant, ok := ParseTenant(segment); ok {
			t = tenant
			break
		}
	}
	n, err := hosts.Parse(host)
	return t, https && err == nil && issuers.Has(n)
}
