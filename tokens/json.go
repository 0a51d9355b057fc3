package tokens

import (
	"bytes"
	"encoding/json"
	"strings"
)

// jsonBody reads the strings of a JSON body: tokens under the names of names,
// and, in a batch, the headers and URLs of the requests it holds.
func jsonBody(s *search, plain []byte, _ map[string]string) error {
	plain = bytes.TrimSpace(bytes.TrimPrefix(plain, []byte("\xef\xbb\xbf")))
	if len(plain) == 0 {
		return nil
	}
	if !json.Valid(plain) {
		ok := relaxed(s.request.URL)
		if ok {
			plain, ok = strict(plain)
		}
		if !ok {
			return ErrUninspectable
		}
	}
	place := InJSON
	if isBatch(s.request.URL) {
		place = InBatch
	}
	s.json(place, plain)
	return nil
}

// json looks at every string of a valid JSON text, in one pass: how deep it
// stands does not matter.
func (s *search) json(place Place, text []byte) {
	for i := 0; i < len(text); i++ {
		if text[i] != '"' {
			continue
		}
		end := quoted(text, i)
		name := text[i : end+1]
		i = end
		colon := blank(text, end+1)
		if colon >= len(text) || text[colon] != ':' {
			s.element(place, name)
			continue
		}
		start := blank(text, colon+1)
		if text[start] != '"' {
			continue
		}
		i = quoted(text, start)
		s.member(place, unquote(name), text[start:i+1])
	}
}

// element reads a string without a name: a header in a list of pairs.
func (s *search) element(place Place, text []byte) {
	if place != InBatch {
		return
	}
	val := unquote(text)
	if token := withoutScheme(val); token != val && looksJWT(token) {
		s.read(place, asToken, token)
	}
}

func (s *search) member(place Place, name string, text []byte) {
	var buf [maxName]byte
	_, known := names[string(fold(&buf, name))]
	switch {
	case strings.EqualFold(name, "authorization"), strings.EqualFold(name, "x-ms-authorization-auxiliary"):
		if val := unquote(text); place == InBatch || looksJWT(val) || hasScheme(val) {
			s.read(place, asLine, val)
		}
	case place == InBatch && (strings.EqualFold(name, "url") || strings.EqualFold(name, "relativeUrl")):
		s.urlQuery(place, unquote(text))
	case known:
		s.named(place, false, unquote(text))
	default:
		s.element(place, text)
	}
}
