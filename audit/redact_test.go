package audit

import (
	"bufio"
	"os"
	"strings"
	"testing"
)

// testdata/redact.txt has a text and what is kept of it, a pair a line.
func TestNothingThatLooksLikeACredentialIsKept(t *testing.T) {
	f, err := os.Open("testdata/redact.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows := 0
	for s := bufio.NewScanner(f); s.Scan(); {
		if s.Text() == "" || strings.HasPrefix(s.Text(), "# ") {
			continue
		}
		in, want, ok := strings.Cut(s.Text(), " => ")
		if !ok {
			t.Fatalf("no => in %q", s.Text())
		}
		rows++
		if got := redact(in); got != want {
			t.Errorf("redact(%q) = %q, want %q", in, got, want)
		}
	}
	if rows == 0 {
		t.Error("no rows")
	}
}

// Every text that a client chooses is searched, not only the path.
func TestACredentialIsInNoFieldOfTheLine(t *testing.T) {
	const marker = "eyJhbGciOiJSUzI1NiJ9.eyJ0aWQiOiJNQVJLRVIifQ.c2lnbmF0dXJl"
	e := blocked()
	e.User, e.Host, e.Path, e.Method, e.UserAgent, e.RequestID = marker, marker, "/x/"+marker, marker, "a "+marker, marker
	e.ResourceTenant, e.ResourceDomain, e.AccountTenant, e.ClientTags = marker, marker, marker, []string{marker}
	e.Close, e.Version, e.TLSVersion, e.For = marker, marker, marker, marker
	e.Credentials = []Credential{{Tenant: marker, IDP: marker, App: marker, User: marker}}
	got := string(line(e))
	for part := range strings.SplitSeq(marker, ".") {
		if strings.Contains(got, part) {
			t.Errorf("%s is in %s", part, got)
		}
	}
	if n := strings.Count(got, redacted); n < 15 {
		t.Errorf("redacted %d times", n)
	}
}
