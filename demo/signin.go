package demo

import (
	"errors"
	"net/http"
	"path"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
)

var (
	errMultipartForm = errors.New("cannot parse form")
	errConsumerTag   = errors.New("restrict-msa seen on a host that is not login.live.com")
)

// signIn is one request to a sign-in host.
type signIn struct {
	w       http.ResponseWriter
	r       *http.Request
	host    hosts.Name
	segment string // the tenant as the path names it
	tenant  Tenant // zero under common and organizations
	tags    tagged
}

// answerSignIn imitates login.microsoftonline.com and its siblings. They read
// tags alike here; which siblings really do is not documented.
func (c *Cloud) answerSignIn(w http.ResponseWriter, r *http.Request, n hosts.Name) {
	signInHeaders(w, r)
	t, err := readTags(r.Header, r.Trailer)
	if err == nil && t.consumer {
		err = errConsumerTag
	}
	if err == nil {
		err = parseForm(r)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	segment, rest, _ := strings.Cut(strings.TrimPrefix(path.Clean(r.URL.Path), "/"), "/")
	s := &signIn{w: w, r: r, host: n, segment: segment, tenant: tenantOf(segment), tags: t}
	if !s.tenant.known() && segment != "common" && segment != "organizations" {
		if segment == "" {
			writePage(w, http.StatusOK, signInPage, nil)
			return
		}
		noTenant(segment).writeJSON(w, r)
		return
	}
	c.route(s, rest)
}

func (c *Cloud) route(s *signIn, rest string) {
	rest = strings.ToLower(rest)
	if strings.HasPrefix(rest, "userrealm/") {
		s.userRealm()
		return
	}
	switch rest {
	case "oauth2/v2.0/authorize", "oauth2/authorize":
		c.authorize(s)
	case "login":
		c.login(s)
	case "oauth2/v2.0/token", "oauth2/token":
		c.token(s)
	case "oauth2/v2.0/devicecode", "oauth2/devicecode":
		c.deviceCode(s)
	case "oauth2/deviceauth":
		c.deviceAuth(s)
	case "oauth2/v2.0/logout", "oauth2/logout":
		writePage(s.w, http.StatusOK, plainPage, "You signed out of your account.")
	case "discovery/instance":
		s.instance()
	case "discovery/v2.0/keys", "discovery/keys":
		s.keys()
	case "v2.0/.well-known/openid-configuration", ".well-known/openid-configuration":
		s.openIDConfiguration(strings.HasPrefix(rest, "v2.0/"))
	case "getcredentialtype":
		s.credentialType()
	case "userrealm", "getuserrealm.srf":
		s.userRealm()
	default:
		http.Error(s.w, "404 page not found", http.StatusNotFound)
	}
}

// signInHeaders sets what Entra answers with: its id of the request, and the
// client's own when it asked for it. The rest of their form is not documented.
func signInHeaders(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("x-ms-request-id", objectID(freshID()))
	h.Set("x-ms-ests-server", "2.1.0-demo")
	h.Set("Cache-Control", "no-store, no-cache")
	if id := r.Header.Get("client-request-id"); id != "" {
		h.Set("client-request-id", id)
	}
}

func parseForm(r *http.Request) error {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
		return errMultipartForm
	}
	return r.ParseForm()
}

// admit decides whether a user may sign in to the resource tenant that the
// path names, or under common to the user's own; nil is yes.
func (s *signIn) admit(user string) (account, resource Tenant, f *fault) {
	account, resource = homeOf(user), s.tenant
	if !account.known() {
		return account, resource, faultUser
	}
	if !resource.known() {
		resource = account
	}
	if f := s.tags.judge(account, resource); f != nil {
		return account, resource, f
	}
	if !resource.has(strings.ToLower(user)) {
		if account.ID == resource.ID {
			return account, resource, faultUser
		}
		return account, resource, notInTenant(user, resource)
	}
	return account, resource, nil
}
