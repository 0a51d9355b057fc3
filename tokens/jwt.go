package tokens

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// Sizes past which a token is not read: Entra's longest, with groups and wids,
// stay below 16 KiB; http.sys refuses a header line past that.
const (
	maxToken  = 64 << 10
	maxHeader = 16 << 10
)

// Why a credential is unreadable.
const (
	whyOpaque    = "no structure to read"
	whyEncrypted = "encrypted"
	whyLong      = "too long"
	whyMalformed = "malformed token"
	whyNoClaims  = "no claims"
	whyDeep      = "nested too deep"
	whyCase      = "a claim name in another case"
	whyRepeated  = "a claim is repeated"
	whyType      = "a claim has the wrong type"
	whyTenant    = "tid is not a directory ID"
	whyNoTenant  = "no tenant named"
	whyIssuer    = "issuer differs from tid"
	whyScheme    = "unknown scheme"
	whyJunk      = "more than a token"
	whyNested    = "nested too often"
)

// Parse reads one raw credential of unknown kind, as it follows "Bearer". The
// result has neither Place nor Digest.
func Parse(raw string) Token {
	t, _ := parse(raw)
	return t
}

// parse also returns the raw tokens that stand inside the claims of this one.
func parse(raw string) (Token, []string) {
	if len(raw) > maxToken {
		return unreadable(Opaque, whyLong), nil
	}
	if t, ok := parseTempAuth(raw); ok {
		return t, nil
	}
	if !looksJWT(raw) {
		if looksSAML(raw) {
			if t, ok := parseSAML(samlMessage(raw)); ok {
				return t, nil
			}
		}
		return parseOpaque(raw), nil
	}
	switch strings.Count(raw, ".") {
	case 2:
		return parseJWT(raw)
	case 4:
		return unreadable(JWE, whyEncrypted), nil
	}
	return unreadable(Opaque, whyMalformed), nil
}

func unreadable(k Kind, why string) Token {
	return Token{Kind: k, Unreadable: true, Why: why}
}

// parseOpaque tells a ticket of a personal account by its first characters.
// That is not documented; consumer and unreadable are both blocked by default.
func parseOpaque(raw string) Token {
	ticket := strings.TrimPrefix(raw, "t=")
	if len(ticket) >= 16 && (strings.HasPrefix(ticket, "EwA") || strings.HasPrefix(ticket, "EwB")) {
		return Token{Kind: Opaque, Tenant: Consumer, Account: Consumer}
	}
	return unreadable(Opaque, whyOpaque)
}

func parseJWT(raw string) (Token, []string) {
	if strings.IndexByte(raw, '.') > maxHeader {
		return unreadable(JWT, whyLong), nil
	}
	var c claims
	_, _, err := jwt.NewParser().ParseUnverified(raw, &c)
	// An algorithm nobody here knows (ErrTokenUnverifiable) comes after the
	// claims: they were read.
	if err != nil && !errors.Is(err, jwt.ErrTokenUnverifiable) {
		return unreadable(JWT, whyMalformed), nil
	}
	if c.text == nil {
		return unreadable(JWT, whyNoClaims), nil // null
	}
	return c.token(), c.inner()
}

// inner returns the access token of a signed HTTP request
// (draft-ietf-oauth-signed-http-request, 3: at) and the application's token of
// a server-to-server call ([MS-SPS2SAUTH] 2.2.2: actortoken).
func (c *claims) inner() []string {
	var list []string
	for _, name := range []string{"at", "actortoken"} {
		if s := c.text[name]; s != "" {
			list = append(list, s)
		}
	}
	return list
}

// token says whose the claims are, in this order:
//
//  1. claims that contradict each other, or the grammar, say nothing;
//  2. the resource tenant is tid, else the tenant that a known issuer names;
//     where both are there they are the same (access-tokens, "Validate the issuer");
//  3. the account is idp's, else the tenant's own.
func (c *claims) token() Token {
	t := Token{
		Kind:     JWT,
		App:      c.first("appid", "azp"),
		User:     c.first("upn", "preferred_username", "unique_name", "oid"),
		Object:   objectID(c.text["oid"]),
		Audience: shorten(c.aud),
		IDP:      c.first("idp"),
		Expires:  c.exp,
	}
	t.Tenant, t.Why = c.tenant()
	if t.Why != "" {
		t.Unreadable = true
		if t.Why == whyNoTenant {
			t.service = serviceOf(c.text["iss"])
		}
		return t
	}
	t.Account, t.HomeObject = c.account(t.Tenant), objectID(c.text["home_oid"])
	if t.HomeObject == "" && t.Account == t.Tenant {
		t.HomeObject = t.Object
	}
	return t
}

// objectID returns the ID of a user or a service principal, in lower case;
// empty for what is none. It has the form of a directory ID.
func objectID(s string) string {
	id, _ := ParseTenant(s)
	return string(id)
}

func (c *claims) tenant() (Tenant, string) {
	if c.why != "" {
		return "", c.why
	}
	issuer, known := realm(c.text["iss"])
	if !c.seen["tid"] {
		if issuer == "" || !known {
			return "", whyNoTenant
		}
		return issuer, ""
	}
	tid, ok := ParseTenant(c.text["tid"])
	if !ok {
		return "", whyTenant
	}
	if issuer != "" && issuer != tid {
		return "", whyIssuer
	}
	return tid, ""
}

func (c *claims) account(resource Tenant) Tenant {
	idp := c.text["idp"]
	if idp == "live.com" {
		return Consumer
	}
	if idp != "" {
		home, known := realm(idp)
		if !known {
			return "" // another identity provider: Google, SAML federation, one-time passcode
		}
		return home
	}
	if c.acct || strings.HasPrefix(c.text["altsecid"], "1:live.com:") {
		return "" // a guest whose home is not named
	}
	return resource
}

// parseTempAuth reads SharePoint's pre-authenticated download token in its
// newer form, v1.{claims}.{signature}, which has no issuer; its audience ends
// in the tenant: {application}/{host}@{tid}. Not documented: in any other
// shape it stays unreadable.
func parseTempAuth(raw string) (Token, bool) {
	rest, ok := strings.CutPrefix(raw, "v1.")
	payload, _, signed := strings.Cut(rest, ".")
	if !ok || !signed {
		return Token{}, false
	}
	object, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(payload, "="))
	var c claims
	if err != nil || json.Unmarshal(object, &c) != nil || c.why != "" || c.seen["tid"] || c.seen["iss"] {
		return Token{}, false
	}
	tenant, ok := ParseTenant(c.aud[strings.LastIndexByte(c.aud, '@')+1:])
	if !ok {
		return Token{}, false
	}
	t := Token{Kind: JWT, Tenant: tenant, App: c.first("appid"), Audience: shorten(c.aud), Expires: c.exp}
	t.Account = c.account(tenant)
	return t, true
}

// looksJWT tells whether s has the shape of a JWT or JWE: segments with dots
// between, the first of which is a JSON object.
func looksJWT(s string) bool {
	segment, rest, _ := strings.Cut(s, ".")
	if !strings.Contains(rest, ".") {
		return false
	}
	var text, buf [64]byte
	head := text[:copy(text[:], segment)]
	head = bytes.TrimRight(head, "=")
	n, err := base64.RawURLEncoding.Decode(buf[:], head)
	if err != nil {
		n, err = base64.RawStdEncoding.Decode(buf[:], head)
	}
	if err != nil || n == 0 {
		return false
	}
	start := blank(buf[:n], 0)
	return start == n || buf[start] == '{'
}
