package tokens

import (
	"strings"
	"testing"
)

// People type passwords where a name belongs: only what has the shape of an
// account is one.
func TestAnAccountIsKnownByItsShape(t *testing.T) {
	long := strings.Repeat("x", maxText)
	for text, want := range map[string]bool{
		"": false, "ann": false, "ann@contoso.com": true, " ann@contoso.com ": true, "@contoso.com": false, "ann@contoso": false, "ann@": false, "ann@a b.com": false,
		"ann@contoso.com\tx": false, "a<b@contoso.com": false, `a"b@contoso.com`: false, "ann@bob@contoso.com": false, "e30.x.y@contoso.com": false,
		`CONTOSO\ann`: true, `\ann`: false, `CONTOSO\`: false, `CONTOSO\a!`: false, `C!\ann`: false, `CONTOSO\a\b`: false,
		"+49301234567": true, "1234567": true, "123456": false, "123456789012345": true, "1234567890123456": false, "1234567x": false, "x1234567": false, "++1234567": false,
		long[12:] + "@contoso.com": true, long[11:] + "@contoso.com": false, credentials["foreign"]: false, credentials["foreign"] + "@contoso.com": false,
	} {
		if got := account(text); (got != "") != want || want && got != strings.TrimSpace(text) {
			t.Errorf("%.80q: %q", text, got)
		}
	}
}

func TestAnApplicationsIDHasNoOtherLetters(t *testing.T) {
	for c := range 256 {
		want := strings.IndexByte("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/", byte(c)) >= 0
		if plainID("x"+string([]byte{byte(c)})) != want {
			t.Errorf("%#x: %v", c, !want)
		}
	}
	for text, want := range map[string]bool{"": false, strings.Repeat("x", 128): true, strings.Repeat("x", 129): false} {
		if plainID(text) != want {
			t.Errorf("%d letters: %v", len(text), !want)
		}
	}
}

func TestATenantIsADirectoryOrADomain(t *testing.T) {
	for segment, want := range map[string][2]string{
		"common": {"", ""}, "consumers": {"consumer", ""}, "Contoso.com": {"", "contoso.com"}, strings.ToUpper(string(other)): {"other", ""}, "{" + string(home) + "}": {"home", ""},
	} {
		var s SignIn
		s.tenant(segment)
		if got := [2]string{strings.TrimPrefix(nick(s.Directory()), "-"), s.DomainName()}; got != want {
			t.Errorf("%s: %q", segment, got)
		}
		if s.directory != s.Directory() {
			t.Errorf("%s: %q is not %q", segment, s.directory, s.Directory())
		}
	}
}

// Only what is long enough to be a state ties one request to the next.
func TestAStateHasALength(t *testing.T) {
	for length, want := range map[int]bool{minState - 1: false, minState: true, maxState: true, maxState + 1: false} {
		f := finder(t)
		value := strings.Repeat("x", length)
		s := step(t, f, "10.0.0.7", "GET", "/common/oauth2/v2.0/authorize?state="+value, "")
		if (s.Attempt != "") != want {
			t.Errorf("%d letters: attempt %q", length, s.Attempt)
		}
		begun := step(t, f, "10.0.0.7", "GET", authorize, "")
		f.Continue(&begun, Outcome{states: []string{value}}, "10.0.0.7")
		next := step(t, f, "10.0.0.7", "POST", "/common/login", "ctx="+value)
		if (next.Attempt == begun.Attempt) != want {
			t.Errorf("%d letters of a page: attempt %q, it began as %q", length, next.Attempt, begun.Attempt)
		}
	}
}

func TestACorrelationIDTiesTheNextRequest(t *testing.T) {
	f := finder(t)
	begun := step(t, f, "10.0.0.7", "GET", authorize, "")
	f.Continue(&begun, Outcome{CorrelationID: requestID}, "10.0.0.7")
	if next := step(t, f, "10.0.0.7", "POST", "/common/login", "client-request-id="+requestID); next.Attempt != begun.Attempt {
		t.Errorf("attempt %q, it began as %q", next.Attempt, begun.Attempt)
	}
	if s := step(t, f, "10.0.0.7", "POST", "/common/login", "client-request-id=this-is-no-identifier"); s.Attempt != "" {
		t.Errorf("what is no identifier is attempt %q", s.Attempt)
	}
}

func TestAGrantIsKnownByWhatElseIsAskedFor(t *testing.T) {
	const bearer = "urn:ietf:params:oauth:grant-type:jwt-bearer"
	for _, c := range []struct {
		given fields
		want  string
	}{
		{fields{}, flowToken}, {fields{"grant_type": "x"}, flowToken}, {fields{"grant_type": "PASSWORD"}, "password"},
		{fields{"grant_type": "password", "request": "x", "requested_token_use": "on_behalf_of"}, "password"}, {fields{"grant_type": bearer}, "jwt-bearer"},
		{fields{"grant_type": bearer, "request": "x"}, "primary-refresh-token"}, {fields{"grant_type": bearer, "requested_token_use": "x"}, "jwt-bearer"},
		{fields{"grant_type": bearer, "request": "x", "requested_token_use": "on_behalf_of"}, "on-behalf-of"},
	} {
		if got := grantOf(c.given); got != c.want {
			t.Errorf("%v: %s, want %s", c.given, got, c.want)
		}
	}
}
