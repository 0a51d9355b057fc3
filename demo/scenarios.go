package demo

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// tagAsDocumented is how Microsoft spells the header; Go sends its canonical form.
const tagAsDocumented = "sec-Restrict-Tenant-Access-Policy"

// passwordSignIn asks for a token as a command line tool with a user name and
// a password does.
func passwordSignIn(tenant, user string) (*http.Request, error) {
	body := url.Values{
		"grant_type": {"password"}, "client_id": {azureCLI}, "scope": {graphAudience + "/.default openid"},
		"username": {user}, "password": {"correct horse battery staple"},
	}.Encode()
	r, err := http.NewRequest(http.MethodPost, "https://login.microsoftonline.com/"+tenant+"/oauth2/v2.0/token", strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("User-Agent", "tenantgate-demo")
	return r, nil
}

// graphCall asks Graph for the profile of whom token belongs to.
func graphCall(token string) (*http.Request, error) {
	r, err := http.NewRequest(http.MethodGet, "https://graph.microsoft.com/v1.0/me", nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("User-Agent", "tenantgate-demo")
	return r, nil
}

// homeSignIn: one of ours signs in at home.
func homeSignIn(ctx context.Context, w *walk, s *step) error {
	user := Home.Users[0]
	r, err := passwordSignIn(Home.Domains[0], user)
	if err != nil {
		return err
	}
	a, err := w.send(ctx, s, r, user)
	if a == nil {
		return err
	}
	w.token = text(a.json(), "access_token")
	s.expect(a.status == http.StatusOK && w.token != "", "the answer is %d without a token, want 200 with one", a.status)
	s.expectTag(a.seen)
	s.expectEvent("forward", "", "")
	s.expectTagNamed()
	return err
}

// foreignSignIn: somebody signs in to a foreign account from a company device.
func foreignSignIn(ctx context.Context, w *walk, s *step) error {
	user := Foreign.Users[0]
	r, err := passwordSignIn(Foreign.Domains[0], user)
	if err != nil {
		return err
	}
	a, err := w.send(ctx, s, r, user)
	if a == nil {
		return err
	}
	s.expectRestricted(a)
	return err
}

// forgedTag: the same, with the tag of the foreign tenant itself, which would
// let the sign-in pass.
func forgedTag(ctx context.Context, w *walk, s *step) error {
	user := Foreign.Users[0]
	r, err := passwordSignIn(Foreign.Domains[0], user)
	if err != nil {
		return err
	}
	r.Header.Set(tagAsDocumented, Foreign.Tag())
	a, err := w.send(ctx, s, r, user+" with a forged tag of tenant "+short(Foreign.ID))
	if a == nil {
		return err
	}
	s.expectRestricted(a)
	if s.event != nil {
		named := slices.ContainsFunc(s.event.Tenantgate.ClientTags, isTag)
		s.expect(named, "the event does not name the client's own tag")
	}
	return err
}

// homeToken: the token of the first scenario is used.
func homeToken(ctx context.Context, w *walk, s *step) error {
	token := or(w.token, w.Cloud.Mint(Spec{V1: true}))
	r, err := graphCall(token)
	if err != nil {
		return err
	}
	a, err := w.send(ctx, s, r, "token of "+Home.Domains[0])
	if a == nil {
		return err
	}
	s.expect(a.status == http.StatusOK, "the answer is %d, want 200", a.status)
	s.expectNoTag(a.seen)
	s.expectEvent("forward", "home-account", "home")
	return err
}

// foreignToken: a token that was copied from a foreign tenant is replayed.
func foreignToken(ctx context.Context, w *walk, s *step) error {
	return w.refusedToken(ctx, s, Foreign, "external-account", "external")
}

// consumerToken: the same with a personal account's.
func consumerToken(ctx context.Context, w *walk, s *step) error {
	return w.refusedToken(ctx, s, Consumer, "consumer-account", "consumer")
}

func (w *walk) refusedToken(ctx context.Context, s *step, t Tenant, reason, relation string) error {
	marker := "marker-" + freshID()
	r, err := graphCall(w.Cloud.Mint(Spec{Tenant: t.ID, V1: true, Marker: marker}))
	if err != nil {
		return err
	}
	a, err := w.send(ctx, s, r, "token of "+t.Domains[0])
	if a == nil {
		return err
	}
	s.expectRefused(a, reason, marker, w.Cloud)
	s.expectEvent("block", reason, relation)
	return err
}

// guestAbroad: one of ours, who is a guest of the foreign tenant, uses a token
// of it. Entra calls that outbound access; tenant restrictions do not apply.
func guestAbroad(ctx context.Context, w *walk, s *step) error {
	marker := "marker-" + freshID()
	user := Home.Users[0]
	r, err := graphCall(w.Cloud.Mint(Spec{Tenant: Foreign.ID, IDP: Home.ID, User: user, V1: true, Marker: marker}))
	if err != nil {
		return err
	}
	setting := or(w.Outbound, "allow")
	s.title += ": " + setting
	a, err := w.send(ctx, s, r, user+" as guest of "+Foreign.Domains[0])
	if a == nil {
		return err
	}
	if setting == "block" {
		s.expectRefused(a, "outbound-account", marker, w.Cloud)
		s.expectEvent("block", "outbound-account", "outbound")
		return err
	}
	s.expect(a.status == http.StatusOK, "the answer is %d, want 200", a.status)
	s.expectNoTag(a.seen)
	s.expectEvent("forward", "outbound-account", "outbound")
	return err
}

// unlistedSite: a site that has nothing to do with any of it.
func unlistedSite(ctx context.Context, w *walk, s *step) error {
	r, err := http.NewRequest(http.MethodGet, "https://www.example.com/", nil)
	if err != nil {
		return err
	}
	a, err := w.send(ctx, s, r, "as anybody")
	if a == nil {
		return err
	}
	s.answer += ", certificate by " + or(a.issuer, "nobody")
	s.expect(a.status == http.StatusOK, "the answer is %d, want 200", a.status)
	s.expect(a.issuer == RootName, "the certificate is not the site's own: it leads to %q", a.issuer)
	s.expectNoTag(a.seen)
	s.expectEvent("tunnel", "unlisted-host", "")
	return err
}

// expectRestricted wants that Entra refused, and because of our tag.
func (s *step) expectRestricted(a *answer) {
	codes, _ := a.json()["error_codes"].([]any)
	s.expect(slices.Contains(codes, any(5000211.0)), "the answer (%d) has the codes %v, want 5000211", a.status, codes)
	s.expectTag(a.seen)
	s.expectEvent("forward", "", "")
	s.expectTagNamed()
}

func (s *step) expectTagNamed() {
	if s.event != nil {
		s.expect(slices.ContainsFunc(s.event.Tenantgate.Tags, isTag), "the event does not name the tag that was set")
	}
}

func isTag(name string) bool { return restriction(name) == tagV2 }
