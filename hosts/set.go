package hosts

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Set is an immutable set of host names, written as patterns: an exact name,
// or "*.suffix" for every name beneath suffix but not suffix itself. The zero
// Set is empty. A Set can carry exceptions, see Without; X.509 name
// constraints have the same algebra (permitted and excluded subtrees).
type Set struct {
	exact, suffix     map[Name]struct{}
	noExact, noSuffix map[Name]struct{}
}

// ParseSet builds a Set from patterns. Every bad pattern is named in the error.
func ParseSet(patterns ...string) (Set, error) {
	s := Set{exact: map[Name]struct{}{}, suffix: map[Name]struct{}{}}
	for _, p := range patterns {
		rest, wild := strings.CutPrefix(p, "*.")
		n, err := Parse(rest)
		if err != nil {
			return Set{}, fmt.Errorf("pattern %q: %w", p, err)
		}
		if wild {
			if !strings.Contains(string(n), ".") {
				return Set{}, fmt.Errorf("pattern %q: %w: a whole top-level domain is too wide", p, ErrInvalid)
			}
			s.suffix[n] = struct{}{}
		} else {
			s.exact[n] = struct{}{}
		}
	}
	return s, nil
}

// MustParseSet is ParseSet for tables in the program itself; it panics on a
// bad pattern.
func MustParseSet(patterns ...string) Set {
	s, err := ParseSet(patterns...)
	if err != nil {
		panic(err)
	}
	return s
}

// Has tells whether n is in the set and not among its exceptions.
func (s Set) Has(n Name) bool {
	return under(s.exact, s.suffix, n) && !under(s.noExact, s.noSuffix, n)
}

func under(exact, suffix map[Name]struct{}, n Name) bool {
	if _, ok := exact[n]; ok {
		return true
	}
	if len(suffix) == 0 {
		return false
	}
	for i := range len(n) {
		if n[i] != '.' {
			continue
		}
		if _, ok := suffix[n[i+1:]]; ok {
			return true
		}
	}
	return false
}

// Empty tells whether the set was built from no pattern.
func (s Set) Empty() bool { return len(s.exact) == 0 && len(s.suffix) == 0 }

// Union returns the names of either set. The exceptions of both stay
// exceptions: a host that must never be decrypted is not put back by a union.
func (s Set) Union(t Set) Set {
	return Set{
		exact: merge(s.exact, t.exact), suffix: merge(s.suffix, t.suffix),
		noExact: merge(s.noExact, t.noExact), noSuffix: merge(s.noSuffix, t.noSuffix),
	}
}

// Without returns s less the names of t, whatever is added later.
func (s Set) Without(t Set) Set {
	s.noExact = merge(s.noExact, t.exact)
	s.noSuffix = merge(s.noSuffix, t.suffix)
	return s
}

func merge(a, b map[Name]struct{}) map[Name]struct{} {
	m := make(map[Name]struct{}, len(a)+len(b))
	maps.Copy(m, a)
	maps.Copy(m, b)
	return m
}

// Patterns returns what ParseSet accepts for the set without its exceptions,
// sorted.
func (s Set) Patterns() []string { return patterns(s.exact, s.suffix) }

// Exceptions returns the patterns that Without took out, sorted.
func (s Set) Exceptions() []string { return patterns(s.noExact, s.noSuffix) }

func patterns(exact, suffix map[Name]struct{}) []string {
	list := make([]string, 0, len(exact)+len(suffix))
	for n := range exact {
		list = append(list, string(n))
	}
	for n := range suffix {
		list = append(list, "*."+string(n))
	}
	slices.Sort(list)
	return list
}
