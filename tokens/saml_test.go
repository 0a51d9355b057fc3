package tokens

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"
)

const samlClaim = `<Attribute Name="http://schemas.microsoft.com/identity/claims/%s"><AttributeValue>%s</AttributeValue></Attribute>`

// samlResponse is Entra's answer of SAML 2.0 as reference-saml-tokens shows it.
func samlResponse(issuer, claims string) string {
	return `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_1"><Issuer xmlns="urn:oasis:names:tc:SAML:2.0:assertion">` + issuer +
		`</Issuer><Assertion ID="_2"><Issuer>` + issuer + `</Issuer><Signature><SignatureValue>` + marker + `</SignatureValue></Signature>` +
		`<Subject><NameID Format="x">eve@fabrikam.com</NameID></Subject><Conditions NotOnOrAfter="2100-01-01T00:00:00.000Z"><AudienceRestriction>` +
		`<Audience>https://app.example/saml</Audience></AudienceRestriction></Conditions><AttributeStatement>` + claims + `</AttributeStatement></Assertion></samlp:Response>`
}

func sts(t Tenant) string { return "https://sts.windows.net/" + string(t) + "/" }

// samlMessages are assertions by the names that the corpora have for them.
func samlMessages() map[string]string {
	tenant := func(t Tenant) string { return fmt.Sprintf(samlClaim, "tenantid", t) }
	provider := func(t Tenant) string { return fmt.Sprintf(samlClaim, "identityprovider", sts(t)) }
	list := map[string]string{
		"home":     samlResponse(sts(home), tenant(home)+provider(home)),
		"foreign":  samlResponse(sts(foreign), tenant(foreign)),
		"bare":     samlResponse(sts(foreign), ""),
		"guestin":  samlResponse(sts(home), tenant(home)+provider(foreign)),
		"guestout": samlResponse(sts(foreign), tenant(foreign)+provider(home)),
		"consumer": samlResponse(sts(home), fmt.Sprintf(samlClaim, "identityprovider", "live.com")),
		"social":   samlResponse(sts(home), fmt.Sprintf(samlClaim, "identityprovider", "google.com")),
		"differs":  samlResponse(sts(home), tenant(foreign)),
		"typed":    samlResponse(sts(home), fmt.Sprintf(samlClaim, "tenantid", "x")),
		"adfs":     samlResponse("http://adfs.fabrikam.com/adfs/services/trust", ""),
		"comment":  samlResponse("https://sts.windows.net/3333<!-- -->3333-3333-3333-3333-333333333333/", ""),
		"cdata":    samlResponse("<![CDATA["+sts(foreign)+"]]>", ""),
		"cut":      strings.TrimSuffix(samlResponse(sts(home), ""), "</samlp:Response>") + "<x a=",
		"two":      samlResponse(sts(home), "") + samlResponse(sts(foreign), ""),
		"sealed":   `<Response><Issuer>` + sts(foreign) + `</Issuer><EncryptedAssertion>` + marker + `</EncryptedAssertion></Response>`,
		"old": `<t:RequestSecurityTokenResponse xmlns:t="x"><t:RequestedSecurityToken><saml:Assertion MajorVersion="1" Issuer="` + sts(foreign) + `">` +
			`<saml:NameIdentifier>` + marker + `</saml:NameIdentifier><saml:Attribute AttributeName="tenantid" AttributeNamespace="http://schemas.microsoft.com/identity/claims">` +
			`<saml:AttributeValue>` + string(foreign) + `</saml:AttributeValue></saml:Attribute></saml:Assertion></t:RequestedSecurityToken></t:RequestSecurityTokenResponse>`,
		"request": `<samlp:AuthnRequest ID="id6c1c178c166d486687be4aaf5e482730"><Issuer>https://app.example/saml</Issuer><Subject><NameID>eve@fabrikam.com</NameID></Subject></samlp:AuthnRequest>`,
	}
	forms := map[string]string{}
	for name, text := range list {
		b64 := base64.StdEncoding.EncodeToString([]byte(text))
		var packed bytes.Buffer
		w, _ := flate.NewWriter(&packed, 9)
		_, _ = w.Write([]byte(text)) // a bytes.Buffer takes everything
		_ = w.Close()
		forms["saml:"+name] = text
		forms["saml64:"+name] = b64
		forms["samlform:"+name] = url.QueryEscape(text)
		forms["saml64form:"+name] = url.QueryEscape(b64)
		forms["samlredirect:"+name] = url.QueryEscape(base64.StdEncoding.EncodeToString(packed.Bytes()))
		forms["samlhtml:"+name] = html.EscapeString(text)
	}
	return forms
}

