package tagging

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/setting"
)

// parseGUID returns s, a directory or policy ID, in lower case. The zero GUID
// names nobody and is refused.
func parseGUID(s string) (string, error) {
	switch {
	case s == "":
		return "", errors.New("it is empty, want a GUID")
	case strings.EqualFold(s, restrictMSA):
		return "", fmt.Errorf("%q is a value of version v1, want a GUID", s)
	case strings.Count(s, ":") == 1:
		return "", fmt.Errorf("%q is a pair as the v2 header has it, want one GUID", s)
	case strings.Contains(s, "."):
		return "", fmt.Errorf("%q is a domain, want a GUID", s)
	case !isGUID(s):
		return "", fmt.Errorf("%q is not a GUID such as 11111111-1111-1111-1111-111111111111", s)
	case strings.Trim(s, "0-") == "":
		return "", errors.New("the zero GUID names nobody")
	}
	return strings.ToLower(s), nil
}

func isGUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
			continue
		}
		if !('0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F') {
			return false
		}
	}
	return true
}

// tenantList returns the items of Restrict-Access-To-Tenants in canonical
// spelling, in the order they were written, each once.
func tenantList(allowed []string) (list []string, problems []error) {
	if len(allowed) == 0 {
		return nil, []error{setting.Errorf("v1.allowed", "list the home tenant first, then those people may sign in to",
			"version v1 needs at least one tenant")}
	}
	for i, item := range allowed {
		canonical, err := parseTenant(item)
		if err != nil {
			problems = append(problems, setting.Errorf(fmt.Sprintf("v1.allowed[%d]", i),
				"one verified domain or directory ID an item, no wildcards", "%v", err))
			continue
		}
		if !slices.Contains(list, canonical) {
			list = append(list, canonical)
		}
	}
	if size := len(strings.Join(list, ",")); size > maxTenants {
		problems = append(problems, setting.Errorf("v1.allowed", "version v2 keeps the list in Entra",
			"the header would have %d octets; a server's usual limit is %d", size, maxTenants))
	}
	return list, problems
}

func parseTenant(item string) (string, error) {
	switch {
	case strings.Contains(item, "*"):
		return "", fmt.Errorf("%q has a wildcard, which Entra does not read", item)
	case strings.ContainsAny(item, " \t\r\n,;\"'"):
		return "", fmt.Errorf("%q is more than one name or has blanks or quotes in it", item)
	case !strings.Contains(item, "."):
		return parseGUID(item)
	}
	n, err := hosts.Parse(item)
	if err != nil || !strings.Contains(string(n), ".") {
		return "", fmt.Errorf("%q is neither a domain nor a directory ID", item)
	}
	return string(n), nil
}
