package tokens

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// fields are the parameters of one request by their names in lower case: of
// its query first, then of its body. They hold credentials: they do not
// outlive the reading.
type fields map[string]string

// fieldsOf reads query and body. A body that cannot be decoded has none: what
// it would have told decides nothing. An error is that of the client's sending.
func fieldsOf(r *http.Request) (fields, error) {
	given := fields{}
	given.pairs(r.URL.RawQuery)
	if r.Method != http.MethodPost || r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 || r.ContentLength > maxBody {
		return given, nil
	}
	kind, _, _ := strings.Cut(first(r.Header["Content-Type"]), ";")
	read := readers[strings.ToLower(strings.TrimSpace(kind))]
	if read == nil {
		return given, nil
	}
	raw, err := buffer(r, maxBody)
	if err != nil {
		if errors.Is(err, ErrTooLarge) {
			err = nil
		}
		return given, err
	}
	if plain, err := decode(raw, r.Header["Content-Encoding"], maxBody); err == nil {
		read(given, plain)
	}
	return given, nil
}

// readers read the bodies that a sign-in stands in: forms, GetCredentialType's
// object, and the envelopes of WS-Trust.
var readers = map[string]func(fields, []byte){
	"application/x-www-form-urlencoded": func(f fields, body []byte) { f.pairs(string(body)) },
	"application/json":                  fields.object,
	"application/soap+xml":              fields.envelope,
	"text/xml":                          fields.envelope,
}

func (f fields) pairs(raw string) {
	for pair := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(pair, "=")
		plain, err := url.QueryUnescape(value)
		if err == nil {
			f.add(unescape(name), plain)
		}
	}
}

func (f fields) object(body []byte) {
	body = bytes.TrimSpace(body)
	if !json.Valid(body) || body[0] != '{' {
		return
	}
	for name, value := range members(body) {
		f.add(name, unquote(value))
	}
}

// envelope reads who asks (WS-Security UsernameToken 1.1, 3.1).
func (f fields) envelope(body []byte) {
	_, rest, _ := bytes.Cut(body, []byte("Username>"))
	if name, _, ok := bytes.Cut(rest, []byte("<")); ok {
		f.add("username", string(name))
	}
	f.add("wtrealm", envelopeAudience(body))
}

func (f fields) add(name, value string) {
	name = strings.ToLower(name)
	if _, twice := f[name]; !twice && value != "" {
		f[name] = value
	}
}