func TestAnAssertionSaysWhoseAccountItIs(t *testing.T) {
	for name, want := range map[string]string{
		"home": "home home -", "foreign": "foreign foreign -", "bare": "foreign foreign -", "guestin": "home foreign -",
		"guestout": "foreign home -", "consumer": "home consumer -", "social": "home - -", "comment": "foreign foreign -",
		"cdata": "foreign foreign -", "sealed": "foreign foreign -", "old": "foreign foreign -",
		"differs": "- - " + whyIssuer, "two": "- - " + whyIssuer, "typed": "- - " + whyTenant, "cut": "- - " + whyMalformed,
	} {
		for _, form := range []string{"saml:", "saml64:"} {
			token, ok := parseSAML(samlMessage(credentials[form+name]))
			token.Place = InForm
			if got := describe(&token); !ok || got != "form saml "+want {
				t.Errorf("%s%s: %s, want %s", form, name, got, want)
			}
			checkSound(t, []*Token{&token})
		}
	}
	for _, name := range []string{"adfs", "request"} {
		if token, ok := parseSAML(samlMessage(credentials["saml:"+name])); ok {
			t.Errorf("%s: %+v", name, token)
		}
	}
	token, _ := parseSAML(samlMessage(credentials["saml:home"]))
	if token.User != "eve@fabrikam.com" || token.Audience != "https://app.example/saml" || token.Expires.Year() != 2100 {
		t.Errorf("%+v", token)
	}
	// In base64 an assertion is a bearer like any other (Microsoft, v2-oauth2-on-behalf-of-flow).
	raw := base64.RawURLEncoding.EncodeToString([]byte(credentials["saml:foreign"]))
	if token := Parse(raw); token.Kind != SAML || token.Tenant != foreign {
		t.Errorf("as a bearer: %+v", token)
	}
}

func TestAMessageOfSAMLIsReadInEveryCoding(t *testing.T) {
	want := credentials["saml:foreign"]
	for _, form := range []string{"samlform:", "saml64form:", "samlredirect:"} {
		value, err := url.QueryUnescape(credentials[form+"foreign"])
		if got := string(samlMessage(value)); err != nil || got != want {
			t.Errorf("%s: %.80q, %v", form, got, err)
		}
	}
	bomb := &bytes.Buffer{}
	w, _ := flate.NewWriter(bomb, 9)
	_, _ = w.Write(bytes.Repeat([]byte("<"), 64<<20))
	_ = w.Close()
	if got := samlMessage(base64.StdEncoding.EncodeToString(bomb.Bytes())); got != nil {
		t.Errorf("%d octets out of a bomb", len(got))
	}
}

func FuzzSAML(f *testing.F) {
	for name, text := range samlMessages() {
		if strings.HasPrefix(name, "saml:") {
			f.Add(text)
		}
	}
	f.Add("<a><Issuer>x</Issuer>")
	f.Fuzz(func(t *testing.T, text string) {
		for _, raw := range []string{text, base64.StdEncoding.EncodeToString([]byte(text)), hex.EncodeToString([]byte(text))} {
			if token, ok := parseSAML(samlMessage(raw)); ok {
				checkSound(t, []*Token{&token})
			}
		}
		// One foreign assertion beside anything at all that is XML is not read as home.
		if token, ok := parseSAML([]byte(text + credentials["saml:bare"])); ok && token.Tenant == home && !token.Unreadable {
			t.Errorf("a foreign assertion is overlooked behind %q", text)
		}
	})
}
