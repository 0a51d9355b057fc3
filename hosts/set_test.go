package hosts

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAPatternMatchesWhatItSays(t *testing.T) {
	s := MustParseSet("login.microsoftonline.com", "*.SharePoint.com.", "*.a.b.test")
	for n, want := range map[Name]bool{
		"login.microsoftonline.com":           true,
		"x.login.microsoftonline.com":         false,
		"microsoftonline.com":                 false,
		"evillogin.microsoftonline.com":       false,
		"login.microsoftonline.com.evil.test": false,
		"contoso.sharepoint.com":              true,
		"a.b.c.sharepoint.com":                true,
		"sharepoint.com":                      false, // a pattern does not cover its apex
		"evilsharepoint.com":                  false,
		"sharepoint.com.evil.test":            false,
		"com":                                 false,
		"x.a.b.test":                          true,
		"b.test":                              false,
		"":                                    false,
	} {
		if got := s.Has(n); got != want {
			t.Errorf("Has(%q) = %v", n, got)
		}
	}
}

func TestABadPatternIsRefused(t *testing.T) {
	for _, p := range []string{"", "*", "*.", ".", "*.com", "*.localhost", "**.contoso.com", "*.*.contoso.com", "a.*.contoso.com",
		"*contoso.com", "contoso.*", "*.-contoso.com", " contoso.com", "contoso.com:443", "https://contoso.com", "10.0.0.1", "*.0.0.1",
		"cöntoso.com", "contoso.com\x00", "!contoso.com"} {
		if s, err := ParseSet("ok.test", p); !errors.Is(err, ErrInvalid) || !s.Empty() {
			t.Errorf("ParseSet(%q): %v, %v", p, s.Patterns(), err)
		}
	}
}

func TestTheZeroSetIsEmpty(t *testing.T) {
	var zero Set
	if !zero.Empty() || zero.Has("a.test") || len(zero.Patterns()) != 0 || len(zero.Exceptions()) != 0 {
		t.Error("the zero Set has something in it")
	}
	if s := zero.Union(MustParseSet("a.test")); !s.Has("a.test") || s.Empty() {
		t.Error("a union with the zero Set lost a name")
	}
	if s := zero.Without(MustParseSet("a.test")).Union(MustParseSet("a.test")); s.Has("a.test") {
		t.Error("an exception of the zero Set was forgotten")
	}
}

