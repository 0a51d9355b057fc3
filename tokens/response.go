package tokens

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
)

// How much of an answer is looked into.
const (
	maxAnswer = 1 << 20   // a token answer, before and after its encoding is undone
	pageStart = 64 << 10  // of a page, to tell a form that posts itself from a sign-in page
	maxPage   = 256 << 10 // of a page on its way, for the code of an error
	maxError  = 64 << 10  // of an error in JSON
)

// An Answer is an answer of a sign-in host while it is looked into: for the
// tokens that it issues, before it is passed on, and for what it says went
// wrong, while it is. Its bytes stay what they were.
type Answer struct {
	finder   *Finder
	host     hosts.Name
	request  *SignIn
	response *http.Response
	carrier  carrier
	body     *passing // nil if nothing in the body is of interest
}

// carrier is where in an answer a token, or a code, can be.
type carrier uint8

const (
	nowhere    carrier = iota
	inJSON             // the token endpoint's success
	inError            // an error in JSON
	inEnvelope         // the answer of WS-Trust
	inPage             // a page, which may be a form that posts itself (OAuth 2.0 Form Post Response Mode)
	inLocation         // a redirect
)

// customers are the sign-in hosts of Azure AD B2C and External ID, where the
// customers of a web site have their accounts. Such an account belongs to no
// organization, and its token opens nothing but that site: tenant restrictions
// do not name these hosts, and to withhold it would lock people out of shops.
var customers = hosts.MustParseSet("*.b2clogin.com", "*.ciamlogin.com")

// Answer prepares to look into the host's answer to a request that s was read
// from. Where the body is of interest it is replaced by one that shows
// what passes; the rest of resp is left alone.
func (h Site) Answer(s *SignIn, resp *http.Response) Answer {
	a := Answer{finder: h.finder, host: h.host, request: s, response: resp, carrier: carrierOf(s, resp)}
	if h.customers {
		a.carrier = nowhere
	}
	limit := 0
	switch a.carrier {
	case inJSON:
		limit = maxAnswer
	case inEnvelope:
		limit = maxAssertion
	case inError:
		limit = maxError
	case inPage:
		limit = maxPage
	}
	if limit > 0 && resp.Body != nil && resp.Body != http.NoBody {
		a.body = &passing{from: resp.Body, codings: resp.Header["Content-Encoding"], limit: limit}
		resp.Body = a.body
	}
	return a
}

// carrierOf decides by path, status and content type, without the body. An
// answer of the token endpoint without a content type counts as JSON.
func carrierOf(s *SignIn, resp *http.Response) carrier {
	kind, _, _ := strings.Cut(first(resp.Header["Content-Type"]), ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	isJSON := kind == "application/json" || kind == "text/json" || strings.HasSuffix(kind, "+json")
	switch {
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return inLocation
	case s.issues && resp.StatusCode < 300 && (isJSON || kind == ""):
		return inJSON
	case s.Flow == flowTrust && resp.StatusCode < 300 && (kind == "application/soap+xml" || kind == "text/xml" || kind == "application/xml"):
		return inEnvelope
	case isJSON && resp.StatusCode >= 400:
		return inError
	case kind == "text/html" || kind == "application/xhtml+xml":
		return inPage
	}
	return nowhere
}

// Issued returns the tokens that the answer issues, and whose they are. It
// waits for as much of the body as it takes to know; nothing was passed on
// then, and all of it will be. An error means that there may be tokens that
// nobody could read. Broken tells whether the origin cut the answer off.
func (a *Answer) Issued() (list []*Token, err error) {
	switch {
	case a.carrier == inLocation:
		return a.whose(fromLocation(a.response.Header["Location"])), nil
	case a.body == nil:
		return nil, nil
	case a.carrier == inJSON:
		text, err := a.body.whole(maxAnswer)
		if len(bytes.TrimSpace(text)) == 0 {
			return nil, err
		}
		found, err := fromJSON(text)
		return a.whose(found), err
	case a.carrier == inEnvelope:
		text, err := a.body.whole(maxAssertion)
		if err != nil {
			return nil, err
		}
		return a.whose(issued{saml: []string{string(text)}}), nil
	case a.carrier == inPage && a.response.StatusCode < 300:
		return a.fromPage(), nil
	}
	return nil, nil
}

// fromPage reads a page with a form in it to its end, and lets any other go
// when it has shown its beginning: the form that posts itself is short, and a
// page past the limits is none.
func (a *Answer) fromPage() []*Token {
	if start := a.body.start(pageStart); !containsFold(start, "<form") {
		return nil
	}
	text, _ := a.body.whole(maxAnswer) // nothing of one that cannot be read
	if !containsFold(text, "_token") && !containsFold(text, "samlresponse") && !containsFold(text, "wresult") {
		return nil
	}
	return a.whose(fromForms(text))
}

// Broken returns the error with which the origin ended the body, if it did so
// before its end and while it was looked into.
func (a *Answer) Broken() error {
	if a.body == nil {
		return nil
	}
	return a.body.broken()
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// containsFold looks for a lower-case ASCII word in any case.
func containsFold(text []byte, word string) bool {
	for i := 0; i+len(word) <= len(text); i++ {
		if text[i]|0x20 != word[0]|0x20 {
			continue
		}
		if strings.EqualFold(string(text[i:i+len(word)]), word) {
			return true
		}
	}
	return false
}
