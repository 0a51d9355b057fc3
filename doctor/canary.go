package doctor

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// anyClient is an application that every tenant knows (Azure CLI), for a canary
// without one of its own. That such a request gets as far as the restriction is
// not documented; where it does not, the finding says so.
const anyClient = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"

var aadsts = regexp.MustCompile(`AADSTS([0-9]{4,9})`)

// restricted are Entra's words for a request that a tag stopped (AADSTS codes:
// v2, and v1).
var restricted = map[string]bool{"5000211": true, "500021": true, "50002": true}

// tag sends a sign-in that Entra must refuse for the sake of the tag, which the
// proxy alone could not fake: the request carries none.
func (s *Subject) tag(ctx context.Context) Finding {
	if s.Canary.Tenant == "" {
		return skip("no canary tenant is set, so nothing was sent", "doctor.canary.tenant, or --canary")
	}
	status, reason, body, err := s.probe(ctx)
	if err != nil {
		if _, untrusted := errors.AsType[x509.UnknownAuthorityError](err); untrusted {
			return skip("this machine does not trust the proxy's CA, so nothing was sent", "see trust")
		}
		return fail("the canary sign-in broke: "+err.Error(), "see proxy and intercepted")
	}
	code := ""
	if m := aadsts.FindStringSubmatch(body); m != nil {
		code = m[1]
	}
	switch {
	case restricted[code]:
		return pass("Entra refused the canary sign-in: AADSTS" + code)
	case reason != "":
		return fail(fmt.Sprintf("Entra let the canary sign in, and the proxy refused the answer (%s)", reason),
			"no tag arrived, or the tenant's own policy permits the canary: cross-tenant access settings > tenant restrictions")
	case status == http.StatusOK:
		return fail("Entra let the canary sign in", "no tag arrived, or the tenant's own policy permits the canary: cross-tenant access settings > tenant restrictions")
	case code != "":
		return warn("Entra refused the canary sign-in for another reason: AADSTS"+code, "give an application of the canary tenant and its secret: doctor.canary.client and .secret")
	}
	return warn(fmt.Sprintf("the answer to the canary sign-in is %d, and none of Entra's", status), "try again; see the proxy's events")
}

// probe asks for an application's token, which takes no person.
func (s *Subject) probe(ctx context.Context) (status int, reason, body string, err error) {
	form := url.Values{
		"grant_type": {"client_credentials"}, "scope": {"https://graph.microsoft.com/.default"},
		"client_id": {cmp.Or(s.Canary.Client, anyClient)}, "client_secret": {cmp.Or(s.Canary.Secret, "canary")},
	}
	at := "https://" + string(signIn[0]) + "/" + s.Canary.Tenant + "/oauth2/v2.0/token"
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, "", "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("User-Agent", s.Agent)
	c, done := s.client()
	defer done()
	resp, err := c.Do(req)
	if err != nil {
		return 0, "", "", errors.Unwrap(err) // without the URL
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	return resp.StatusCode, resp.Header.Get("Tenantgate-Reason"), string(text), err
}
