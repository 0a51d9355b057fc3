package tokens

import (
	"net/url"
	"strings"
)

// query reads the raw query of the request line as any origin could.
func query(s *search) {
	if raw := s.request.URL.RawQuery; raw != "" {
		s.pairs(InQuery, raw)
	}
}

// pairs reads name=value pairs with & or ; between them, since an origin may
// cut at either and no token has one. Names repeat, and each one counts.
func (s *search) pairs(place Place, raw string) {
	for raw != "" {
		end := strings.IndexByte(raw, '&')
		if end < 0 {
			end = len(raw)
		}
		group := raw[:end]
		raw = raw[min(end+1, len(raw)):]
		for group != "" {
			var pair string
			pair, group, _ = strings.Cut(group, ";")
			s.pair(place, pair)
		}
	}
}

func (s *search) pair(place Place, pair string) {
	name, val, _ := strings.Cut(pair, "=")
	var buf [maxName]byte
	folded := fold(&buf, name)
	switch string(folded) {
	case "sig":
		s.read(place, asKey, val) // a shared access signature
		return
	case "samlresponse", "wresult": // SAML 2.0 bindings; WS-Federation 1.2, 13.2.3
		if plain, err := url.QueryUnescape(val); err == nil {
			val = plain
		}
		s.read(place, asSAML, val)
		return
	}
	always, ok := isName(folded)
	if !ok {
		return
	}
	s.named(place, always, val)
}

// named judges the value of a name in names.
func (s *search) named(place Place, always bool, val string) {
	val = strings.Trim(unescape(val), "+ \t\r\n\"")
	val = unescape(val) // encoded twice, as redirects do
	if looksJWT(val) {
		s.read(place, asToken, val)
		return
	}
	if line := strings.ReplaceAll(val, "+", " "); always || hasScheme(line) {
		s.read(place, asLine, line)
	}
}

// hasScheme tells whether a value is written as in the Authorization header.
func hasScheme(val string) bool {
	word, _ := cutWord(val)
	_, _, ok := cutScheme(word)
	return ok
}
