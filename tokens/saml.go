package tokens

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
	"time"
)

// maxAssertion is how long an assertion may be: one with every group of an
// account stays far below.
const maxAssertion = 256 << 10

// The names of Entra's claims in an assertion (Microsoft, reference-saml-tokens).
// In SAML 1.1 the last part stands in an attribute of its own.
const (
	samlTenant   = "tenantid"
	samlProvider = "identityprovider"
)

// assertion is what is read of a SAML response, of 2.0 or 1.1, alone or inside
// an envelope of WS-Federation or WS-Trust.
type assertion struct {
	seen      bool     // there is an assertion
	sealed    bool     // there is one that is encrypted
	issuers   []string // of the response and of each assertion
	tenants   []string // the claim
	providers []string // the claim
	names     []string // the subject and the claims that name a user
	audiences []string
	until     time.Time
}

// parseSAML reads the assertions of a document together. It tells whose account
// they say it is, as claims do of a JWT; ok is false where there is none, or
// where none is Entra's: what another identity provider says of an account names
// no tenant.
func parseSAML(text []byte) (t Token, ok bool) {
	a, err := readAssertion(text)
	if !a.seen && !a.sealed {
		return Token{}, false
	}
	tenant, why, ok := a.tenant()
	if !ok {
		return Token{}, false
	}
	if why == "" && err != nil {
		why = whyMalformed
	}
	t = Token{Kind: SAML, Expires: a.until, User: a.user()}
	if len(a.audiences) > 0 {
		t.Audience = shorten(a.audiences[0])
		t.App = t.Audience // an assertion is for its application
	}
	if why != "" {
		t.Unreadable, t.Why = true, why
		return t, true
	}
	t.Tenant, t.Account = tenant, tenant
	for _, p := range a.providers {
		home, known := realm(p)
		switch {
		case p == "live.com":
			home = Consumer
		case !known:
			home = ""
		}
		if home != tenant {
			t.Account, t.IDP = home, shorten(p)
		}
	}
	return t, true
}

// tenant returns the one tenant that issuers and claims name.
func (a *assertion) tenant() (t Tenant, why string, ok bool) {
	var named []Tenant
	for _, issuer := range a.issuers {
		if of, known := realm(issuer); known && of != "" {
			named = append(named, of)
		}
	}
	if len(named) == 0 {
		return "", "", false
	}
	for _, id := range a.tenants {
		of, isTenant := ParseTenant(id)
		if !isTenant {
			return "", whyTenant, true
		}
		named = append(named, of)
	}
	for _, other := range named[1:] {
		if other != named[0] {
			return "", whyIssuer, true
		}
	}
	return named[0], "", true
}

// user returns the first name that has the shape of an account.
func (a *assertion) user() string {
	for _, name := range a.names {
		if user := account(name); user != "" {
			return shorten(user)
		}
	}
	return ""
}

// readAssertion walks the document once, and returns what it read with the
// error that ended it: what is too long or too often there is not left out
// in silence. Namespaces are not looked at: an element of this name in
// another one is read too, and makes it no better. Comments in a text do not
// end it: a signature does not cover them (Canonical XML 1.1, 2.3).
func readAssertion(text []byte) (*assertion, error) {
	a := &assertion{}
	if len(text) > maxAssertion {
		return a, ErrTooLarge
	}
	d := xml.NewDecoder(bytes.NewReader(text)) // reads UTF-8 and nothing else
	var into *[]string
	var said []byte
	depth, attribute := 0, ""
	for {
		token, err := d.RawToken()
		if err == io.EOF {
			return a, nil
		}
		if err != nil {
			return a, err
		}
		switch e := token.(type) {
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return a, ErrUninspectable
			}
			said = said[:0]
			attribute, into = a.open(e, attribute)
		case xml.EndElement:
			if s := strings.TrimSpace(string(said)); into != nil && s != "" {
				if len(*into) == maxCredentials {
					return a, ErrTooMany
				}
				*into = append(*into, s)
			}
			depth, into = depth-1, nil
			if e.Name.Local == "Attribute" {
				attribute = ""
			}
		case xml.CharData:
			if into == nil {
				continue
			}
			if said = append(said, e...); len(said) > 4*maxText {
				return a, ErrTooLarge
			}
		}
	}
}

// open reads what an element says in its attributes, and returns which claim it
// stands in and where its text goes.
func (a *assertion) open(e xml.StartElement, attribute string) (string, *[]string) {
	switch e.Name.Local {
	case "Assertion":
		a.seen = true
		if issuer := attr(e, "Issuer"); issuer != "" {
			a.issuers = append(a.issuers, issuer)
		}
	case "EncryptedAssertion", "EncryptedData":
		a.sealed = true
	case "Issuer":
		return attribute, &a.issuers
	case "NameID", "NameIdentifier":
		return attribute, &a.names
	case "Audience":
		return attribute, &a.audiences
	case "Conditions":
		a.until, _ = time.Parse(time.RFC3339, attr(e, "NotOnOrAfter"))
	case "Attribute":
		name := attr(e, "Name")
		if name == "" {
			name = attr(e, "AttributeName")
		}
		return strings.ToLower(name[strings.LastIndexByte(name, '/')+1:]), nil
	case "AttributeValue":
		return attribute, a.claim(attribute)
	}
	return attribute, nil
}

func (a *assertion) claim(name string) *[]string {
	switch name {
	case samlTenant:
		return &a.tenants
	case samlProvider:
		return &a.providers
	case "upn", "name", "emailaddress":
		return &a.names
	}
	return nil
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name && a.Name.Space != "xmlns" {
			return a.Value
		}
	}
	return ""
}
