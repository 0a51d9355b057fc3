package demo

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// The restriction headers, in canonical spelling.
const (
	tagV2      = "Sec-Restrict-Tenant-Access-Policy"
	tagV1      = "Restrict-Access-To-Tenants"
	contextV1  = "Restrict-Access-Context"
	noConsumer = "restrict-msa"
)

// restriction returns which restriction header name is or resembles, folding
// letter case, underscores and blanks; empty for any other name.
func restriction(name string) string {
	folded := strings.ReplaceAll(strings.TrimSpace(name), "_", "-")
	for _, known := range []string{tagV2, tagV1, contextV1} {
		if strings.EqualFold(folded, known) {
			return known
		}
	}
	return ""
}

// tagged is what the restriction headers of one request say.
type tagged struct {
	tenant, policy string   // TRv2
	permitted      []string // TRv1; nil: no such header
	consumer       bool     // restrict-msa
}

// readTags reads the restriction headers of a sign-in request. What a proxy
// must never send is an error that says so loudly: the real service's answer
// to it is not documented.
func readTags(h, trailer http.Header) (tagged, error) {
	found := map[string][]string{}
	for _, from := range []http.Header{h, trailer} {
		for name, values := range from {
			if known := restriction(name); known != "" {
				found[known] = append(found[known], values...)
			}
		}
	}
	for name := range trailer {
		if restriction(name) != "" {
			return tagged{}, fmt.Errorf("tag seen in a trailer: %s", name)
		}
	}
	for name, values := range found {
		if n := count(name, values); n != 1 {
			return tagged{}, fmt.Errorf("tag seen %d times: %s", n, name)
		}
	}
	if len(found[tagV2]) > 0 && len(found[tagV1]) > 0 {
		return tagged{}, fmt.Errorf("tags of v1 and v2 on one request")
	}
	return parseTags(found)
}

// count is how often a header was sent, counting values that were joined.
// Restrict-Access-To-Tenants is itself a list.
func count(name string, values []string) int {
	n := len(values)
	if name != tagV1 {
		for _, v := range values {
			n += strings.Count(v, ",")
		}
	}
	return n
}

func parseTags(found map[string][]string) (tagged, error) {
	var t tagged
	if v := found[tagV1]; len(v) > 0 {
		t.permitted = strings.Split(v[0], ",")
	}
	v := found[tagV2]
	if len(v) == 0 {
		return t, nil
	}
	if v[0] == noConsumer {
		t.consumer = true
		return t, nil
	}
	var ok bool
	if t.tenant, t.policy, ok = strings.Cut(v[0], ":"); !ok || len(t.tenant) != 36 || len(t.policy) != 36 {
		return tagged{}, fmt.Errorf("malformed tag: %q", v[0])
	}
	return t, nil
}

// judge decides a sign-in of an account of one tenant to another as tenant
// restrictions are documented to; nil is allowed.
//
//  1. v1 looks at the resource tenant alone, whoever signs in (tenant-restrictions)
//  2. v2 must name the default policy of its tenant (AADSTS1000108)
//  3. v2 leaves alone what targets the tagging tenant, and its own accounts
//  4. v2 refuses the rest, but for the partners of its policy (AADSTS5000211)
func (t tagged) judge(account, resource Tenant) *fault {
	if t.permitted != nil && !slices.ContainsFunc(t.permitted, resource.named) {
		return &fault{code: 500021, oauth: "access_denied", message: "Access to '" + resource.Name + "' tenant is denied."}
	}
	if t.tenant == "" {
		return nil
	}
	tagging := tenantOf(t.tenant)
	if !tagging.known() {
		return &fault{code: 90002, oauth: "invalid_request", message: "Tenant '" + t.tenant + "' not found."}
	}
	if !strings.EqualFold(tagging.Policy, t.policy) {
		return &fault{code: 1000108, oauth: "invalid_request", message: fmt.Sprintf(
			"The policy ID %s in the sec-Restrict-Tenant-Access-Policy header did not match a policy ID in tenant %s.",
			t.policy, tagging.Name)}
	}
	if tagging.ID == resource.ID || tagging.ID == account.ID || slices.Contains(tagging.Partners, resource.ID) {
		return nil
	}
	return &fault{code: 5000211, oauth: "access_denied", message: fmt.Sprintf(
		"A tenant restrictions policy added to this request by a device or network administrator "+
			"does not allow access to '%s'.", resource.Name)}
}

// named tells whether an item of Restrict-Access-To-Tenants means t.
func (t Tenant) named(item string) bool {
	return strings.EqualFold(item, t.ID) || slices.Contains(t.Domains, strings.ToLower(item))
}
