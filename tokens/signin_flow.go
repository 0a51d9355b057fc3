package tokens

import "strings"

// The flows, as events name them.
const (
	flowAuthorize         = "authorize"
	flowToken             = "token" // a grant nobody here knows
	flowClientCredentials = "client-credentials"
	flowLookup            = "account-lookup"
	flowLogin             = "login"
	flowContinue          = "continue"
	flowDeviceCode        = "device-code"
	flowDeviceEntry       = "device-code-entry"
	flowSAML              = "saml"
	flowFederation        = "ws-federation"
	flowTrust             = "ws-trust"
)

// endpoints are the paths beneath the tenant that take part in a sign-in, by
// their last segments. Those of OAuth, SAML and WS-Federation are in
// Microsoft's documentation of the protocols; those of the pages are not
// documented, and a name that is wrong here is a request without a sign_in.
var endpoints = map[string]string{
	"oauth20_authorize.srf": flowAuthorize,
	"oauth20_token.srf":     flowToken,
	"getcredentialtype":     flowLookup, "getcredentialtype.srf": flowLookup,
	"userrealm": flowLookup, "getuserrealm.srf": flowLookup,
	"login": flowLogin, "login.srf": flowLogin, "post.srf": flowLogin,
	"kmsi": flowContinue, "reprocess": flowContinue, "resume": flowContinue,
	"beginauth": flowContinue, "endauth": flowContinue, "processauth": flowContinue,
	"devicecode": flowDeviceCode, "deviceauth": flowDeviceEntry,
	"saml2": flowSAML, "wsfed": flowFederation,
	"rst2.srf": flowTrust, "extsts.srf": flowTrust, "usernamemixed": flowTrust, "windowstransport": flowTrust,
}

// flowOf returns the flow of a path beneath its tenant, in lower case, and
// whether its answer can be a token answer. The answer of the token endpoint
// for push notifications (accesstoken.srf) is for no account.
func flowOf(rest string) (flow string, issues bool) {
	last := lastSegment(rest)
	oauth := strings.HasPrefix(rest, "oauth2/") || strings.Contains(rest, "/oauth2/")
	switch {
	case oauth && last == "token", last == "oauth20_token.srf":
		return flowToken, true
	case strings.HasSuffix(rest, "tokens/oauth/2"): // Access Control Service
		return flowToken, true
	case oauth && last == "authorize":
		return flowAuthorize, false
	case strings.HasSuffix(rest, "federation/oauth2"):
		return flowContinue, false
	case strings.HasPrefix(rest, "userrealm/"):
		return flowLookup, false
	}
	return endpoints[last], false
}

// grants are the flows of the token endpoint by grant_type.
var grants = map[string]string{
	"authorization_code": "code",
	"refresh_token":      "refresh",
	"client_credentials": flowClientCredentials,
	"password":           "password",
	"device_code":        flowDeviceCode,
	"urn:ietf:params:oauth:grant-type:device_code":    flowDeviceCode,
	"urn:ietf:params:oauth:grant-type:saml1_1-bearer": "saml-bearer",
	"urn:ietf:params:oauth:grant-type:saml2-bearer":   "saml-bearer",
	"urn:ietf:params:oauth:grant-type:jwt-bearer":     "jwt-bearer",
	"srv_challenge": "challenge",
}

func grantOf(given fields) string {
	flow, known := grants[strings.ToLower(given["grant_type"])]
	switch {
	case !known:
		return flowToken
	case flow == "jwt-bearer" && given["requested_token_use"] == "on_behalf_of":
		return "on-behalf-of"
	case flow == "jwt-bearer" && given["request"] != "":
		return "primary-refresh-token"
	}
	return flow
}

// appNames are Entra's names of applications that anybody can sign in with.
// Few are documented; a name that is wrong here misleads a reader and no rule.
var appNames = map[string]string{
	"04b07795-8ddb-461a-bbee-02f9e1bf7b46": "Azure CLI",
	"1950a258-227b-4e31-a9cf-717495945fc2": "Azure PowerShell",
	"d3590ed6-52b3-4102-aeff-aad2292ab01c": "Microsoft Office",
	"1fec8e78-bce4-4aaf-ab1b-5451cc387264": "Microsoft Teams",
	"29d9ed98-a469-4536-ade2-f981bc1d605e": "Microsoft Authentication Broker",
	"aebc6443-996d-45c2-90f0-388ff96faa56": "Visual Studio Code",
	"00000003-0000-0000-c000-000000000000": "Microsoft Graph",
	"00000002-0000-0000-c000-000000000000": "Azure Active Directory Graph",
	"00000002-0000-0ff1-ce00-000000000000": "Exchange Online",
	"00000003-0000-0ff1-ce00-000000000000": "SharePoint Online",
	"797f4846-ba00-4fd7-ba43-dac1f8f63013": "Azure Resource Manager",
	"cc15fd57-2c6c-4117-a88c-83b1d56b4bbe": "Microsoft Teams Services",
}
