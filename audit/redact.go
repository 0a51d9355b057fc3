package audit

import "strings"

// redacted stands where something looked like a credential.
const redacted = "***"

// minJWT is the length from which a run that begins like a JWT is taken for
// one. What is shorter is at most the beginning of its header.
const minJWT = 12

// redact replaces what looks like a credential in a text from a client. An
// Event has no field for one, but a path or a user agent can carry one all the
// same; this is the second wall. It prefers too much to too little, and it sees
// through percent-encoding.
func redact(s string) string {
	if _, suspect := look(s); !suspect {
		return s
	}
	var out []byte
	done := 0
	found := secrets{s: s}
	for found.next() {
		out = append(out, s[done:found.from]...)
		out = append(out, redacted...)
		done = found.to
	}
	if done == 0 {
		return s
	}
	return string(append(out, s[done:]...))
}

// Secrets are the parts of a text that look like credentials, one after the
// other.
type secrets struct {
	s        string
	from, to int // the one found
	name     [24]byte
	length   int // of the name before the next character; may exceed the array
}

// next finds the next secret: a JWT, the value of a parameter that carries
// one, or what follows an authentication scheme.
func (f *secrets) next() bool {
	for i := f.to; i < len(f.s); {
		c, n := charAt(f.s, i)
		f.from, f.to = i+n, i+n
		switch {
		case c == 'e' && f.jwt(i), n > 1 && f.s[i+n-1] == 'e' && f.jwt(i+n-1): // %3eyJ… is both
			f.length = 0
			return true
		case nameChar(c):
			f.add(c)
		case c == '=' && f.parameter(), (c == ' ' || c == '+') && f.scheme():
			if f.value() {
				f.length = 0
				return true
			}
		default:
			f.length = 0
		}
		i = f.to
	}
	return false
}

// jwt finds a run of a JWT's characters that begins as base64 of {" does.
func (f *secrets) jwt(start int) bool {
	i, length := start, 0
	for i < len(f.s) {
		c, n := charAt(f.s, i)
		if length < 3 && c != "eyJ"[length] || !nameChar(c) && c != '.' && c != '=' {
			break
		}
		i += n
		length++
	}
	if length < minJWT {
		return false
	}
	f.from, f.to = start, i
	return true
}

// value finds the value that begins at f.from. A slash does not end it: plain
// base64 has them.
func (f *secrets) value() bool {
	for f.to < len(f.s) {
		c, n := charAt(f.s, f.to)
		if c <= ' ' || strings.IndexByte(`&;,)"'`, c) >= 0 {
			break
		}
		f.to += n
	}
	return f.to > f.from
}

func (f *secrets) add(c byte) {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	if f.length < len(f.name) {
		f.name[f.length] = c
	}
	f.length++
}

// parameter reports whether the name just read is one whose value is a
// credential: OAuth 2.0 and OpenID Connect, SAS, storage connection strings,
// SharePoint's tempauth, SAML.
func (f *secrets) parameter() bool {
	switch string(f.name[:min(f.length, len(f.name))]) {
	case "sig", "signature", "code", "device_code", "token", "access_token", "id_token", "refresh_token",
		"id_token_hint", "client_secret", "client_assertion", "assertion", "password", "passwd", "pwd", "secret",
		"tempauth", "prt", "accountkey", "sharedaccesskey", "sharedaccesssignature",
		"samlrequest", "samlresponse", "wresult", "authorization", "api_key", "apikey", "session", "cookie":
		return true
	}
	return false
}

func (f *secrets) scheme() bool {
	switch string(f.name[:min(f.length, len(f.name))]) {
	case "bearer", "basic":
		return true
	}
	return false
}

func nameChar(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}

// charAt returns the character at i and how many bytes it takes, percent-encoded
// however often.
func charAt(s string, i int) (c byte, n int) {
	c, n = s[i], 1
	for c == '%' && i+n+2 <= len(s) {
		high, low := hexValue(s[i+n]), hexValue(s[i+n+1])
		if high > 0xf || low > 0xf {
			break
		}
		c = high<<4 | low
		n += 2
	}
	return c, n
}

func hexValue(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 0xff
}
