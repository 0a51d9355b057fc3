package tokens

import (
	"net/http"
	"path"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
)

// SignIn is what a request to a sign-in host says of who signs in, to what and
// how. It is the client's word, and what Account holds was typed by a person:
// it is told and decides nothing.
type SignIn struct {
	Account string // as typed or hinted, if it has the shape of an account
	Tenant  string // as the path names it: directory ID, domain, common, organizations or consumers
	Domain  string // the hint of a domain (domain_hint, whr)
	App     string // client_id
	AppName string // Entra's name for a well-known App
	Flow    string // one of the flows; empty if the request signs nobody in
	Attempt string // the same for all requests of one sign-in, as far as anybody can tell

	directory Tenant   // the directory that this request's own path names
	issues    bool     // the answer can be a token answer
	states    []string // hashes of what the requests of one sign-in share
}

// Directory returns the directory ID that Tenant is, if it is one.
func (s *SignIn) Directory() Tenant {
	if s.Tenant == "consumers" {
		return Consumer
	}
	t, _ := ParseTenant(s.Tenant)
	return t
}

// DomainName returns the domain that Tenant is, if it is one.
func (s *SignIn) DomainName() string {
	if strings.Contains(s.Tenant, ".") {
		return s.Tenant
	}
	return ""
}

// SignIn reads what a request from a client to the sign-in host n says of
// itself. The body is read where a sign-in can stand in it, and replayed octet
// by octet whatever it holds; an error is the one with which it ended too early.
func (f *Finder) SignIn(n hosts.Name, r *http.Request, client string) (SignIn, error) {
	whole := cleanPath(r.URL.Path)
	rest := whole
	var s SignIn
	if first, behind, more := strings.Cut(whole, "/"); more && n != consumerHost && namesTenant(first) {
		s.tenant(first)
		rest = behind
	}
	s.Flow, s.issues = flowOf(strings.ToLower(rest))
	if n == consumerHost && s.Flow != "" {
		s.tenant("consumers")
	}
	if s.Flow == "" {
		return s, nil
	}
	given, err := fieldsOf(r)
	s.read(given, lastSegment(whole))
	f.correlate(&s, given, r, client)
	return s, err
}

// cleanPath is a path without the slash in front, doubled slashes and dots.
func cleanPath(p string) string { return path.Clean("/" + p)[1:] }

func lastSegment(p string) string { return p[strings.LastIndexByte(p, '/')+1:] }

// namesTenant tells whether the first of several segments of a path is a
// tenant: nothing else that stands alone there takes part in a sign-in but
// pages of their own.
func namesTenant(first string) bool {
	if _, ok := ParseTenant(first); ok || strings.Contains(first, ".") && !strings.HasSuffix(first, ".srf") {
		return true
	}
	switch strings.ToLower(first) {
	case "common", "organizations", "consumers", "adfs":
		return true
	}
	return false
}

func (s *SignIn) tenant(segment string) {
	s.Tenant = shorten(strings.ToLower(segment)) // lower case may be longer: U+FFFD for an octet
	if t, ok := ParseTenant(segment); ok {
		s.directory, s.Tenant = t, string(t)
	}
	if s.Tenant == "consumers" {
		s.directory = Consumer
	}
}

// read takes what the parameters say.
func (s *SignIn) read(given fields, last string) {
	if s.Flow == flowToken {
		s.Flow = grantOf(given)
	}
	if s.Flow == flowLookup {
		s.Account = account(last) // /common/userrealm/{user}
	}
	for _, name := range []string{"username", "login", "loginfmt", "login_hint", "user"} {
		if s.Account == "" {
			s.Account = account(given[name])
		}
	}
	for _, name := range []string{"whr", "domain_hint"} {
		if d, err := hosts.Parse(given[name]); err == nil && s.Domain == "" && strings.Contains(string(d), ".") {
			s.Domain = string(d)
		}
	}
	if id := given["client_id"]; plainID(id) {
		s.App = strings.ToLower(strings.Clone(id))
		s.AppName = appNames[s.App]
	}
	s.readFederation(given)
}

// account returns a name that has the shape of one: name@domain, DOMAIN\name
// or a telephone number. Anything else is left out: people type passwords
// where a name belongs.
func account(s string) string {
	s = strings.TrimSpace(s)
	if len(s) > maxText || strings.ContainsAny(s, " \t\r\n<>\"") || looksJWT(s) {
		return ""
	}
	name, domain, ok := strings.Cut(s, "@")
	if ok {
		if _, err := hosts.Parse(domain); err == nil && name != "" && strings.Contains(domain, ".") {
			return strings.Clone(s)
		}
		return ""
	}
	if name, user, _ := strings.Cut(s, `\`); plainID(name) && plainID(user) {
		return strings.Clone(s)
	}
	if number := strings.TrimPrefix(s, "+"); len(number) >= 7 && len(number) <= 15 && strings.Trim(number, "0123456789") == "" {
		return strings.Clone(s)
	}
	return ""
}

// plainID tells whether s could be the id of an application, or a name.
func plainID(s string) bool {
	return s != "" && len(s) <= 128 && strings.Trim(s, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.:/") == ""
}
