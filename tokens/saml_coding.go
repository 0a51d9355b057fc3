package tokens

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"io"
	"strings"
)

// samlMessage returns the XML of a parameter: as it stands (wresult), in base64
// (HTTP-POST binding; SAML 2.0 bindings, 3.5.4) or in base64 of its deflated
// form (HTTP-Redirect binding, 3.4.4.1).
func samlMessage(value string) []byte {
	value = strings.TrimSpace(value)
	if strings.HasPrefix(value, "<") {
		return []byte(value)
	}
	raw, ok := unbase64(value)
	if !ok {
		return nil
	}
	if text := bytes.TrimSpace(raw); len(text) > 0 && text[0] == '<' {
		return text
	}
	text, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(raw)), maxAssertion+1))
	if err != nil || len(text) > maxAssertion || len(text) == 0 || text[0] != '<' {
		return nil
	}
	return text
}

// unbase64 decodes either alphabet, with or without padding and line breaks.
func unbase64(s string) ([]byte, bool) {
	if len(s) > 2*maxAssertion {
		return nil, false
	}
	s = strings.Map(func(r rune) rune {
		switch r {
		case '\t', '=': // DecodeString leaves out line breaks
			return -1
		case ' ', '-': // a blank was a plus before somebody decoded it as a form
			return '+'
		case '_':
			return '/'
		}
		return r
	}, s)
	raw, err := base64.RawStdEncoding.DecodeString(s)
	return raw, err == nil
}

// looksSAML tells whether a value has the shape of XML in base64.
func looksSAML(raw string) bool {
	return len(raw) > 64 && raw[0] == 'P' && raw[1] >= 'A' && raw[1] <= 'H'
}

// saml reads a SAML response as a credential. One that no tenant of Entra's
// issued is judged as a session is, by whose the host is that takes it.
func (v *value) saml(raw string) {
	text := samlMessage(raw)
	if text == nil {
		return
	}
	t, ok := parseSAML(text)
	if !ok {
		v.session(raw)
		return
	}
	v.add(v.place, raw, t)
}

// readSAML reads an assertion that an answer issues; nil if there is none, or
// none that can be read.
func (a *Answer) readSAML(raw string) *Token {
	t, ok := parseSAML(samlMessage(raw))
	if !ok {
		return nil
	}
	t.Place, t.Digest = InResponse, a.finder.digest(strings.TrimSpace(raw))
	return &t
}
