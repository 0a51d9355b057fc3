package demo

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"strings"
	"sync"
	"time"
)

// Spec says what a token claims. The zero Spec is a v2 token for Graph of
// Home's first user, good for an hour.
type Spec struct {
	Tenant   string         // tid: the tenant signed in to; empty is Home's
	IDP      string         // directory ID of the account's own tenant; empty: no idp claim
	Audience string         // aud; empty is https://graph.microsoft.com
	App      string         // appid or azp; empty is the Azure CLI's
	User     string         // user principal name; empty is the tenant's first user
	AppOnly  bool           // no user: idtyp app, roles instead of scp
	V1       bool           // claims and issuer of a v1 token, as Graph's own are
	Expires  time.Time      // exp; zero is in an hour
	Marker   string         // uti: a text that Cloud.SawBytes finds
	Claims   map[string]any // set last; a nil value removes the claim
}

const (
	graphAudience = "https://graph.microsoft.com"
	azureCLI      = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
	keyID         = "tenantgate-demo"
)

// signingKey is made once per process: a key pair costs more than a Cloud.
var signingKey = sync.OnceValues(func() (*rsa.PrivateKey, error) {
	return rsa.GenerateKey(rand.Reader, 2048)
})

var errToken = errors.New("not a token of the cloud")

// Mint signs a token with the cloud's key, whatever it claims.
func (c *Cloud) Mint(s Spec) string { return mint(s) }

// Sign returns a JWT with this payload as it stands, for claims that no Spec
// can have: doubled, of the wrong type, or no JSON at all.
func (c *Cloud) Sign(payload []byte) string { return sign(payload) }

func mint(s Spec) string {
	payload, err := json.Marshal(s.claims(time.Now()))
	if err != nil {
		return "" // only Claims can hold what JSON cannot: no token
	}
	return sign(payload)
}

func sign(payload []byte) string {
	key, err := signingKey()
	if err != nil {
		return ""
	}
	head := fmt.Sprintf(`{"typ":"JWT","alg":"RS256","kid":%q,"x5t":%q}`, keyID, keyID)
	body := b64([]byte(head)) + "." + b64(payload)
	sum := sha256.Sum256([]byte(body))
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		return ""
	}
	return body + "." + b64(signature)
}

func (s Spec) claims(now time.Time) map[string]any {
	t := tenantOf(s.Tenant)
	switch {
	case s.Tenant == "":
		t = Home
	case !t.known():
		t = Tenant{ID: s.Tenant}
	}
	if s.Expires.IsZero() {
		s.Expires = now.Add(time.Hour)
	}
	if s.User == "" && len(t.Users) > 0 {
		s.User = t.Users[0]
	}
	claims := map[string]any{
		"aud": or(s.Audience, graphAudience), "tid": t.ID,
		"iat": now.Unix() - 5, "nbf": now.Unix() - 5, "exp": s.Expires.Unix(),
		"uti": or(s.Marker, rand.Text()),
	}
	if s.V1 {
		maps.Copy(claims, map[string]any{"ver": "1.0", "iss": issuer(t.ID, "1.0"), "appid": or(s.App, azureCLI), "appidacr": "0"})
	} else {
		maps.Copy(claims, map[string]any{"ver": "2.0", "iss": issuer(t.ID, "2.0"), "azp": or(s.App, azureCLI), "azpacr": "0"})
	}
	maps.Copy(claims, s.subject(t))
	if s.IDP != "" {
		claims["idp"] = issuer(s.IDP, "1.0")
	}
	for name, v := range s.Claims {
		claims[name] = v
		if v == nil {
			delete(claims, name)
		}
	}
	return claims
}

// subject are the claims of who the token is for.
func (s Spec) subject(t Tenant) map[string]any {
	if s.AppOnly {
		oid := objectID(t.ID, or(s.App, azureCLI))
		return map[string]any{"idtyp": "app", "oid": oid, "sub": oid, "roles": []string{"User.Read.All"}}
	}
	claims := map[string]any{
		"oid": objectID(t.ID, s.User), "sub": b64([]byte(objectID(t.ID, s.User, s.App))),
		"scp": "User.Read Files.ReadWrite", "name": displayName(s.User), "preferred_username": s.User,
	}
	if s.V1 {
		delete(claims, "preferred_username")
		claims["upn"], claims["unique_name"] = s.User, s.User
	}
	return claims
}

// issuer returns iss as access-token-claims-reference has it for either version.
func issuer(tenant, version string) string {
	if version == "1.0" {
		return "https://sts.windows.net/" + tenant + "/"
	}
	return "https://login.microsoftonline.com/" + tenant + "/v2.0"
}

// readToken returns the claims of a token that this process signed and that
// has not expired.
func readToken(raw string) (map[string]any, error) {
	key, err := signingKey()
	if err != nil {
		return nil, err
	}
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return nil, errToken
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return nil, errToken
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, sum[:], signature) != nil {
		return nil, errToken
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, errToken
	}
	claims := map[string]any{}
	if json.Unmarshal(payload, &claims) != nil {
		return nil, errToken
	}
	if exp, _ := claims["exp"].(float64); time.Unix(int64(exp), 0).Before(time.Now()) {
		return nil, fmt.Errorf("%w: expired", errToken)
	}
	return claims, nil
}

// bearer returns the claims of the request's access token.
func bearer(authorization string) (map[string]any, error) {
	scheme, raw, ok := strings.Cut(authorization, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return nil, errToken
	}
	return readToken(strings.TrimSpace(raw))
}

// keySet is the JWKS document of the signing key.
func keySet() (map[string]any, error) {
	key, err := signingKey()
	if err != nil {
		return nil, err
	}
	return map[string]any{"keys": []map[string]any{{
		"kty": "RSA", "use": "sig", "kid": keyID, "x5t": keyID, "alg": "RS256",
		"n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes()),
		"issuer": "https://login.microsoftonline.com/{tenantid}/v2.0",
	}}}, nil
}

func b64(p []byte) string { return base64.RawURLEncoding.EncodeToString(p) }

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func displayName(user string) string {
	name, _, _ := strings.Cut(user, "@")
	if name == "" {
		return "Nobody"
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

func text(claims map[string]any, name string) string {
	s, _ := claims[name].(string)
	return s
}
