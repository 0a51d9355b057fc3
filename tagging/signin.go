package tagging

import "github.com/tenantgate/tenantgate/hosts"

// verdict is what happens to a sign-in name. The zero verdict refuses.
type verdict uint8

const (
	refused   verdict = iota // never reached from here
	inspected                // decrypted and judged, not tagged
	tagged                   // decrypted, judged and tagged
)

// signIn is one name at which somebody can be issued a token.
type signIn struct {
	pattern string
	verdict verdict
	source  string
	why     string
}

// signIns are all sign-in names with a verdict each, so that none is "unknown,
// hence tunnelled".
//
// Microsoft documents tags for four of them (tenant-restrictions-v2). The
// others that are tagged are the same token service under another name: a tag
// there is not documented, and harmless where it is ignored, since it tells
// Microsoft only what it is told at the front door. A pattern never covers
// *.login.microsoftonline.com, which Microsoft warns of: device sign-in is
// beneath it. Where one covers such a host elsewhere, Exempt takes it out.
var signIns = []signIn{
	{"login.microsoftonline.com", tagged, "tenant-restrictions-v2", "the sign-in service"},
	{"login.microsoft.com", tagged, "tenant-restrictions-v2", "the sign-in service"},
	{"login.windows.net", tagged, "tenant-restrictions-v2", "the sign-in service, older name"},
	{"login.live.com", tagged, "tenant-restrictions-v2", "personal accounts"},

	{"sts.windows.net", tagged, "MSAL trusted hosts", "v1 issuer and alias of the sign-in service; tag not documented"},
	{"loginex.microsoftonline.com", tagged, "Microsoft 365 endpoint set 56", "sibling; tag not documented"},
	{"ccs.login.microsoftonline.com", tagged, "Microsoft 365 endpoint set 56", "backup authentication; tag not documented"},
	{"*.login.microsoft.com", tagged, "MSAL regional endpoints", "issues app-only tokens by region; tag not documented"},
	{"*.r.login.microsoftonline.com", tagged, "MSAL regional endpoints", "the same, older name; tag not documented"},

	{"login.microsoftonline.us", tagged, "authentication-national-cloud", "US Government; not enforced across clouds"},
	{"*.login.microsoftonline.us", tagged, "MSAL regional endpoints", "the same by region; tag not documented"},
	{"login-us.microsoftonline.com", tagged, "MSAL trusted hosts", "US Government, older name; tag not documented"},
	{"login.usgovcloudapi.net", tagged, "MSAL trusted hosts", "US Government, alias; tag not documented"},
	{"login.cloudgovapi.us", tagged, "MSAL trusted hosts", "US Government, alias; tag not documented"},
	{"login.partner.microsoftonline.cn", tagged, "authentication-national-cloud", "China; not enforced across clouds"},
	{"*.login.partner.microsoftonline.cn", tagged, "MSAL regional endpoints", "the same by region; tag not documented"},
	{"login.chinacloudapi.cn", tagged, "MSAL trusted hosts", "China, older name; tag not documented"},
	{"sts.chinacloudapi.cn", tagged, "not documented", "v1 issuer of China"},
	{"login.microsoftonline.de", tagged, "MSAL trusted hosts", "Germany, closed; tag not documented"},
	{"login.sovcloud-identity.fr", tagged, "MSAL trusted hosts", "Bleu, France; tag not documented"},
	{"*.login.sovcloud-identity.fr", tagged, "MSAL regional endpoints", "the same by region; tag not documented"},
	{"login.sovcloud-identity.de", tagged, "MSAL trusted hosts", "Delos, Germany; tag not documented"},
	{"*.login.sovcloud-identity.de", tagged, "MSAL regional endpoints", "the same by region; tag not documented"},
	{"login.sovcloud-identity.sg", tagged, "MSAL trusted hosts", "GovSG, Singapore; tag not documented"},
	{"*.login.sovcloud-identity.sg", tagged, "MSAL regional endpoints", "the same by region; tag not documented"},

	{"login.microsoftonline-p.com", inspected, "Microsoft 365 endpoint set 56", "static content of sign-in pages, no sign-in host"},
	{"nexus.microsoftonline-p.com", inspected, "Microsoft 365 endpoint set 56", "account services of older Office"},
	{"accounts.accesscontrol.windows.net", inspected, "Microsoft 365 endpoint set 56", "Access Control Service: app-only SharePoint tokens; whether it reads tags is unknown"},
	{"*.b2clogin.com", inspected, "not documented", "Azure AD B2C: customers of a tenant, an issuer of its own"},
	{"*.ciamlogin.com", inspected, "not documented", "Entra External ID: customers of a tenant, an issuer of its own"},
	{"*.auth.microsoft.com", inspected, "Microsoft 365 endpoint set 56", "required by sign-in; what it issues is not documented"},
	{"*.msidentity.com", inspected, "Microsoft 365 endpoint set 56", "required by sign-in; what it issues is not documented"},
	{"*.msftidentity.com", inspected, "Microsoft 365 endpoint set 56", "required by sign-in; what it issues is not documented"},
	{"provisioningapi.microsoftonline.com", inspected, "Microsoft 365 endpoint set 56", "directory administration with a token"},
	{"adminwebservice.microsoftonline.com", inspected, "Microsoft 365 endpoint set 56", "directory administration with a token"},
	{"becws.microsoftonline.com", inspected, "Microsoft 365 endpoint set 56", "directory administration with a token"},

	{"login.windows-ppe.net", refused, "MSAL trusted hosts", "pre-production"},
	{"sts.windows-ppe.net", refused, "MSAL trusted hosts", "pre-production"},
	{"login.microsoft-ppe.com", refused, "MSAL trusted hosts", "pre-production"},
	{"login.microsoftonline-int.com", refused, "not documented", "integration environment"},
	{"login.microsoftonline-pst.com", refused, "not documented", "pre-production"},
	{"logincert.microsoftonline-int.com", refused, "not documented", "integration environment"},
	{"login.live-int.com", refused, "not documented", "integration environment of personal accounts"},
}

func signInHosts(v verdict) hosts.Set {
	var patterns []string
	for _, s := range signIns {
		if s.verdict == v {
			patterns = append(patterns, s.pattern)
		}
	}
	return hosts.MustParseSet(patterns...)
}
