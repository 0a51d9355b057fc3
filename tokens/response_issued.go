package tokens

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
)

// issued are the credentials of one answer as they stand in it. They are of
// one account.
type issued struct {
	identity []string // id_token
	access   []string // access_token
	saml     []string // SAMLResponse of SAML 2.0, wresult of WS-Federation
	info     string   // client_info: {"uid":…,"utid":…} in base64
}

func (i *issued) add(name, value string) {
	if value == "" {
		return
	}
	switch strings.ToLower(name) {
	case "id_token":
		i.identity = append(i.identity, value)
	case "access_token":
		i.access = append(i.access, value)
	case "samlresponse", "wresult":
		i.saml = append(i.saml, value)
	case "client_info":
		i.info = value
	}
}

// fromJSON reads a token answer (RFC 6749, 5.1). The answer to a broker that
// proved possession of a session key is encrypted with that key as a whole
// ([MS-OAPXBC] 3.2.5.1.3): nobody else can read it, and what is inside is
// judged where it is used.
func fromJSON(text []byte) (issued, error) {
	var found issued
	text = bytes.TrimSpace(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")))
	if bytes.Count(text, []byte(".")) == 4 && looksJWT(string(text)) {
		return found, nil
	}
	if !json.Valid(text) {
		return found, ErrUninspectable
	}
	if text[0] != '{' {
		return found, nil
	}
	for name, value := range members(text) {
		found.add(name, unquote(value))
	}
	return found, nil
}

// fromLocation reads the parameters of a redirect, in its query and in its
// fragment (OAuth 2.0 Multiple Response Types, 2.1).
func fromLocation(lines []string) issued {
	var found issued
	for _, line := range lines {
		parameters(line, found.add)
	}
	return found
}

// parameters tells add of name=value wherever they stand in a URL.
func parameters(raw string, add func(name, value string)) {
	for pair := range strings.FieldsFuncSeq(raw, func(c rune) bool { return c == '?' || c == '#' || c == '&' }) {
		name, value, _ := strings.Cut(pair, "=")
		plain, err := url.QueryUnescape(value)
		if err != nil {
			plain = unescape(value)
		}
		add(unescape(name), plain)
	}
}

// home returns the account's own tenant, and its object there, by client_info.
// Entra says it for guests too (not documented; MSAL keys its cache with it).
func (i *issued) home() (home Tenant, uid string) {
	object, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(i.info, "="))
	if err != nil || !json.Valid(object) || object[0] != '{' {
		return "", ""
	}
	for name, value := range members(object) {
		switch name {
		case "utid":
			if home == "" {
				home, _ = ParseTenant(unquote(value))
			}
		case "uid":
			uid = objectID(unquote(value))
		}
	}
	return home, uid
}

// whose reads the tokens of one answer together: what one of them says of the
// account holds for those that nobody can read.
//
//  1. a readable token says whose it is; where it names no identity provider
//     of its own, client_info says whose account
//  2. an unreadable one is of the readable ones' account
//  3. without a readable one, client_info, the host and the path tell
//  4. else nobody can tell
func (a *Answer) whose(found issued) []*Token {
	var list []*Token
	home, uid := found.home()
	audience := ""
	for _, raw := range found.access {
		t := a.read(raw)
		if !t.Unreadable {
			audience = t.Audience
		}
		list = append(list, t)
	}
	for _, raw := range found.identity {
		t := a.read(raw)
		if t.App == "" {
			t.App = t.Audience // an ID token is for its application
		}
		if audience != "" {
			t.Audience = audience
		}
		list = append(list, t)
	}
	for _, raw := range found.saml {
		if t := a.readSAML(raw); t != nil {
			list = append(list, t)
		}
	}
	list = list[:min(len(list), maxCredentials)]
	for _, t := range list {
		if other := t.settle(home); other != nil {
			list = append(list, other)
		}
	}
	for _, t := range list {
		if home != "" && t.Account == home {
			t.HomeObject = uid
		}
	}
	named := telling(list)
	for _, t := range list {
		if t.Unreadable {
			a.infer(t, named, home)
		}
	}
	return list
}

func (a *Answer) read(raw string) *Token {
	raw = strings.TrimSpace(raw)
	t := Parse(raw)
	t.Place, t.Digest = InResponse, a.finder.digest(raw)
	return &t
}

// telling returns the last token that can be read: an ID token where there
// is one.
func telling(list []*Token) *Token {
	var named *Token
	for _, t := range list {
		if !t.Unreadable {
			named = t
		}
	}
	return named
}

// settle takes the account's tenant from client_info where the token leaves it
// open, and returns a second reading where the two contradict each other: both
// are judged.
func (t *Token) settle(home Tenant) *Token {
	switch {
	case t.Unreadable || home == "" || home == t.Account:
		return nil
	case t.IDP == "":
		t.Account = home
		return nil
	case t.Account == "":
		if home != t.Tenant { // an account of another identity provider lives in the tenant it is a guest of
			t.Account = home
		}
		return nil
	}
	second := *t
	second.Account = home
	return &second
}

// infer says whose an unreadable token is by what came with it.
func (a *Answer) infer(t, named *Token, home Tenant) {
	switch {
	case named != nil:
		t.Tenant, t.Account, t.IDP, t.App = named.Tenant, named.Account, named.IDP, named.App
		t.Object, t.HomeObject = named.Object, named.HomeObject
	case home != "":
		if t.Account, t.Tenant = home, a.request.directory; t.Tenant == "" {
			t.Tenant = home // common and organizations: the account's own
		}
	case a.host == consumerHost:
		t.Account, t.Tenant = Consumer, Consumer
	case a.request.directory != "":
		if t.Tenant = a.request.directory; a.request.Flow == flowClientCredentials {
			t.Account = t.Tenant
		}
	default:
		return
	}
	t.Unreadable, t.Why = false, ""
}

// consumerHost signs in personal accounts, and no others.
const consumerHost = "login.live.com"
