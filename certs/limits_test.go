package certs

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantgate/tenantgate/hosts"
)

func set(patterns, exceptions string) hosts.Set {
	return hosts.MustParseSet(strings.Fields(patterns)...).Without(hosts.MustParseSet(strings.Fields(exceptions)...))
}

func TestConstraintsAreTheHostsAndNoMore(t *testing.T) {
	tests := []struct {
		name, patterns, exceptions string
		permitted, excluded        string
	}{
		{"one host", "a.test", "", "a.test", ""},
		{"a pattern is its subtree", "*.a.test", "", "a.test", ""},
		{"apex and pattern are one subtree", "a.test *.a.test", "", "a.test", ""},
		{"what another subtree covers is left out", "*.a.test x.a.test *.y.x.a.test b.test", "", "a.test b.test", ""},
		{"endings are not subtrees", "a.test xa.test", "", "a.test xa.test", ""},
		{"an exception beneath is excluded", "*.a.test", "x.a.test", "a.test", "x.a.test"},
		{"an exception elsewhere is not mentioned", "*.a.test", "x.b.test", "a.test", ""},
		{"exceptions are minimal too", "*.a.test", "x.a.test *.x.a.test y.x.a.test", "a.test", "x.a.test"},
		{"a pattern taken out whole is not permitted", "a.test b.test *.c.b.test", "b.test *.b.test", "a.test", ""},
		{"a host inside an exception cannot be permitted beneath it", "*.a.test h.x.a.test", "x.a.test", "a.test", ""},
		{"an apex inside the exception of its pattern", "x.a.test *.a.test", "*.x.a.test", "a.test", ""},
		{"an exempt apex of a restricted pattern", "*.a.test", "a.test", "a.test", ""},
		{"real ones", "login.microsoftonline.com *.login.microsoftonline.us login.microsoftonline.us",
			"device.login.microsoftonline.com certauth.login.microsoftonline.us *.certauth.login.microsoftonline.us",
			"login.microsoftonline.com login.microsoftonline.us", "certauth.login.microsoftonline.us device.login.microsoftonline.com"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			permitted, excluded, err := deriveLimits(set(tt.patterns, tt.exceptions))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.permitted, strings.Join(permitted, " ")); d != "" {
				t.Errorf("permitted (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tt.excluded, strings.Join(excluded, " ")); d != "" {
				t.Errorf("excluded (-want +got):\n%s", d)
			}
		})
	}
}

func TestCAThatCouldSignForStrangersIsNotMade(t *testing.T) {
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []hosts.Set{
		{},                                 // no constraints would mean every name
		set("a.test", "a.test"),            // the same after the exceptions
		set("com", ""),                     // a top-level domain
		set("graph.microsoft.com uk", ""),  // hidden among others
		set("*.co.uk", ""),                 // a public suffix
		set("corp", ""),                    // a top-level domain of one's own
		set("graph.microsoft.com com", ""), // covers the rest
	} {
		if a, err := Create(s, key, lifetime); err == nil {
			t.Errorf("%v: made a CA that permits %v", s.Patterns(), a.Certificate().PermittedDNSDomains)
		}
	}
}

func TestExceptionThatX509CannotSayIsStillKept(t *testing.T) {
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	// The apex is exempt and what is beneath is restricted: an excluded a.test
	// would exclude all of it.
	a, err := Create(set("*.a.test", "a.test"), key, lifetime)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Leaf("x.a.test"); err != nil {
		t.Errorf("x.a.test: %v", err)
	}
	if _, err := a.Leaf("a.test"); err == nil {
		t.Error("a.test is exempt and was signed")
	}
}

func TestMissingNamesWhatNeedsANewCA(t *testing.T) {
	a := newTestAuthority(t)
	tests := []struct{ name, patterns, exceptions, missing string }{
		{"the set it was made for", strings.Join(restricted.Patterns(), " "), strings.Join(restricted.Exceptions(), " "), ""},
		{"less", "graph.microsoft.com", "", ""},
		{"a new host", "graph.microsoft.com vault.azure.net", "", "vault.azure.net"},
		{"a new pattern", "*.vault.azure.net", "", "*.vault.azure.net"},
		{"a host beneath a permitted one", "x.graph.microsoft.com", "", ""},
		{"a pattern beneath a permitted host", "*.graph.microsoft.com", "", ""},
		{"the parent of a permitted one", "*.microsoft.com", "", "*.microsoft.com"},
		{"a host the CA excludes", "device.login.microsoftonline.com", "", "device.login.microsoftonline.com"},
		{"a pattern the CA excludes a part of", "*.login.microsoftonline.com", "", "*.login.microsoftonline.com"},
		{"the same with one exception only", "*.login.microsoftonline.com", "device.login.microsoftonline.com", "*.login.microsoftonline.com"},
		{"the same with both", "*.login.microsoftonline.com", "device.login.microsoftonline.com *.certauth.login.microsoftonline.com", ""},
		{"a host outside that is exempt anyway", "vault.azure.net *.dh.microsoft.com", "vault.azure.net *.microsoft.com", ""},
		{"sorted", "z.test a.test m.test", "", "a.test m.test z.test"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := strings.Join(a.Missing(set(tt.patterns, tt.exceptions)), " "); got != tt.missing {
				t.Errorf("missing %q, want %q", got, tt.missing)
			}
		})
	}
}

func TestHostExemptedAfterTheCAWasMadeIsNotSigned(t *testing.T) {
	dir := newDir(t)
	if _, err := Open(dir, set("*.a.test", "")); err != nil {
		t.Fatal(err)
	}
	a, err := Open(dir, set("*.a.test", "x.a.test"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Leaf("x.a.test"); !errors.Is(err, ErrNotPermitted) {
		t.Errorf("error %v, want ErrNotPermitted", err)
	}
	if got := a.Missing(set("x.a.test y.a.test", "")); len(got) != 1 || got[0] != "x.a.test" {
		t.Errorf("missing %v, want x.a.test", got)
	}
}

func TestNothingMissingMeansEveryRestrictedNameIsSigned(t *testing.T) {
	a := newTestAuthority(t)
	for _, p := range restricted.Patterns() {
		n := hosts.Name(strings.Replace(p, "*", "some-name", 1))
		if _, err := a.Leaf(n); err != nil {
			t.Errorf("%s: %v", n, err)
		}
	}
}

// TestCertificateStaysSmallWithEveryHost: a CA for some hundred hosts is still
// one certificate that trust stores and profiles take.
func TestCertificateStaysSmallWithEveryHost(t *testing.T) {
	var patterns []string
	for i := range 300 {
		patterns = append(patterns, fmt.Sprintf("*.service-%d.example.com", i))
	}
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	a, err := Create(hosts.MustParseSet(patterns...), key, lifetime)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(a.Certificate().Raw); n > 16<<10 {
		t.Errorf("%d octets", n)
	}
	if got := a.Certificate().PermittedDNSDomains; len(got) != 300 || !slices.IsSorted(got) {
		t.Errorf("%d subtrees, sorted: %v", len(got), slices.IsSorted(got))
	}
}
