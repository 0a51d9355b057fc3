package tokens

import (
	"encoding/base64"
	"net/http"
	"strings"
)

// headers reads the headers of Teams and Skype: a JWT with the tenant inside,
// and the chat service's own registration. Not documented.
func headers(s *search) {
	for _, line := range s.header.skype {
		s.read(InHeader, asLine, line)
	}
	for _, line := range s.header.chat {
		s.read(InHeader, asLine, line)
	}
	for _, line := range s.header.registration {
		s.read(InHeader, asSession, line)
	}
}

// copySource reads where Azure Storage is told to copy from (rest/api/
// storageservices/put-blob-from-url): a URL with a signature, or a token for
// it. Every copy is a PUT.
func copySource(s *search) {
	if s.request.Method != http.MethodPut {
		return
	}
	for _, line := range s.header.copyCredential {
		s.read(InCopySource, asLine, line)
	}
	for _, source := range s.header.copySource {
		s.urlQuery(InCopySource, source)
	}
}

// urlQuery reads the query of a URL that stands somewhere in a request.
func (s *search) urlQuery(place Place, target string) {
	if _, raw, ok := strings.Cut(target, "?"); ok {
		raw, _, _ = strings.Cut(raw, "#")
		s.pairs(place, raw)
	}
}

// subprotocol reads tokens among the WebSocket subprotocols, which is where
// page JavaScript can put one: bare, or as Kubernetes spells it
// (base64url.bearer.authorization.k8s.io.{base64url of the token}).
func subprotocol(s *search) {
	for _, line := range s.header.subprotocol {
		for word := range strings.FieldsFuncSeq(line, func(r rune) bool { return strings.ContainsRune(separators, r) }) {
			_, encoded, ok := strings.Cut(word, "bearer.authorization.k8s.io.")
			token, err := base64.RawURLEncoding.DecodeString(encoded)
			name, _, _ := strings.Cut(word, "eyJ") // name.{token} and the like
			switch rest := word[len(name):]; {
			case looksJWT(word):
				s.read(InSubprotocol, asToken, word)
			case ok && err == nil:
				s.read(InSubprotocol, asToken, string(token))
			case looksJWT(rest):
				s.read(InSubprotocol, asToken, rest)
			}
		}
	}
}
