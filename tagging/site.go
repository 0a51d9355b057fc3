package tagging

import (
	"net/http"
	"slices"

	"github.com/tenantgate/tenantgate/hosts"
)

// Site is one host as a Table has it: looked up once for all the requests that
// go there. It is immutable. What it returns is shared: do not write to it.
type Site struct {
	readers []*provider // services beside Entra that the host belongs to
	names   []string    // of its tags, as the providers document them
	keys    []string
	values  [][]string
}

// At returns what t has for n.
func (t *Table) At(n hosts.Name) *Site {
	s := new(Site)
	for r := range t.rulesFor(n) {
		s.names, s.keys, s.values = append(s.names, r.names...), append(s.keys, r.keys...), append(s.values, r.values...)
	}
	for i := range t.providers {
		if t.providers[i].hosts.Has(n) {
			s.readers = append(s.readers, &t.providers[i])
		}
	}
	return s
}

// Restriction tells whether the host reads a header or a trailer of that name,
// or one like it, as a restriction. What Entra reads is one on every host.
func (s *Site) Restriction(name string) bool {
	if Restriction(name) {
		return true
	}
	for _, p := range s.readers {
		if p.read(name) {
			return true
		}
	}
	return false
}

// Anonymous tells whether a path of the host is where the service is used
// without an account, which no tag restricts.
func (s *Site) Anonymous(path string) bool {
	for _, p := range s.readers {
		if slices.ContainsFunc(p.anonymous, func(at string) bool { return beneath(path, at) }) {
			return true
		}
	}
	return false
}

// Apply makes h, which must not be nil, what the host may be sent:
//
//  1. every restriction header and look-alike is deleted: what Entra reads on
//     every host, what another provider reads on its own hosts
//  2. the host's own tags are set, once each,
//  3. their names are returned as the provider documents them, nil for a host
//     that reads no tags.
//
// Trailers and the Connection header are the caller's; see Restriction.
func (s *Site) Apply(h http.Header) []string {
	for key := range h {
		if s.Restriction(key) {
			delete(h, key)
		}
	}
	return s.Set(h)
}

// Set does the second half of Apply, for a caller that has been through h with
// Strip already and wants to know what was found.
func (s *Site) Set(h http.Header) []string {
	for i, key := range s.keys {
		h[key] = s.values[i]
	}
	return s.names
}

// Strip deletes every restriction header that the host reads, and every
// look-alike, from h and returns their names as Strip does.
func (s *Site) Strip(h http.Header) []string { return strip(h, s.Restriction) }
