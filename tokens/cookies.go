package tokens

import "strings"

// sessionCookies are cookies in which a service keeps its own session: nothing
// in them can be read. SharePoint (FedAuth, rtFa, SPOIDCRL, EdgeAccessCookie)
// and Exchange (OpenIdConnect), none documented. Long ones are split into
// numbered pieces.
var sessionCookies = []string{"fedauth", "rtfa", "spoidcrl", "edgeaccesscookie", "openidconnect.token", "openidconnect.id.token"}

// deviceCookies are the primary refresh token's and the device's proof
// ([MS-OAPXBC]): meant for Entra, which judges them. They are not read.
var deviceCookies = []string{"x-ms-refreshtokencredential", "x-ms-devicecredential"}

// cookies reads JWTs in cookies and reports the sessions.
func cookies(s *search) {
	for _, line := range s.header.cookie {
		for line != "" {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			name, val, _ := strings.Cut(pair, "=")
			name, val = strings.TrimSpace(name), strings.Trim(val, " \t\"")
			switch {
			case hasPrefixFold(name, deviceCookies):
			case hasPrefixFold(name, sessionCookies) && !looksJWT(val):
				s.read(InCookie, asSession, val)
			default:
				s.cookie(val)
			}
		}
	}
}

// cookie reads a value that is a token, or holds one as Teams writes it:
// authtoken=Bearer%3DeyJ…%26Origin%3Dhttps://teams.microsoft.com.
func (s *search) cookie(val string) {
	if looksJWT(val) {
		s.read(InCookie, asCookie, val)
		return
	}
	if strings.IndexByte(val, '%') < 0 && strings.Count(val, ".") < 2 {
		return
	}
	for part := range strings.FieldsFuncSeq(unescape(val), func(r rune) bool { return strings.ContainsRune("&= ;,\"{}", r) }) {
		if looksJWT(part) {
			s.read(InCookie, asCookie, part)
		}
	}
}

func hasPrefixFold(s string, prefixes []string) bool {
	for _, p := range prefixes {
		if len(s) >= len(p) && strings.EqualFold(s[:len(p)], p) {
			return true
		}
	}
	return false
}
