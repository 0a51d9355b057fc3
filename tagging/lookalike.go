package tagging

import (
	"net/http"
	"slices"
)

// restrictionHeaders are the names that Entra may read as a restriction,
// folded: lower case, hyphens. Each is deleted from every request, whatever
// the mode: Microsoft tells the proxy to replace what a client sent.
var restrictionHeaders = [...]string{
	"sec-restrict-tenant-access-policy",
	"restrict-access-to-tenants",
	"restrict-access-context",
	// What Entra's own diagnostics (x-ms-diagnostics 2000020) call the first.
	"sec-tenant-restriction-access-policy",
}

// shortest is the length of the shortest of them.
const shortest = len("restrict-access-context")

// Bounds on what Strip reports of a client's own spelling.
const (
	maxStripped     = 16
	maxStrippedName = 64
)

// Restriction tells whether the name of a header or a trailer is a restriction
// header or could become one on the way: equal after folding case, taking an
// underscore for a hyphen (CGI-like servers do) and trimming blanks.
func Restriction(name string) bool {
	if len(name) < shortest {
		return false // most names
	}
	name = trim(name)
	for _, known := range restrictionHeaders {
		if folds(name, known) {
			return true
		}
	}
	return false
}

func trim(name string) string {
	for name != "" && name[0] <= ' ' {
		name = name[1:]
	}
	for name != "" && name[len(name)-1] <= ' ' {
		name = name[:len(name)-1]
	}
	return name
}

func folds(name, known string) bool {
	if len(name) != len(known) {
		return false
	}
	for i := range len(name) {
		c := name[i]
		switch {
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case c == '_':
			c = '-'
		}
		if c != known[i] {
			return false
		}
	}
	return true
}

// Strip deletes every restriction header and look-alike from h and returns
// their names as h spelled them, sorted and bounded; nil if there were none.
func Strip(h http.Header) []string { return strip(h, Restriction) }

func strip(h http.Header, restriction func(name string) bool) []string {
	var found []string
	for key := range h {
		if !restriction(key) {
			continue
		}
		delete(h, key)
		found = append(found, key[:min(len(key), maxStrippedName)])
	}
	slices.Sort(found)
	return found[:min(len(found), maxStripped)]
}
