package tokens

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// maxText is how much of a claim is kept.
const maxText = 256

// claims are what is read of a token's payload. Names are exact: encoding/json
// would take TID for tid and the last of two, and the service behind may do
// neither.
type claims struct {
	jwt.RegisteredClaims // its methods make claims a jwt.Claims; its fields stay empty

	text map[string]string // the claims of named that are strings, "" for others
	seen map[string]bool   // the claims of named that are there at all
	acct bool              // acct is 1: the account is a guest
	aud  string
	exp  time.Time
	why  string // why the claims cannot be trusted to say anything
}

// named are the claims that are read.
var named = []string{
	"tid", "iss", "idp", "aud", "exp", "acct", "altsecid",
	"appid", "azp", "upn", "preferred_username", "unique_name", "oid", "home_oid",
	"at", "actortoken", // tokens inside the token
}

// UnmarshalJSON reads an object that encoding/json has found to be valid.
func (c *claims) UnmarshalJSON(object []byte) error {
	c.text, c.seen = map[string]string{}, map[string]bool{}
	if depth(object) > maxDepth {
		c.why = whyDeep
		return nil
	}
	if object[0] != '{' {
		c.why = whyNoClaims
		return nil
	}
	for name, value := range members(object) {
		c.set(name, value)
	}
	return nil
}

func (c *claims) set(name string, value []byte) {
	for _, want := range named {
		if !strings.EqualFold(name, want) {
			continue
		}
		if name != want {
			c.why = whyCase
			return
		}
		if c.seen[name] {
			c.why = whyRepeated
			return
		}
		c.seen[name] = true
		c.read(name, value)
		return
	}
}

func (c *claims) read(name string, value []byte) {
	s := unquote(value)
	switch name {
	case "tid", "iss", "idp":
		if s == "" {
			c.why = whyType
			return
		}
	case "aud":
		c.aud = audience(value)
		return
	case "acct":
		c.acct = string(value) == "1" || s == "1"
		return
	case "exp":
		c.exp = unix(value, s)
		return
	}
	c.text[name] = s
}

// audience reads aud: a string, or the first of a list (RFC 7519, 4.1.3).
func audience(value []byte) string {
	var one string
	if json.Unmarshal(value, &one) == nil {
		return one
	}
	var list []string
	if json.Unmarshal(value, &list) == nil && len(list) > 0 {
		return list[0]
	}
	return ""
}

// unix reads a NumericDate (RFC 7519, 2), or one in a string as the Access
// Control Service writes them. The zero time is none.
func unix(value []byte, text string) time.Time {
	if text == "" {
		text = string(value)
	}
	if f, _ := strconv.ParseFloat(text, 64); f > 0 && f <= math.MaxUint32*4 { // an error leaves 0 or infinity
		return time.Unix(int64(f), 0).UTC()
	}
	return time.Time{}
}

// first returns the first of the named claims that is there.
func (c *claims) first(names ...string) string {
	for _, name := range names {
		if s := c.text[name]; s != "" {
			return shorten(s)
		}
	}
	return ""
}

// shorten returns a copy of s that keeps nothing of its neighbours in memory.
func shorten(s string) string {
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	return strings.Clone(s)
}
