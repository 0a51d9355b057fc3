package demo

import (
	"encoding/json"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// publicCloud are the names of one cloud, as instance discovery lists them
// (MSAL's trusted hosts).
var publicCloud = []string{"login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net"}

// instance is /common/discovery/instance. The document it points to belongs to
// the authority that was asked about: MSAL goes where it is sent.
func (s *signIn) instance() {
	asked, err := url.Parse(s.r.Form.Get("authorization_endpoint"))
	if err != nil || asked.Scheme != "https" || asked.Host == "" {
		(&fault{code: 50049, oauth: "invalid_instance", message: "Unknown or invalid instance."}).writeJSON(s.w, s.r)
		return
	}
	segment, rest, _ := strings.Cut(strings.TrimPrefix(asked.Path, "/"), "/")
	document := "https://" + asked.Host + "/" + segment
	if strings.Contains(rest, "v2.0") {
		document += "/v2.0"
	}
	writeJSON(s.w, http.StatusOK, map[string]any{
		"tenant_discovery_endpoint": document + "/.well-known/openid-configuration",
		"api-version":               or(s.r.Form.Get("api-version"), "1.1"),
		"metadata": []map[string]any{
			{"preferred_network": publicCloud[0], "preferred_cache": publicCloud[1], "aliases": publicCloud},
			{"preferred_network": "login.partner.microsoftonline.cn", "preferred_cache": "login.partner.microsoftonline.cn",
				"aliases": []string{"login.partner.microsoftonline.cn", "login.chinacloudapi.cn"}},
			{"preferred_network": "login.microsoftonline.us", "preferred_cache": "login.microsoftonline.us",
				"aliases": []string{"login.microsoftonline.us", "login.usgovcloudapi.net"}},
			{"preferred_network": "login-us.microsoftonline.com", "preferred_cache": "login-us.microsoftonline.com",
				"aliases": []string{"login-us.microsoftonline.com"}},
		},
	})
}

// openIDConfiguration names the tenant by its directory ID even where the path
// has a domain: this is how a domain is turned into a tenant.
func (s *signIn) openIDConfiguration(v2 bool) {
	id := or(s.tenant.ID, s.segment)
	version, at := "", "https://"+string(s.host)+"/"+id
	named := issuer(or(s.tenant.ID, "{tenantid}"), "1.0")
	if v2 {
		version, named = "/v2.0", "https://"+string(s.host)+"/"+or(s.tenant.ID, "{tenantid}")+"/v2.0"
	}
	writeJSON(s.w, http.StatusOK, map[string]any{
		"issuer":                                named,
		"authorization_endpoint":                at + "/oauth2" + version + "/authorize",
		"token_endpoint":                        at + "/oauth2" + version + "/token",
		"device_authorization_endpoint":         at + "/oauth2" + version + "/devicecode",
		"end_session_endpoint":                  at + "/oauth2" + version + "/logout",
		"jwks_uri":                              at + "/discovery" + version + "/keys",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		"response_modes_supported":              []string{"query", "fragment", "form_post"},
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"response_types_supported":              []string{"code", "id_token", "code id_token", "id_token token"},
		"scopes_supported":                      []string{"openid", "profile", "email", "offline_access"},
		"tenant_region_scope":                   "EU",
		"cloud_instance_name":                   "microsoftonline.com",
		"cloud_graph_host_name":                 "graph.windows.net",
		"msgraph_host":                          "graph.microsoft.com",
	})
}

func (s *signIn) keys() {
	set, err := keySet()
	if err != nil {
		http.Error(s.w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeJSON(s.w, http.StatusOK, set)
}

// credentialType is /common/GetCredentialType: the account that was typed,
// before any token exists. IfExistsResult: 0 exists, 1 does not, 5 is another
// identity provider's.
func (s *signIn) credentialType() {
	var asked struct{ Username string }
	if json.NewDecoder(s.r.Body).Decode(&asked) != nil {
		http.Error(s.w, "cannot parse", http.StatusBadRequest)
		return
	}
	exists := 1
	home := homeOf(asked.Username)
	switch {
	case home.ID == Consumer.ID:
		exists = 5
	case home.has(strings.ToLower(asked.Username)):
		exists = 0
	}
	writeJSON(s.w, http.StatusOK, map[string]any{
		"Username": asked.Username, "Display": asked.Username, "IfExistsResult": exists, "IsUnmanaged": false,
		"ThrottleStatus": 0, "Credentials": map[string]any{"PrefCredential": 1, "HasPassword": true},
		"EstsProperties": map[string]any{"DomainType": 3},
	})
}

// userRealm tells how a user signs in; never in which tenant.
func (s *signIn) userRealm() {
	user := or(s.r.Form.Get("login"), s.r.Form.Get("user"))
	if user == "" {
		user = path.Base(s.r.URL.Path)
	}
	kind := "Unknown"
	if homeOf(user).known() {
		kind = "Managed"
	}
	_, domain, _ := strings.Cut(user, "@")
	writeJSON(s.w, http.StatusOK, map[string]any{
		"ver": "1.0", "account_type": kind, "NameSpaceType": kind, "domain_name": domain, "Login": user, "DomainName": domain,
		"cloud_instance_name": "microsoftonline.com", "CloudInstanceName": "microsoftonline.com",
		"cloud_audience_urn": "urn:federation:MicrosoftOnline",
	})
}
