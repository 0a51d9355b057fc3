package demo

import (
	"html/template"
	"net/http"
	"strings"
)

var devicePage = template.Must(template.New("device").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Sign in to your account</title><style>` + pageStyle + `</style></head>
<body><main><h1>Enter code</h1><form method="post" action="/common/oauth2/deviceauth">
<label>Code <input name="otc" value="{{.}}"></label>
<label>Email <input name="login" type="email"></label>
<button>Next</button></form></main></body></html>
`))

// deviceCode starts a device's sign-in. Whose it will be is not known yet: the
// imitation judges it as a sign-in of the named tenant's own account, unless
// login_hint says otherwise. Where the real service judges is not documented.
func (c *Cloud) deviceCode(s *signIn) {
	account := s.tenant
	if hint := s.r.Form.Get("login_hint"); hint != "" {
		account = homeOf(hint)
	}
	if s.tenant.known() {
		if f := s.tags.judge(account, s.tenant); f != nil {
			f.writeJSON(s.w, s.r)
			return
		}
	}
	audience := s.audience()
	userCode := freshID()[:9]
	handle := c.issued.add("0.AD", grant{
		tenant: s.tenant.ID, app: s.r.Form.Get("client_id"), audience: audience, v1: s.v1(audience),
		pending: true, userCode: userCode,
	})
	address := "https://" + string(s.host) + "/common/oauth2/deviceauth"
	writeJSON(s.w, http.StatusOK, map[string]any{
		"device_code": handle, "user_code": userCode, "verification_uri": address, "verification_url": address,
		"expires_in": 900, "interval": 1,
		"message": "To sign in, use a web browser to open the page " + address + " and enter the code " + userCode + " to authenticate.",
	})
}

// deviceAuth is the page where the user enters the code.
func (c *Cloud) deviceAuth(s *signIn) {
	userCode := s.r.Form.Get("otc")
	if s.r.Method != http.MethodPost {
		writePage(s.w, http.StatusOK, devicePage, userCode)
		return
	}
	waiting, ok := c.issued.waiting(userCode)
	if !ok {
		faultCode.writePage(s.w, s.r)
		return
	}
	user := strings.ToLower(s.r.PostForm.Get("login"))
	s.tenant = tenantOf(waiting.tenant)
	if _, _, f := s.admit(user); f != nil {
		f.writePage(s.w, s.r)
		return
	}
	if !c.issued.approve(userCode, user) {
		faultCode.writePage(s.w, s.r)
		return
	}
	writePage(s.w, http.StatusOK, plainPage, "You have signed in on your device. You may close this window.")
}
