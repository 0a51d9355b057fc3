package tagging

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/setting"
)

// Custom is one header for one service that has no entry of its own. A service
// that reads two takes two entries.
type Custom struct {
	Header string   `yaml:"header"`
	Value  string   `yaml:"value"` // sent as it is written
	Hosts  []string `yaml:"hosts"` // that read it, and nobody else: exact, or *.suffix
}

// taken are headers that belong to the message, to its sender, or to a section
// of their own: to set one for everybody would break or forge a request.
var taken = []string{
	"host", "connection", "proxy-connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "http2-settings", "alt-used",
	"content-length", "content-type", "content-encoding", "expect", "authorization", "proxy-authorization", "cookie", "forwarded", "via",
	"origin", "referer", "user-agent", "accept-encoding", "range", "if-match", "if-none-match",
	googleHeader, slackRequester, slackWorkspaces, dropboxHeader, githubHeader, chatGPTHeader, openAIHeader, anthropicHeader, webexHeader, zoomHeader,
}

func (c Custom) compile(before []Custom) (provider, error) {
	var bad []error
	wrong := func(field, hint, format string, args ...any) {
		bad = append(bad, setting.Errorf(field, hint, format, args...))
	}
	switch {
	case !httpguts.ValidHeaderFieldName(c.Header):
		wrong("header", "one name as the service documents it", "%q is not the name of a header", c.Header)
	case Restriction(c.Header):
		wrong("header", "tenant.id, tenant.policy and tagging.v1 make it", "%s is Entra's, and no other host is told it", c.Header)
	case slices.ContainsFunc(taken, func(s string) bool { return folds(c.Header, strings.ToLower(s)) }):
		wrong("header", "a service that is built in has a key of its own beside custom", "%s is not for this", c.Header)
	}
	if c.Value == "" || len(c.Value) > maxValue || strings.TrimSpace(c.Value) != c.Value || !httpguts.ValidHeaderFieldValue(c.Value) {
		wrong("value", fmt.Sprintf("one line of text, %d octets at most", maxValue), "the value cannot be sent in a header")
	}
	if len(c.Hosts) == 0 {
		wrong("hosts", "name the hosts that read it", "is empty: nobody would be sent it")
	}
	var all hosts.Set
	for i, pattern := range c.Hosts {
		where := fmt.Sprintf("hosts[%d]", i)
		set, err := hosts.ParseSet(pattern)
		if err != nil {
			wrong(where, "a host name, or *.suffix for every name beneath it", "%v", err)
			continue
		}
		pattern = set.Patterns()[0] // in canonical spelling
		if own := clash(pattern, entrasOwn()); own != "" {
			wrong(where, "name hosts of the service alone", "%s covers %s, where people sign in to Entra or which must not be decrypted", pattern, own)
		}
		for _, b := range before {
			if twice := clash(pattern, canonical(b.Hosts)); twice != "" && strings.EqualFold(b.Header, c.Header) {
				wrong(where, "one entry for a header and a host", "%s is sent to %s already", c.Header, twice)
			}
		}
		all = all.Union(set)
	}
	return one(all, Tag{c.Header, c.Value}), errors.Join(bad...)
}

// entrasOwn are the patterns of every host that has a verdict in signIns or
// must never be decrypted.
func entrasOwn() []string {
	var all []string
	for _, s := range signIns {
		all = append(all, s.pattern)
	}
	return append(all, exempt.Patterns()...)
}

// clash returns the first of patterns that has a name in common with pattern;
// empty if none has.
func clash(pattern string, patterns []string) string {
	for _, other := range patterns {
		a, wildA := strings.CutPrefix(pattern, "*.")
		b, wildB := strings.CutPrefix(other, "*.")
		switch {
		case a == b && wildA == wildB,
			wildA && strings.HasSuffix(b, "."+a),
			wildB && strings.HasSuffix(a, "."+b):
			return other
		}
	}
	return ""
}

// canonical returns the patterns as sets spell them, without those that are
// none.
func canonical(patterns []string) []string {
	var all hosts.Set
	for _, p := range patterns {
		if set, err := hosts.ParseSet(p); err == nil {
			all = all.Union(set)
		}
	}
	return all.Patterns()
}

// beneath tells whether a server would take p for at or for something beneath
// it: case and doubled slashes do not matter.
func beneath(p, at string) bool {
	p = strings.ToLower(path.Clean("/" + strings.ReplaceAll(p, `\`, "/")))
	return p == at || strings.HasPrefix(p, at+"/")
}
