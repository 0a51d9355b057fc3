package directory

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
)

// rule is how a kind of resource is asked for its tenant.
type rule struct {
	url    *url.URL
	header http.Header
	realm  bool   // the tenant is the challenge's realm, else it is in an authority's URL
	named  string // a header of its own that names the tenant, whatever the status; empty for none
}

// challenges says how each kind of host is asked. Each row is made so that
// being wrong is harmless: another answer than the expected one teaches nothing.
//
//   - SharePoint answers an empty bearer on client.svc with its realm; not documented.
//   - Key Vault (Microsoft, authentication-requests-and-responses) names it in authorization.
//   - Storage names it in authorization_uri from version 2019-12-12 on
//     (Microsoft, authorize-with-azure-active-directory, bearer challenge).
//   - Dataverse names it in authorization_uri (Microsoft, authenticate-oauth).
var challenges = []struct {
	suffixes []string
	path     string
	header   http.Header
	realm    bool
}{
	{
		[]string{".sharepoint.com", ".sharepoint.us", ".sharepoint-mil.us", ".sharepoint.cn"},
		"/_vti_bin/client.svc", http.Header{"Authorization": {"Bearer"}}, true,
	},
	{[]string{".vault.azure.net", ".vault.usgovcloudapi.net", ".vault.azure.cn"}, "/secrets?api-version=7.4", nil, false},
	{[]string{".blob.core.windows.net", ".blob.core.usgovcloudapi.net", ".blob.core.chinacloudapi.cn"},
		"/?comp=list", http.Header{"X-Ms-Version": {"2019-12-12"}}, false},
}

// ruleFor returns how the owner of n is asked; false if nobody can be.
func ruleFor(n hosts.Name) (rule, bool) {
	n = blobOf(n)
	first, rest, ok := strings.Cut(string(n), ".")
	if !ok || first == "" {
		return rule{}, false
	}
	for _, c := range challenges {
		if slices.Contains(c.suffixes, "."+rest) {
			return ruleAt(n, c.path, c.header, c.realm), true
		}
	}
	if org := organization(n); org != "" {
		return organizationRule(org), true
	}
	if isDataverse(rest) {
		return ruleAt(n, "/api/data/v9.2/WhoAmI", nil, false), true
	}
	return rule{}, false
}

// organizationRule asks Azure DevOps for an organization. Every answer names its
// tenant in a header, and one without a token is a challenge besides; neither
// is documented, Git Credential Manager reads both. An organization of personal
// accounts has the GUID of all zeros, which is no tenant.
func organizationRule(org string) rule {
	return rule{
		url:    &url.URL{Scheme: "https", Host: "dev.azure.com", Path: "/" + org + "/_apis/connectionData"},
		header: http.Header{"X-Tfs-Fedauthredirect": {"Suppress"}},
		named:  "X-Vss-Resourcetenant",
	}
}

func ruleAt(n hosts.Name, pathAndQuery string, header http.Header, realm bool) rule {
	path, query, _ := strings.Cut(pathAndQuery, "?")
	return rule{
		url:    &url.URL{Scheme: "https", Host: string(n), Path: path, RawQuery: query},
		header: header.Clone(),
		realm:  realm,
	}
}

// blobOf returns the blob host of the storage account that n is a host of:
// the account is one resource of one tenant, and blob names it.
func blobOf(n hosts.Name) hosts.Name {
	account, rest, _ := strings.Cut(string(n), ".")
	service, cloud, _ := strings.Cut(rest, ".")
	if !strings.HasPrefix(cloud, "core.") || !slices.Contains([]string{"blob", "queue", "table", "file", "dfs"}, service) {
		return n
	}
	// A read-only copy in the paired region; an account's own name has no hyphen.
	account = strings.TrimSuffix(account, "-secondary")
	return hosts.Name(account + ".blob." + cloud)
}

// isDataverse tells whether s is crm.dynamics.com or a region of it, crm4.dynamics.com.
func isDataverse(s string) bool {
	region, ok := strings.CutSuffix(s, ".dynamics.com")
	digits, isRegion := strings.CutPrefix(region, "crm")
	return ok && isRegion && strings.Trim(digits, "0123456789") == ""
}

// subscriptionRule asks Azure Resource Manager for the subscription id: without
// a token it answers 401 with the tenant in authorization_uri; not documented.
func subscriptionRule(management *url.URL, id string) rule {
	u := management.JoinPath("subscriptions", id)
	u.RawQuery = "api-version=2020-01-01"
	return rule{url: u}
}

// challenge asks r's resource and returns the one tenant that its 401 names.
func (d *Directory) challenge(ctx context.Context, r rule) (string, error) {
	resp, err := d.get(ctx, r.url, r.header)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if tenant, ok := guid(resp.Header.Get(r.named)); ok && len(resp.Header.Values(r.named)) == 1 {
		return tenant, nil
	}
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return "", ErrUnknown
	case resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode >= 500, resp.StatusCode/100 == 3:
		return "", fmt.Errorf("%w: status %d", ErrUnavailable, resp.StatusCode)
	case resp.StatusCode != http.StatusUnauthorized:
		return "", fmt.Errorf("%w: status %d without a challenge", ErrUnknown, resp.StatusCode)
	}
	found := map[string]bool{}
	for _, line := range resp.Header.Values("Www-Authenticate") {
		for _, p := range params(line) {
			if tenant, ok := d.named(r, p); ok {
				found[tenant] = true
			}
		}
	}
	if len(found) > 1 {
		return "", fmt.Errorf("%w: the challenges name %d tenants", ErrUnavailable, len(found))
	}
	for tenant := range found {
		return tenant, nil
	}
	return "", fmt.Errorf("%w: the challenge names no tenant", ErrUnknown)
}

// param is one parameter of a challenge.
type param struct{ scheme, name, value string }

// named returns the tenant that p names, if it is the parameter that r's
// resource is known to name it in. The URL in it is read, never asked.
func (d *Directory) named(r rule, p param) (string, bool) {
	if p.scheme != "bearer" {
		return "", false
	}
	if r.realm {
		if p.name != "realm" {
			return "", false
		}
		return guid(p.value)
	}
	if p.name != "authorization_uri" && p.name != "authorization" {
		return "", false
	}
	u, err := url.Parse(p.value)
	if err != nil || (u.Host != d.authority.Host && !signIn.Has(hosts.Name(u.Host))) {
		return "", false
	}
	return tenantInPath(p.value)
}

// signIn are the authorities that challenges name.
var signIn = hosts.MustParseSet(
	"login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net",
	"login.microsoftonline.us", "login.partner.microsoftonline.cn", "login.chinacloudapi.cn",
)

// params reads the parameters of a WWW-Authenticate line (RFC 9110, 11.6.1).
// Storage separates them by blanks instead of commas and quotes none, so
// both are taken for separators. What cannot be read is left out.
func params(line string) []param {
	var all []param
	scheme := ""
	for line = strings.TrimLeft(line, " \t,"); line != "" && len(all) < 64; line = strings.TrimLeft(line, " \t,") {
		end := strings.IndexAny(line, " \t,=")
		if end < 0 {
			break
		}
		word := strings.ToLower(line[:end])
		if line[end] != '=' {
			scheme, line = word, line[end:]
			continue
		}
		value, rest, ok := paramValue(line[end+1:])
		if !ok {
			break
		}
		all = append(all, param{scheme, word, value})
		line = rest
	}
	return all
}

// paramValue reads a token or a quoted string off s.
func paramValue(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		if end := strings.IndexAny(s, " \t,"); end >= 0 {
			return s[:end], s[end:], true
		}
		return s, "", true
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			i++
			if i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}
