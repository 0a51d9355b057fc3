package demo

import (
	"crypto/sha256"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

// token imitates the token endpoint, v1 and v2. Every grant is judged again by
// the tags of this very request.
func (c *Cloud) token(s *signIn) {
	if crossOrigin(s.w, s.r) {
		return
	}
	if s.r.Method != http.MethodPost {
		http.Error(s.w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	var f *fault
	switch s.r.PostForm.Get("grant_type") {
	case "client_credentials":
		f = c.clientCredentials(s)
	case "password":
		f = c.password(s)
	case "authorization_code":
		f = c.redeem(s, s.r.PostForm.Get("code"))
	case "refresh_token":
		f = c.refresh(s, s.r.PostForm.Get("refresh_token"))
	case deviceGrant, "device_code":
		f = c.redeem(s, or(s.r.PostForm.Get("device_code"), s.r.PostForm.Get("code")))
	default:
		f = faultGrant
	}
	if f != nil {
		f.writeJSON(s.w, s.r)
	}
}

// clientCredentials signs in an application of the tenant that the path names.
func (c *Cloud) clientCredentials(s *signIn) *fault {
	if !s.tenant.known() {
		return faultNoTenant
	}
	form := s.r.PostForm
	switch {
	case form.Get("client_assertion") != "":
		if f := s.assertion(); f != nil {
			return f
		}
	case form.Get("client_secret") == "":
		return faultSecret
	}
	if f := s.tags.judge(s.tenant, s.tenant); f != nil {
		return f
	}
	audience := s.audience()
	token := mint(Spec{
		Tenant: s.tenant.ID, Audience: audience, App: form.Get("client_id"), AppOnly: true,
		V1: s.v1(audience), Claims: s.trace(),
	})
	s.write(map[string]any{"access_token": token})
	return nil
}

func (c *Cloud) password(s *signIn) *fault {
	form := s.r.PostForm
	user := strings.ToLower(form.Get("username"))
	account, resource, f := s.admit(user)
	if f != nil {
		return f
	}
	if p := form.Get("password"); p == "" || p == "wrong" {
		return faultPassword
	}
	audience := s.audience()
	c.issue(s, account, resource, grant{
		user: user, app: form.Get("client_id"), audience: audience, v1: s.v1(audience),
	})
	return nil
}

// redeem answers for an authorization code or a device code.
func (c *Cloud) redeem(s *signIn, handle string) *fault {
	g, ok := c.issued.find(handle)
	if !ok {
		return faultCode
	}
	if s.tenant.known() && g.tenant != "" && g.tenant != s.tenant.ID {
		return faultWrongTenant
	}
	if g.pending {
		return faultPending
	}
	if g, ok = c.issued.take(handle); !ok {
		return faultCode
	}
	if sum := sha256.Sum256([]byte(s.r.PostForm.Get("code_verifier"))); g.proof != "" && g.proof != b64(sum[:]) {
		return faultProof
	}
	g.proof = ""
	return c.reissue(s, g)
}

func (c *Cloud) refresh(s *signIn, handle string) *fault {
	g, ok := c.issued.find(handle)
	if !ok {
		return faultCode
	}
	if s.asks() {
		g.audience = s.audience()
		g.v1 = s.v1(g.audience)
	}
	return c.reissue(s, g)
}

func (c *Cloud) reissue(s *signIn, g grant) *fault {
	if !s.tenant.known() {
		s.tenant = tenantOf(g.tenant)
	}
	account, resource, f := s.admit(g.user)
	if f != nil {
		return f
	}
	c.issue(s, account, resource, g)
	return nil
}

// issue answers with tokens for a user. client_info names the user's own
// tenant, for guests too.
func (c *Cloud) issue(s *signIn, account, resource Tenant, g grant) {
	access := Spec{
		Tenant: resource.ID, User: g.user, App: g.app, Audience: g.audience, V1: g.v1, Claims: s.trace(),
	}
	identity := Spec{Tenant: resource.ID, User: g.user, App: g.app, Audience: or(g.app, azureCLI), Claims: map[string]any{
		"scp": nil, "azp": nil, "azpacr": nil,
	}}
	if g.nonce != "" {
		identity.Claims["nonce"] = g.nonce
	}
	if account.ID != resource.ID {
		access.IDP, identity.IDP = account.ID, account.ID
	}
	info, _ := json.Marshal(map[string]string{"uid": objectID(account.ID, g.user), "utid": account.ID})
	g.tenant = resource.ID
	s.write(map[string]any{
		"access_token": mint(access), "id_token": mint(identity), "client_info": b64(info),
		"refresh_token": c.issued.add("0.AX", g), "scope": g.audience + "/.default openid profile",
	})
}

// trace is the claim that shows a token was minted behind a tag (seen in an ID
// token in 2022; not documented).
func (s *signIn) trace() map[string]any {
	if s.tags.policy == "" {
		return nil
	}
	return map[string]any{"xms_trpid": s.tags.policy}
}

// write adds what every token answer has. v1 writes its numbers as strings.
func (s *signIn) write(answer map[string]any) {
	answer["token_type"] = "Bearer"
	if strings.Contains(strings.ToLower(s.r.URL.Path), "/v2.0/") {
		answer["expires_in"], answer["ext_expires_in"] = 3599, 3599
	} else {
		answer["expires_in"], answer["ext_expires_in"] = "3599", "3599"
		answer["expires_on"] = time.Now().Add(time.Hour).Unix()
		answer["resource"] = s.audience()
	}
	writeJSON(s.w, http.StatusOK, answer)
}

// asks tells whether the request names a resource of its own.
func (s *signIn) asks() bool {
	return s.r.Form.Get("resource") != "" || strings.Contains(s.r.Form.Get("scope"), "://")
}

// audience is the resource that is asked for: v1 names it, v2 in a scope such
// as https://management.azure.com/.default; a bare scope is Graph's.
func (s *signIn) audience() string {
	if resource := s.r.Form.Get("resource"); resource != "" {
		return resource
	}
	for scope := range strings.FieldsSeq(s.r.Form.Get("scope")) {
		if i := strings.LastIndexByte(scope, '/'); i > len("https://") {
			return strings.TrimSuffix(scope[:i], "/")
		}
	}
	return graphAudience
}

// v1 tells which form a token takes: the resource decides, and Microsoft's own
// still take v1, whatever endpoint was asked.
func (s *signIn) v1(audience string) bool { return strings.Contains(audience, "://") }
