package tokens

import (
	"encoding/xml"
	"net/url"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
)

// readFederation takes what the messages of SAML and WS-Federation say: the
// application that asks (the Issuer of an AuthnRequest, wtrealm), the account
// that it asks for (its Subject), and, of another identity provider's answer,
// the account and who says so.
func (s *SignIn) readFederation(given fields) {
	s.name(given["wtrealm"])
	if message := given["samlrequest"]; message != "" {
		a, _ := readAssertion(samlMessage(message))
		for _, issuer := range a.issuers {
			s.name(issuer)
		}
		s.Account = or(s.Account, a.user())
	}
	for _, name := range []string{"samlresponse", "wresult"} {
		a, _ := readAssertion(samlMessage(given[name]))
		s.Account = or(s.Account, a.user())
		for _, issuer := range a.issuers {
			s.Domain = or(s.Domain, providerOf(issuer))
		}
	}
}

// name takes an application by its own name.
func (s *SignIn) name(app string) {
	if s.App == "" && plainID(app) {
		s.App = strings.ToLower(strings.Clone(app))
		s.AppName = appNames[s.App]
	}
}

// providerOf returns the host of an identity provider's name, if it is no
// tenant's.
func providerOf(issuer string) string {
	if _, known := realm(issuer); known {
		return ""
	}
	u, err := url.Parse(issuer)
	if err != nil {
		return ""
	}
	n, err := hosts.Parse(u.Hostname())
	if err != nil || !strings.Contains(string(n), ".") {
		return ""
	}
	return string(n)
}

// envelopeAudience returns what a request of WS-Trust asks a token for
// (WS-Policy Attachment, AppliesTo).
func envelopeAudience(body []byte) string {
	d := xml.NewDecoder(strings.NewReader(string(body)))
	inside := false
	for {
		token, err := d.RawToken()
		if err != nil {
			return ""
		}
		switch e := token.(type) {
		case xml.StartElement:
			inside = inside || e.Name.Local == "AppliesTo"
		case xml.CharData:
			if text := strings.TrimSpace(string(e)); inside && text != "" {
				return text
			}
		}
	}
}
