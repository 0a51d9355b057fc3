// Package tokens finds the credentials in a request or a token response and
// reads whose they are.
//
// It reads, it does not verify: nobody but Microsoft can check the signature
// of a Graph token. What a token says of itself is enough to refuse it, since
// an edited tenant is useless at Microsoft, and never enough to grant anything
// that was not asked for. What cannot be read is Unreadable, not absent.
//
// To add a place where credentials stand: one function, one row of places (or
// of bodies, if it stands in a body), one file in testdata.
package tokens

import "time"

// Place is where in a request a credential was found, as events name it.
type Place string

// The places of CONTRACT's credentials[].place.
const (
	InAuthorization Place = "authorization"
	InAuxiliary     Place = "auxiliary"
	InQuery         Place = "query"
	InForm          Place = "form"
	InJSON          Place = "json"
	InMultipart     Place = "multipart"
	InBatch         Place = "batch"
	InCookie        Place = "cookie"
	InHeader        Place = "header"
	InSubprotocol   Place = "subprotocol"
	InCopySource    Place = "copy-source"
	InNested        Place = "nested"
	InResponse      Place = "response"
)

// Kind is what a credential is, as events name it.
type Kind string

// The kinds of CONTRACT's credentials[].kind.
const (
	JWT     Kind = "jwt"     // a signed token with readable claims
	JWE     Kind = "jwe"     // an encrypted token: five segments
	Opaque  Kind = "opaque"  // bearer-like, no structure to read
	Session Kind = "session" // a service's own cookie
	Key     Kind = "key"     // SAS, shared key, PAT, Basic: no account inside
	SAML    Kind = "saml"
)

// Tenant is a directory ID: a GUID in canonical lower case. Empty is unknown.
type Tenant string

// Tenants with a meaning of their own (Microsoft, access-token-claims-reference
// and tenant-restrictions).
const (
	Consumer    Tenant = "9188040d-6c67-4c5b-b112-36a304b66dad" // personal accounts
	Passthrough Tenant = "f8cdef31-a31e-4b4a-93e4-5f571e91255a" // personal accounts in Office.com and Azure
)

// Token is one credential that was found in a request, and whose it says it
// is. It never holds the credential itself. Tokens are shared between
// requests: treat them as immutable.
type Token struct {
	Place      Place
	Kind       Kind
	Tenant     Tenant    // the resource tenant: tid, else the GUID in iss; empty if nobody can tell
	Account    Tenant    // the account's home tenant: from idp; equal to Tenant without one; empty if it is elsewhere or unknown
	IDP        string    // the idp claim, shortened
	App        string    // appid or azp
	User       string    // upn, preferred_username, unique_name or oid
	Object     string    // oid: the account's object in Tenant
	HomeObject string    // the account's object in its own tenant: home_oid, or uid of client_info (neither is documented); oid of an account that is no guest
	Audience   string    // aud
	Expires    time.Time // exp; zero without one
	Verified   bool      // the signature was checked against keys of the issuer
	Unreadable bool      // nobody can tell whose it is
	Why        string    // why it is unreadable: a constant phrase
	Digest     string    // keyed hash of the credential, for correlation

	service service // that issued it, if it names no tenant
	key     *Token  // what it is on hosts of service
}
