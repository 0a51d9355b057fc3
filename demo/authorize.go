package demo

import (
	"html/template"
	"net/http"
	"net/url"
	"strings"
)

var signInPage = template.Must(template.New("sign-in").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Sign in to your account</title>
<meta name="PageID" content="ConvergedSignIn"><style>` + pageStyle + `</style></head>
<body><main><h1>Sign in</h1>
<form method="post" action="{{.Action}}">{{range $name, $value := .Fields}}
<input type="hidden" name="{{$name}}" value="{{$value}}">{{end}}
<label>Email <input name="login" type="email" value="{{.Hint}}" autocomplete="username" autofocus></label>
<label>Password <input name="passwd" type="password" autocomplete="current-password"></label>
<button>Sign in</button></form>
<p class="small">tenantgate demo: an imitation of the sign-in page. Any password will do.</p></main></body></html>
`))

// plainPage says one sentence.
var plainPage = template.Must(template.New("plain").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>tenantgate demo</title><style>` + pageStyle + `</style></head>
<body><main><h1>{{.}}</h1><p class="small">tenantgate demo: nothing here is real.</p></main></body></html>
`))

// postPage delivers an answer with response_mode=form_post.
var postPage = template.Must(template.New("post").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Working...</title></head>
<body><form method="post" name="hiddenform" action="{{.Action}}">{{range $name, $value := .Fields}}
<input type="hidden" name="{{$name}}" value="{{$value}}">{{end}}
<noscript><button>Continue</button></noscript></form>
<script>document.forms[0].submit();</script></body></html>
`))

// carried are the parameters of an authorization request that the sign-in page
// brings back.
var carried = []string{
	"client_id", "redirect_uri", "response_type", "response_mode", "scope", "resource", "state", "nonce",
	"code_challenge", "code_challenge_method",
}

// authorize shows the sign-in page, or the error page when the hinted account
// may not sign in.
func (c *Cloud) authorize(s *signIn) {
	hint := s.r.Form.Get("login_hint")
	if hint != "" {
		if _, _, f := s.admit(hint); f != nil {
			f.writePage(s.w, s.r)
			return
		}
	}
	fields := map[string]string{}
	for _, name := range carried {
		if v := s.r.Form.Get(name); v != "" {
			fields[name] = v
		}
	}
	writePage(s.w, http.StatusOK, signInPage, map[string]any{
		"Action": "/" + s.segment + "/login", "Fields": fields, "Hint": hint,
	})
}

// login takes the sign-in page's form and answers the application.
func (c *Cloud) login(s *signIn) {
	form := s.r.PostForm
	user := strings.ToLower(form.Get("login"))
	account, resource, f := s.admit(user)
	if f == nil && form.Get("passwd") == "wrong" {
		f = faultPassword
	}
	if f != nil {
		f.writePage(s.w, s.r)
		return
	}
	// Entra's own session cookie; its value means nothing here.
	http.SetCookie(s.w, &http.Cookie{Name: "ESTSAUTH", Value: "demo-" + freshID(), Path: "/", Secure: true, HttpOnly: true})
	to, err := url.Parse(form.Get("redirect_uri"))
	if err != nil || to.Host == "" || (to.Scheme != "https" && to.Scheme != "http") {
		writePage(s.w, http.StatusOK, plainPage, "Hello "+displayName(user)+", you are signed in to "+resource.Name+".")
		return
	}
	c.deliver(s, to, c.authorization(s, account, resource, user))
}

// authorization is what the application gets: a code, an ID token, or both.
func (c *Cloud) authorization(s *signIn, account, resource Tenant, user string) url.Values {
	form, audience := s.r.PostForm, s.audience()
	answer := url.Values{}
	wants := or(form.Get("response_type"), "code")
	if strings.Contains(wants, "code") {
		answer.Set("code", c.issued.add("0.AC", grant{
			user: user, tenant: resource.ID, app: form.Get("client_id"), audience: audience,
			nonce: form.Get("nonce"), v1: s.v1(audience), proof: form.Get("code_challenge"),
		}))
	}
	spec := Spec{Tenant: resource.ID, User: user, App: form.Get("client_id")}
	if account.ID != resource.ID {
		spec.IDP = account.ID
	}
	if strings.Contains(wants, "id_token") {
		identity := spec
		identity.Audience = or(form.Get("client_id"), azureCLI)
		identity.Claims = map[string]any{"nonce": form.Get("nonce"), "scp": nil}
		answer.Set("id_token", mint(identity))
	}
	if strings.HasSuffix(" "+wants, " token") {
		spec.Audience, spec.V1 = audience, s.v1(audience)
		answer.Set("access_token", mint(spec))
	}
	if state := form.Get("state"); state != "" {
		answer.Set("state", state)
	}
	return answer
}

func (c *Cloud) deliver(s *signIn, to *url.URL, answer url.Values) {
	switch s.r.PostForm.Get("response_mode") {
	case "form_post":
		fields := map[string]string{}
		for name := range answer {
			fields[name] = answer.Get(name)
		}
		writePage(s.w, http.StatusOK, postPage, map[string]any{"Action": to.String(), "Fields": fields})
		return
	case "fragment":
		to.Fragment = ""
		http.Redirect(s.w, s.r, to.String()+"#"+answer.Encode(), http.StatusFound)
		return
	}
	query := to.Query()
	for name := range answer {
		query.Set(name, answer.Get(name))
	}
	to.RawQuery = query.Encode()
	http.Redirect(s.w, s.r, to.String(), http.StatusFound)
}
