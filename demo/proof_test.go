package demo

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func TestACodeIsGoodForWhoKnowsItsVerifier(t *testing.T) {
	c := start(t)
	cl := client(t, c)
	const at = "https://login.microsoftonline.com/contoso.com/"
	// RFC 7636, appendix B
	const verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	for given, says := range map[string]string{verifier: "access_token", "": "AADSTS501481", verifier + "x": "AADSTS501481"} {
		answer, _ := do(t, cl, "POST", at+"login", form("login", "alice@contoso.com", "client_id", "app", "scope", "User.Read",
			"redirect_uri", "https://app.example.com/", "code_challenge", challenge, "code_challenge_method", "S256"))
		to, err := url.Parse(answer.Header.Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		_, body := do(t, cl, "POST", at+"oauth2/v2.0/token", form("grant_type", "authorization_code", "client_id", "app",
			"code", to.Query().Get("code"), "code_verifier", given))
		if !strings.Contains(body, says) {
			t.Errorf("%q: %s", given, body)
		}
	}
}

func TestAnAssertionProvesTheKeyOfItsCertificate(t *testing.T) {
	c := start(t)
	cl := client(t, c)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	own, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := x509.CreateCertificate(rand.Reader, template, template, other.Public(), other)
	if err != nil {
		t.Fatal(err)
	}
	const home = "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token"
	for _, row := range []struct {
		name, issuer, audience, kind string
		chain                        []byte
		says                         string
	}{
		{"good", "app", home, assertionType, own, "access_token"},
		{"by directory ID", "app", "https://login.microsoftonline.com/" + Home.ID + "/oauth2/v2.0/token", assertionType, own, "access_token"},
		{"without its certificate", "app", home, assertionType, nil, "access_token"},
		{"another's certificate", "app", home, assertionType, foreign, "AADSTS700027"},
		{"another application's", "other", home, assertionType, own, "AADSTS50027"},
		{"for another tenant", "app", strings.Replace(home, "contoso", "fabrikam", 1), assertionType, own, "AADSTS700023"},
		{"of another type", "app", home, "urn:ietf:params:oauth:client-assertion-type:saml2-bearer", own, "AADSTS7000218"},
	} {
		token := jwt.NewWithClaims(jwt.SigningMethodPS256, jwt.MapClaims{
			"iss": row.issuer, "sub": row.issuer, "aud": row.audience, "exp": time.Now().Add(time.Minute).Unix(),
		})
		if row.chain != nil {
			token.Header["x5c"] = []string{base64.StdEncoding.EncodeToString(row.chain)}
		}
		assertion, err := token.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		_, body := do(t, cl, "POST", home, form("grant_type", "client_credentials", "client_id", "app", "scope", graphAudience+"/.default",
			"client_assertion_type", row.kind, "client_assertion", assertion))
		if !strings.Contains(body, row.says) {
			t.Errorf("%s: %s", row.name, body)
		}
	}
}
