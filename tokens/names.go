package tokens

import "strings"

// names are the parameters, fields and members that carry a token: RFC 6750,
// 2.2 and 2.3, RFC 8693, 2.1, SignalR (access_token), SharePoint (tempauth), and
// what services and frameworks are seen to take. A name is compared in lower
// case without hyphens, underscores, dots, blanks and dollar signs. Where the
// value is false only what is shaped like a token is one: "token" is a page
// marker somewhere.
var names = map[string]bool{
	"accesstoken": true, "bearertoken": true, "tempauth": true,

	"token": false, "idtoken": false, "authtoken": false, "authenticationtoken": false,
	"authorization": false, "auth": false, "bearer": false, "jwt": false, "xaccesstoken": false,
	"assertion": false, "subjecttoken": false, "actortoken": false, "usertoken": false,
	"skypetoken": false, "xskypetoken": false, "aadtoken": false, "graphtoken": false,
	"refreshtoken": false, "sessiontoken": false, "apptoken": false, "ticket": false,
}

// initials says which letters the names of a length begin with, so that most
// names need not be looked for.
var initials = func() (table [32]uint32) {
	for name := range names {
		table[len(name)] |= 1 << (name[0] - 'a')
	}
	return table
}()

// isName tells whether a folded name is in names, and its value there.
func isName(folded []byte) (always, ok bool) {
	if n := len(folded); n == 0 || n >= len(initials) || initials[n]>>(folded[0]-'a')&1 == 0 { // no letter has no bit
		return false, false
	}
	always, ok = names[string(folded)]
	return always, ok
}

// maxName is longer than every name, however it is percent-encoded.
const maxName = 128

// folding is what becomes of an octet of a name: 0 where it is left out.
var folding = func() (table [256]byte) {
	for c := range table {
		if c > ' ' && c != 0x7f && strings.IndexByte("-_.$+", byte(c)) < 0 {
			table[c] = byte(c) | 0x20 // nothing but a capital becomes another letter
		}
	}
	return table
}()

// fold returns the name that names has, in buf. A plus is a blank.
func fold(buf *[maxName]byte, name string) []byte {
	n := 0
	for i := 0; i < len(name) && n < len(buf); i++ {
		c := folding[name[i]]
		if c == '%' && i+2 < len(name) && isHex(name[i+1]) && isHex(name[i+2]) {
			c = folding[unhex(name[i+1])<<4|unhex(name[i+2])]
			i += 2
		}
		if c != 0 {
			buf[n] = c
			n++
		}
	}
	return buf[:n]
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}

// unescape decodes percent-encoding as a lenient origin does: what is no
// escape stays. A plus stays too: in base64 it is one, in front of a token it
// is trimmed like a blank.
func unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			out = append(out, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
			continue
		}
		out = append(out, s[i])
	}
	return string(out)
}