func TestAnExceptionSurvivesEveryUnion(t *testing.T) {
	all := MustParseSet("*.microsoftonline.com", "device.login.microsoftonline.com")
	s := all.Without(MustParseSet("device.login.microsoftonline.com", "*.certauth.login.microsoftonline.com"))
	for name, u := range map[string]Set{"left": s.Union(all), "right": all.Union(s), "both": s.Union(s), "later": s.Union(Set{}).Union(all)} {
		if u.Has("device.login.microsoftonline.com") || u.Has("t1.certauth.login.microsoftonline.com") {
			t.Errorf("%s: an exception was put back", name)
		}
		if !u.Has("login.microsoftonline.com") || !u.Has("certauth.login.microsoftonline.com") {
			t.Errorf("%s: a name was lost", name)
		}
	}
	want := []string{"*.certauth.login.microsoftonline.com", "device.login.microsoftonline.com"}
	if diff := cmp.Diff(want, s.Exceptions()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(all.Patterns(), s.Patterns()); diff != "" {
		t.Error(diff)
	}
}

func TestASetIsNotChangedByWhatIsMadeOfIt(t *testing.T) {
	a, b := MustParseSet("a.test", "*.c.test"), MustParseSet("b.test", "*.d.test")
	a.Union(b)
	a.Without(b)
	a.Without(a)
	if diff := cmp.Diff([]string{"*.c.test", "a.test"}, a.Patterns()); diff != "" || len(a.Exceptions()) != 0 || a.Has("b.test") {
		t.Errorf("exceptions %q, %s", a.Exceptions(), diff)
	}
}

func TestPatternsMakeTheSetAgain(t *testing.T) {
	s := MustParseSet("b.test", "*.a.test", "a.test", "B.TEST", "*.c_d.test")
	want := []string{"*.a.test", "*.c_d.test", "a.test", "b.test"}
	if diff := cmp.Diff(want, s.Patterns()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want, MustParseSet(s.Patterns()...).Patterns()); diff != "" {
		t.Error(diff)
	}
}

// TestSetsFollowTheirAlgebra compares random sets with the definitions, over
// every name of a small universe.
func TestSetsFollowTheirAlgebra(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var universe []Name
	for _, a := range []Name{"a", "b"} {
		universe = append(universe, a+".test")
		for _, b := range []Name{"a", "b"} {
			universe = append(universe, b+"."+a+".test", "x."+b+"."+a+".test")
		}
	}
	random := func() Set {
		var patterns []string
		for _, n := range universe {
			switch rng.IntN(6) {
			case 0:
				patterns = append(patterns, string(n))
			case 1:
				patterns = append(patterns, "*."+string(n))
			}
		}
		return MustParseSet(patterns...)
	}
	for range 2000 {
		a, b, c, d := random(), random(), random(), random()
		for _, n := range universe {
			if got, want := a.Union(b).Has(n), a.Has(n) || b.Has(n); got != want {
				t.Fatalf("%q ∪ %q has %s: %v", a.Patterns(), b.Patterns(), n, got)
			}
			if got, want := a.Without(b).Has(n), a.Has(n) && !b.Has(n); got != want {
				t.Fatalf("%q − %q has %s: %v", a.Patterns(), b.Patterns(), n, got)
			}
			if got, want := a.Without(b).Without(c).Has(n), a.Has(n) && !b.Has(n) && !c.Has(n); got != want {
				t.Fatalf("%q − %q − %q has %s: %v", a.Patterns(), b.Patterns(), c.Patterns(), n, got)
			}
			got := a.Without(b).Union(c.Without(d)).Has(n)
			if want := (a.Has(n) || c.Has(n)) && !b.Has(n) && !d.Has(n); got != want {
				t.Fatalf("(%q − %q) ∪ (%q − %q) has %s: %v", a.Patterns(), b.Patterns(), c.Patterns(), d.Patterns(), n, got)
			}
		}
	}
}

func TestALookUpAllocatesNothing(t *testing.T) {
	s := MustParseSet("login.microsoftonline.com", "*.sharepoint.com").Without(MustParseSet("*.certauth.login.microsoftonline.com"))
	for _, n := range []Name{"login.microsoftonline.com", "contoso.sharepoint.com", "a.b.c.d.e.f.example.com"} {
		if allocs := testing.AllocsPerRun(100, func() { s.Has(n) }); allocs != 0 {
			t.Errorf("Has(%q) makes %v allocations", n, allocs)
		}
	}
	if allocs := testing.AllocsPerRun(100, func() { _, _ = Parse("login.microsoftonline.com") }); allocs != 0 {
		t.Errorf("Parse of a canonical name makes %v allocations", allocs)
	}
}

func BenchmarkHas(b *testing.B) {
	s := MustParseSet("login.microsoftonline.com", "*.sharepoint.com", "*.blob.core.windows.net").
		Without(MustParseSet("device.login.microsoftonline.com", "*.certauth.login.microsoftonline.com"))
	for _, n := range []Name{"login.microsoftonline.com", "contoso.sharepoint.com", "www.example.com"} {
		b.Run(string(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.Has(n)
			}
		})
	}
}

func TestASetIsEmptyOnlyWithoutPatterns(t *testing.T) {
	for pattern, want := range map[string]bool{"": true, "contoso.com": false, "*.contoso.com": false} {
		var s Set
		if pattern != "" {
			s = MustParseSet(pattern)
		}
		if s.Empty() != want {
			t.Errorf("%q: empty is %v", pattern, s.Empty())
		}
	}
}

func TestABadPatternInOurOwnTablesEndsTheProgram(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a set was made of a bad pattern")
		}
	}()
	MustParseSet("*.com")
}
