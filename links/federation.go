package links

import (
	"net/url"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
)

// servicePrincipal reads which application is made known in our tenant. Its ID
// does not say whose it is (Graph, serviceprincipal-post-serviceprincipals).
func servicePrincipal(f *finding, r resource, body value) {
	f.every(ServicePrincipal, r, body, Name, "appId")
}

// federatedCredential reads whose tokens an application or an identity of ours
// is to trust: of a tenant of Entra, or of another issuer (Graph,
// federatedidentitycredential; Azure, userAssignedIdentities).
func federatedCredential(f *finding, r resource, body value) {
	for _, way := range [][]string{{"issuer"}, {"properties", "issuer"}} {
		for _, v := range f.at(body, way...) {
			field := strings.Join(way, ".")
			if tenant, ok := issuerTenant(v.text); ok && v.kind == '"' {
				f.far(FederatedCredential, r, textValue(tenant), Tenant, field)
				continue
			}
			f.far(FederatedCredential, r, v, Name, field)
		}
	}
}

// entraIssuers are the hosts that Entra issues tokens under: of each cloud, and
// of tokens of version 1.
var entraIssuers = hosts.MustParseSet(
	"login.microsoftonline.com", "sts.windows.net", "login.microsoftonline.us",
	"login.partner.microsoftonline.cn", "login.chinacloudapi.cn", "sts.chinacloudapi.cn",
)

// issuerTenant returns the tenant that an issuer of Entra is of: the first
// segment of its path.
func issuerTenant(issuer string) (string, bool) {
	u, err := url.Parse(strings.TrimSpace(issuer))
	if err != nil || u.Scheme != "https" || u.User != nil || u.Port() != "" || !entraIssuers.Has(hosts.Name(strings.ToLower(u.Host))) {
		return "", false
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	return guid(first)
}
