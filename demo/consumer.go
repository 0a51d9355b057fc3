package demo

import (
	"html/template"
	"net/http"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
)

// consumerBlock has the code that reference material knows of the real page,
// 80045C4D, in a ServerData object; the rest is not documented.
var consumerBlock = template.Must(template.New("blocked").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Can't sign in</title>
<script>var ServerData={{.}};</script><style>` + pageStyle + `</style></head>
<body><main><h1>You can't sign in here with a personal account. Use your work or school account instead.</h1>
<p class="small">Error code: 80045C4D</p></main></body></html>
`))

// answerConsumer imitates login.live.com.
func (c *Cloud) answerConsumer(w http.ResponseWriter, r *http.Request, n hosts.Name) {
	signInHeaders(w, r)
	t, err := readTags(r.Header, r.Trailer)
	if err == nil {
		err = parseForm(r)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s := &signIn{w: w, r: r, host: n, segment: "consumers", tenant: Consumer, tags: t}
	refused := t.judge(Consumer, Consumer)
	if t.consumer || refused != nil {
		c.refuseConsumer(s, refused)
		return
	}
	switch path := strings.ToLower(r.URL.Path); path {
	case "/oauth20_authorize.srf":
		c.authorize(s)
	case "/oauth20_token.srf":
		c.token(s)
	case "/ppsecure/post.srf", "/consumers/login":
		c.login(s)
	case "/getcredentialtype.srf":
		s.credentialType()
	default:
		writePage(w, http.StatusOK, signInPage, map[string]any{"Action": "/ppsecure/post.srf"})
	}
}

// refuseConsumer answers an application with JSON and a person with the page.
func (c *Cloud) refuseConsumer(s *signIn, f *fault) {
	if f != nil && strings.EqualFold(s.r.URL.Path, "/oauth20_token.srf") {
		f.writeJSON(s.w, s.r)
		return
	}
	writePage(s.w, http.StatusOK, consumerBlock, map[string]any{"sErrorCode": "80045C4D", "iErrorCode": 80045})
}
