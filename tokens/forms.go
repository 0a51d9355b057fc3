package tokens

import "strings"

// form is how a value is read; the value's place does not tell: a query has
// tokens and whole Authorization values.
type form uint8

const (
	asLine    form = iota // the grammar of Authorization
	asToken               // one bearer token
	asCookie              // one bearer token, or the service's own session
	asKey                 // a signature or key, no account inside
	asSAML                // a SAML response, in one of its codings
	asSession             // a service's own session, no account to be read
)

// forms read a value for the first time.
var forms = [...]func(*value, string){
	asLine:    (*value).line,
	asToken:   (*value).token,
	asCookie:  (*value).cookie,
	asKey:     (*value).opaqueKey,
	asSAML:    (*value).saml,
	asSession: (*value).session,
}

func (v *value) opaqueKey(raw string) { v.add(v.place, raw, Token{Kind: Key}) }
func (v *value) session(raw string)   { v.add(v.place, raw, Token{Kind: Session}) }

// maxNested is how many tokens may stand inside each other.
const maxNested = 4

// token reads one bearer token and those in its claims. A proof of possession
// without an identity of its own is only what it wraps.
func (v *value) token(raw string) { v.nested(v.place, raw, 0) }

func (v *value) nested(place Place, raw string, level int) {
	raw = withoutScheme(strings.TrimSpace(raw))
	t, inner := parse(raw)
	if level == maxNested && len(inner) > 0 {
		t, inner = unreadable(t.Kind, whyNested), nil
	}
	wraps := t.Why == whyNoTenant && len(inner) > 0
	if !wraps {
		v.add(place, raw, t)
	}
	for _, in := range inner {
		if v.full() {
			return
		}
		if !wraps {
			place = InNested
		}
		v.nested(place, in, level+1)
	}
}

// cookie reads a JWT in a cookie. One that names nobody's tenant is a session
// of the service itself, as Azure DevOps and applications on App Service issue
// them; claims that contradict each other are not.
func (v *value) cookie(raw string) {
	t, _ := parse(raw)
	switch t.Why {
	case whyNoTenant, whyEncrypted, whyMalformed, whyNoClaims:
		v.session(raw)
	default:
		v.token(raw)
	}
}

// withoutScheme drops a Bearer before a token that stands inside a value.
func withoutScheme(raw string) string {
	if len(raw) > 7 && strings.EqualFold(raw[:6], "bearer") && strings.IndexByte(" \t:=", raw[6]) >= 0 {
		return strings.TrimLeft(raw[7:], " \t")
	}
	return raw
}
