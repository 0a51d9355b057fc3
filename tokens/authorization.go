package tokens

import (
	"encoding/base64"
	"net/url"
	"strings"
)

// authorization reads every line: Header.Get sees the first and the origin
// perhaps the last.
func authorization(s *search) {
	for _, line := range s.header.authorization {
		s.read(InAuthorization, asLine, line)
	}
}

// auxiliary reads the tokens of other tenants that Azure Resource Manager
// takes beside the first: "Bearer t1, EncryptedBearer t2".
func auxiliary(s *search) {
	for _, line := range s.header.auxiliary {
		s.read(InAuxiliary, asLine, line)
	}
}

// manner is what the words after a scheme are.
type manner uint8

const (
	unknown manner = iota
	bearer         // a token
	basic          // user and password
	keyed          // a signature or key, no account inside
	opaque         // nothing to read
)

// schemes are the authentication schemes that are known by name. Those of
// Microsoft's services are not documented in one place; one that is missing
// makes a credential unreadable.
var schemes = map[string]manner{
	"bearer": bearer, "encryptedbearer": bearer, "pop": bearer, "dpop": bearer,
	"msauth1.0": bearer, "wlid1.0": bearer, "xbl3.0": bearer, "skypetoken": bearer, "skype_token": bearer, "oauth": bearer,
	"basic":     basic,
	"sharedkey": keyed, "sharedkeylite": keyed, "sharedaccesssignature": keyed, "hmac-sha256": keyed,
	"negotiate": opaque, "ntlm": opaque, "digest": opaque, "passport1.4": opaque,
}

// line reads a value of the Authorization header, whatever its commas, blanks
// and quotes mean to the origin: it is cut into words at all of them. A scheme
// says what the words up to the next one are. A word that is shaped like a
// token is a token under every scheme; what is left of a scheme's words counts
// as one credential.
func (v *value) line(line string) {
	if len(line) > maxLine {
		v.add(v.place, line, unreadable(Opaque, whyLong))
		return
	}
	c := clause{value: v}
	for line != "" && !v.full() {
		word, rest := cutWord(line)
		line = rest
		if parameterName(word, rest) {
			if strings.EqualFold(word, "type=") {
				line = withoutValue(rest)
			}
			continue
		}
		if scheme, glued, ok := cutScheme(word); ok {
			c.end()
			c = clause{value: v, manner: scheme, known: true}
			word = glued
		}
		c.word(word)
	}
	c.end()
}

// maxLine leaves room for the three tokens of an auxiliary header.
const maxLine = 4 * maxToken

const separators = " \t,;\"'"

func cutWord(line string) (word, rest string) {
	line = strings.TrimLeft(line, separators)
	end := strings.IndexAny(line, separators)
	if end < 0 {
		return line, ""
	}
	return line[:end], line[end:]
}

// parameterName tells whether word is the name in name="value", as MSAuth1.0
// has them: actortoken="Bearer eyJ", type="PFAT".
func parameterName(word, rest string) bool {
	return len(word) <= maxScheme && strings.HasSuffix(word, "=") && rest != "" && (rest[0] == '"' || rest[0] == '\'')
}

// withoutValue drops a quoted value too short to be a credential.
func withoutValue(rest string) string {
	if end := strings.IndexByte(rest[1:], rest[0]); end <= 16 {
		return rest[end+2:]
	}
	return rest
}

// cutScheme tells whether a word is a scheme, with a token glued to it by a
// colon or an equals sign perhaps.
func cutScheme(word string) (manner, string, bool) {
	head := word[:min(len(word), maxScheme)]
	i := strings.IndexAny(head, ":=")
	if i < 0 {
		i = len(head)
	}
	m, ok := schemes[strings.ToLower(head[:i])]
	return m, strings.TrimLeft(word[i:], ":="), ok
}

// maxScheme is longer than every scheme.
const maxScheme = 24

// clause is one scheme and its words.
type clause struct {
	*value
	manner manner
	known  bool
	left   []string // words that are no token by their shape
	judged int      // words that are
}

func (c *clause) word(word string) {
	word = strings.Trim(word, ":=")
	if name, val, _ := strings.Cut(word, "="); len(name) <= maxScheme && looksJWT(strings.TrimLeft(val, "=")) {
		word = strings.TrimLeft(val, "=")
	}
	if word == "" {
		return
	}
	if looksJWT(word) {
		c.judged++
		c.token(word)
		return
	}
	c.left = append(c.left, word)
}

// end judges the words that are no token by their shape. A scheme with nothing
// after it is no credential: an empty Bearer asks SharePoint for its realm.
func (c *clause) end() {
	if len(c.left) == 0 {
		return
	}
	rest := strings.Join(c.left, " ")
	switch {
	case c.manner == basic:
		c.basic(rest)
	case c.manner == keyed:
		c.opaqueKey(rest)
	case c.manner == opaque:
		c.add(c.place, rest, unreadable(Opaque, whyOpaque))
	case !c.known && c.judged == 0 && c.cosmos(rest):
	case len(c.left) > 1 || c.judged > 0:
		c.add(c.place, rest, unreadable(Opaque, c.why()))
	default:
		c.token(rest)
	}
}

func (c *clause) why() string {
	if c.known {
		return whyJunk
	}
	return whyScheme
}

// basic reads user and password: services take a token for the password
// (Azure DevOps, container registries).
func (c *clause) basic(raw string) {
	pair, err := base64.StdEncoding.DecodeString(raw)
	if err != nil {
		pair, err = base64.RawStdEncoding.DecodeString(raw)
	}
	if err != nil {
		c.opaqueKey(raw)
		return
	}
	user, password, _ := strings.Cut(string(pair), ":")
	tokens := 0
	for _, part := range []string{user, password} {
		if looksJWT(part) {
			c.token(part)
			tokens++
		}
	}
	if tokens == 0 {
		c.opaqueKey(raw)
	}
}

// cosmos reads Cosmos DB's header, which has no scheme: type=master or
// type=resource with a signature, type=aad with a token, all percent-encoded
// (rest/api/cosmos-db/access-control-on-cosmosdb-resources).
func (c *clause) cosmos(raw string) bool {
	text, _ := url.QueryUnescape(raw) // nothing of what is no escape
	if !strings.HasPrefix(text, "type=") {
		return false
	}
	fields, err := url.ParseQuery(text)
	if err != nil {
		return false
	}
	switch strings.ToLower(fields.Get("type")) {
	case "aad":
		for _, sig := range fields["sig"] {
			c.token(sig)
		}
		return len(fields["sig"]) > 0
	case "master", "resource":
		c.opaqueKey(raw)
		return true
	}
	return false
}
