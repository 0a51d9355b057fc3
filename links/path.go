package links

import (
	"net/url"
	"path"
	"strings"
)

// resource is what a path or a template names.
type resource struct {
	id           string // its path
	subscription string // lower case; empty if it has none
	types        string // namespace and types, lower case: microsoft.network/virtualnetworks/virtualnetworkpeerings
	name         string // the last segment
}

const providers = "/providers/"

// lastType returns the last type of what stands behind the "providers" at at,
// or the action that is posted to it, without allocating: a namespace, then
// types and names in turn. Without a "providers" (-1) it is the last segment.
func lastType(p string, at int) string {
	p = strings.TrimRight(p, "/")
	if at < 0 || at+len(providers) > len(p) {
		return p[strings.LastIndexByte(p, '/')+1:]
	}
	last, odd, rest := "", false, p[at+len(providers):]
	_, rest, _ = strings.Cut(rest, "/") // the namespace
	for rest != "" {
		var s string
		s, rest, _ = strings.Cut(rest, "/")
		if odd = !odd; odd {
			last = s
		}
	}
	return last
}

// lastFold is strings.LastIndex for ASCII letters of any case.
func lastFold(s, sep string) int {
	for i := len(s) - len(sep); i >= 0; i-- {
		if s[i] == sep[0] && strings.EqualFold(s[i:i+len(sep)], sep) {
			return i
		}
	}
	return -1
}

// plain returns p as servers read it: no empty and no dot segments, no
// backslashes. A path that is plain already costs nothing.
func plain(p string) string {
	if !strings.Contains(p, "//") && !strings.Contains(p, "/.") && strings.IndexByte(p, '\\') < 0 {
		return p
	}
	return path.Clean("/" + strings.ReplaceAll(p, `\`, "/"))
}

// parse reads a resource's path, from the "providers" at at on.
func parse(p string, at int) resource {
	r := resource{id: "/" + strings.Trim(p, "/")}
	segments := strings.Split(strings.Trim(p, "/"), "/")
	r.name = segments[len(segments)-1]
	if len(segments) > 1 && strings.EqualFold(segments[0], "subscriptions") {
		r.subscription, _ = guid(segments[1])
	}
	if at < 0 || at+len(providers) > len(r.id) {
		r.types = strings.ToLower(r.name)
		return r
	}
	segments = strings.Split(strings.ToLower(r.id[at+len(providers):]), "/")
	types := segments[:1:1]
	for i := 1; i < len(segments); i += 2 {
		types = append(types, segments[i])
	}
	r.types = strings.Join(types, "/")
	return r
}

// parent returns the path of the resource that r is beneath or that an action
// is posted to: it cuts the given number of segments.
func (r resource) parent(segments int) string {
	id := r.id
	for range segments {
		id = id[:max(strings.LastIndexByte(id, '/'), 0)]
	}
	return id
}

// ofURL returns the path of a URL in a batch: absolute or relative, escaped.
func ofURL(s string) (string, bool) {
	s, _, _ = strings.Cut(strings.TrimSpace(s), "#")
	s, _, _ = strings.Cut(s, "?")
	if at := strings.Index(s, "://"); at >= 0 {
		_, s, _ = strings.Cut(s[at+3:], "/")
	}
	p, err := url.PathUnescape(s)
	return plain("/" + strings.TrimLeft(p, "/")), err == nil
}

// guid returns s in the canonical form, if it is a GUID in it.
func guid(s string) (string, bool) {
	if len(s) != 36 {
		return "", false
	}
	for i := range len(s) {
		c := s[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return "", false
			}
		default:
			if !('0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f') {
				return "", false
			}
		}
	}
	return strings.ToLower(s), true
}

// subscriptionIn returns the ID of the subscription that a resource's ID is
// of, wherever it stands: a whole URL names the resource too.
func subscriptionIn(id string) (string, bool) {
	const marker = "subscriptions/"
	if p, err := url.PathUnescape(id); err == nil {
		id = p
	}
	id = plain(id)
	for {
		at := indexFold(id, marker)
		if at < 0 {
			return "", false
		}
		id = id[at+len(marker):]
		if len(id) >= 36 && (len(id) == 36 || id[36] == '/') {
			if s, ok := guid(id[:36]); ok {
				return s, true
			}
		}
	}
}

func indexFold(s, sep string) int {
	for i := 0; i+len(sep) <= len(s); i++ {
		if s[i]|0x20 == sep[0] && strings.EqualFold(s[i:i+len(sep)], sep) {
			return i
		}
	}
	return -1
}
