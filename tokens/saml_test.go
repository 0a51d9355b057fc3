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

// Each row is what stands in an assertion of our own tenant, and what is read
// of it: tenant, account, why, IDP, user and audience.
func TestOfAnAssertionEveryWordIsRead(t *testing.T) {
	issuer := func(s string) string { return "<Issuer>" + s + "</Issuer>" }
	claim := func(name, value string) string { return fmt.Sprintf(samlClaim, name, value) }
	elsewhere := "https://idp.example/" + string(foreign) + "/"
	for inside, want := range map[string]string{
		"":                                      "home home -   ",
		claim("identityprovider", sts(home)):    "home home -   ",
		claim("identityprovider", sts(foreign)): "home foreign - " + sts(foreign) + "  ",
		claim("IdentityProvider", "live.com"):   "home consumer - live.com  ",
		claim("identityprovider", elsewhere):    "home - - " + elsewhere + "  ",
		claim("objectidentifier", "x"):          "home home -   ",
		claim("upn", "ann@contoso.com"):         "home home -  ann@contoso.com ",
		claim("name", "ann@contoso.com"):        "home home -  ann@contoso.com ",
		claim("emailaddress", "ann@contoso.com") + claim("upn", "bob@contoso.com"):                                 "home home -  ann@contoso.com ",
		claim("upn", "Ann") + claim("upn", "bob@contoso.com"):                                                      "home home -  bob@contoso.com ",
		claim("upn", " ann@contoso.com\n"):                                                                         "home home -  ann@contoso.com ",
		"<NameID>ann@contoso.com</NameID>":                                                                         "home home -  ann@contoso.com ",
		"<NameIdentifier>ann@contoso.com</NameIdentifier>":                                                         "home home -  ann@contoso.com ",
		"<Audience>a</Audience><Audience>b</Audience>":                                                             "home home -   a",
		"<Audience> </Audience><Audience>b</Audience>":                                                             "home home -   b",
		"<p><Audience>b</Audience>c</p>d":                                                                          "home home -   b",
		"<Audience>a<b/>c</Audience>":                                                                              "home home -   ",
		"<Attribute Name='tenantid'/><AttributeValue>x</AttributeValue>":                                           "home home -   ",
		`<Attribute AttributeName="tenantid"><AttributeValue>` + string(foreign) + `</AttributeValue></Attribute>`: "- - " + whyIssuer + "   ",
		`<Attribute Name="tenantid"><AttributeValue>` + string(home) + `</AttributeValue><AttributeValue>` + string(foreign) + `</AttributeValue></Attribute>`: "- - " + whyIssuer + "   ",
		issuer(sts(foreign)):                      "- - " + whyIssuer + "   ",
		issuer(elsewhere):                         "home home -   ",
		issuer("https://sts.windows.net/common/"): "home home -   ",
		`<Assertion xmlns:Issuer="` + sts(foreign) + `" Issuer="` + sts(home) + `"/>`: "home home -   ",
		`<Assertion xmlns:Issuer="x" Issuer="` + sts(foreign) + `"/>`:                 "- - " + whyIssuer + "   ",
		strings.Repeat(issuer(sts(home)), maxCredentials-1):                           "home home -   ",
		strings.Repeat(issuer(sts(home)), maxCredentials-1) + issuer(sts(foreign)):    "- - " + whyMalformed + "   ",
		"<Audience>" + strings.Repeat("x", 4*maxText) + "</Audience>":                 "home home -   " + strings.Repeat("x", maxText),
		"<Audience>" + strings.Repeat("x", 4*maxText+1) + "</Audience>":               "- - " + whyMalformed + "   ",
		"<p>" + strings.Repeat("x", 8*maxText) + "</p>":                               "home home -   ",
		strings.Repeat("<p>", maxDepth-1) + strings.Repeat("</p>", maxDepth-1):        "home home -   ",
		strings.Repeat("<p>", maxDepth) + strings.Repeat("</p>", maxDepth):            "- - " + whyMalformed + "   ",
		claim("tenantid", "x") + "<x a=":                                              "- - " + whyTenant + "   ",
		"<EncryptedData/>":                                                            "home home -   ",
	} {
		token, ok := parseSAML([]byte("<Assertion>" + issuer(sts(home)) + inside + "</Assertion>"))
		why := "-"
		if token.Unreadable {
			why = token.Why
		}
		got := fmt.Sprintf("%s %s %s %s %s %s", nick(token.Tenant), nick(token.Account), why, token.IDP, token.User, token.Audience)
		if !ok || got != want || token.App != token.Audience {
			t.Errorf("%.300s: %s, want %s", inside, got, want)
		}
	}
	for text, want := range map[string]bool{
		"": false, "x": false, "<Response/>": false, issuer(sts(home)): false, "<Assertion/>": false, "<Assertion>" + issuer(elsewhere) + "</Assertion>": false,
		"<Assertion>" + issuer("https://sts.windows.net/common/") + "</Assertion>": false, "<EncryptedData>" + issuer(sts(home)) + "</EncryptedData>": true,
		"<EncryptedAssertion/>" + issuer(sts(home)): true, `<Assertion Issuer="` + sts(home) + `"/>`: true, issuer(sts(home)) + "<Assertion/>": true,
		`<?xml version="1.0" encoding="UTF-16"?><Assertion>` + issuer(sts(home)) + "</Assertion>": false,
	} {
		if token, ok := parseSAML([]byte(text)); ok != want {
			t.Errorf("%s: %+v", text, token)
		}
	}
	fits := "<Assertion>" + issuer(sts(home)) + "</Assertion>"
	for length, want := range map[int]bool{maxAssertion: true, maxAssertion + 1: false} {
		if token, ok := parseSAML([]byte(fits + strings.Repeat(" ", length-len(fits)))); ok != want {
			t.Errorf("%d octets: %+v", length, token)
		}
	}
}

