package audit

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/setting"
)

// PrivacyConfig says what events tell of people.
type PrivacyConfig struct {
	Identities string `yaml:"identities"` // keep | hash | drop; empty is keep
	Key        []byte `yaml:"-" json:"-"` // of the hashes: one for each installation
}

func (c PrivacyConfig) check() error {
	if slices.Contains([]string{"", "keep", "hash", "drop"}, c.Identities) {
		return nil
	}
	return setting.Errorf("privacy.identities", "write keep, hash or drop", "%q is none of them", c.Identities)
}

// A privacy takes identities out of events, before they are written. The zero
// value leaves them in.
type privacy struct {
	drop bool
	key  []byte // nil: nothing is hashed
}

// newPrivacy reads c. A hash without a key would be one that anybody can look
// up in a list of names, so the key is random where c has none.
func newPrivacy(c PrivacyConfig) *privacy {
	switch c.Identities {
	case "hash":
		key := c.Key
		if len(key) == 0 {
			key = []byte(rand.Text())
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte("tenantgate identities 1"))
		return &privacy{key: mac.Sum(nil)}
	case "drop":
		return &privacy{drop: true}
	}
	return &privacy{}
}

// UsePrivacy has every event from now on tell of people what c wants. What is
// written already stays as it is.
func (l *Log) UsePrivacy(c PrivacyConfig) { l.people.Store(newPrivacy(c)) }

// Apply takes out of e what c does not want of people, as Log.Record does.
func (c PrivacyConfig) Apply(e *Event) { newPrivacy(c).apply(e) }

// apply replaces every identity in e. Lists that e may share with others are
// copied first.
func (p *privacy) apply(e *Event) {
	if !p.drop && p.key == nil {
		return
	}
	e.User = p.identity(e.User)
	e.SignIn.Account, e.Mailbox.User = p.identity(e.SignIn.Account), p.identity(e.Mailbox.User)
	e.Path = p.path(e.Path)
	e.Credentials = slices.Clone(e.Credentials)
	for i := range e.Credentials {
		c := &e.Credentials[i]
		c.User = p.identity(c.User)
	}
	e.Links = slices.Clone(e.Links)
	for i := range e.Links {
		l := &e.Links[i]
		l.Resource, l.Target = p.path(l.Resource), p.path(l.Target)
	}
}

// hashPrefix begins a hashed identity, so that nobody takes it for a name.
const hashPrefix = "id-"

// identity is what an event says in place of a name. Names are compared without
// case, as Entra does, so that one person has one hash.
func (p *privacy) identity(name string) string {
	if name == "" || p.drop {
		return ""
	}
	mac := hmac.New(sha256.New, p.key)
	mac.Write([]byte(strings.ToLower(strings.TrimSpace(name))))
	return hashPrefix + hex.EncodeToString(mac.Sum(nil)[:16])
}

// beforeIdentity are the segments of a path that a person's name or object ID
// comes after: Graph's users, SharePoint's personal sites, Exchange's mailboxes.
var beforeIdentity = []string{"users", "personal", "mailboxes"}

// path replaces the segments of a path that name somebody: what has an at sign,
// percent-encoded or not, and what comes after one of beforeIdentity.
func (p *privacy) path(path string) string {
	path = withoutQuery(path)
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if s != "" && (hasAt(s) || i > 0 && slices.Contains(beforeIdentity, strings.ToLower(segments[i-1]))) {
			segments[i] = p.segment(s)
		}
	}
	return strings.Join(segments, "/")
}

func (p *privacy) segment(s string) string {
	if p.drop {
		return redacted
	}
	return p.identity(s)
}

// hasAt reports whether s has an at sign, or one that is percent-encoded
// however often.
func hasAt(s string) bool {
	for i := 0; i < len(s); {
		c, n := charAt(s, i)
		if c == '@' {
			return true
		}
		i += n
	}
	return false
}