// A parameter holds XML as it stands, in base64 of either alphabet, or in
// base64 of its deflated form.
func TestAMessageIsXMLHoweverItIsCoded(t *testing.T) {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	deflated := func(text string) string {
		var out bytes.Buffer
		w, _ := flate.NewWriter(&out, 9)
		_, _ = w.Write([]byte(text))
		_ = w.Close()
		return base64.StdEncoding.EncodeToString(out.Bytes())
	}
	packed := func(n int) string { return deflated("<" + strings.Repeat(" ", n-1)) }
	for value, want := range map[string]int{
		"": 0, "x": 0, "*": 0, "<": 1, " <a> ": 3, b64("<a>"): 3, b64(" \n<a>"): 3, b64("a"): 0, b64(" "): 0, "PGE-": 3, "PGE PGEA": 6, "PGE-=": 3, "PG\r\n\tE+": 3,
		"PD8_": 3, "PD8/": 3, packed(1): 1, packed(maxAssertion): maxAssertion, packed(maxAssertion + 1): 0, packed(9)[:8]: 0,
		b64("<" + strings.Repeat("a", 1)): 2, strings.Repeat("PGE+", maxAssertion/2): maxAssertion / 2 * 3, strings.Repeat("PGE+", maxAssertion/2) + "=": 0,
		"PGE+!": 0, b64("<"): 1, deflated(""): 0, deflated("a"): 0,
	} {
		if got := samlMessage(value); len(got) != want {
			t.Errorf("%.40q: %d octets, want %d", value, len(got), want)
		}
	}
	if got := string(samlMessage("PD8_PD8-PD8 PD8_")); got != "<??<?><?><??" {
		t.Errorf("the other alphabet: %q", got)
	}
	letters := strings.Repeat("A", 63)
	for value, want := range map[string]bool{
		"PA" + letters: true, "PH" + letters: true, "P@" + letters: false, "PI" + letters: false, "QA" + letters: false, "PA" + letters[1:]: false, "": false,
	} {
		if looksSAML(value) != want {
			t.Errorf("%s: %v", value, !want)
		}
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
