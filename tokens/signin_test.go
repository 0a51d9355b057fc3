package tokens

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
	"unicode/utf8"
)

// tell writes a sign-in as testdata/signins has it. An attempt that is a hash
// is only said to be one.
func tell(s SignIn) string {
	out := or(s.Flow, "-")
	attempt := s.Attempt
	if len(attempt) == 32 {
		attempt = "hash"
	}
	for _, f := range [][2]string{
		{"account", s.Account}, {"tenant", s.Tenant}, {"domain", s.Domain}, {"app", s.App},
		{"name", strings.ReplaceAll(s.AppName, " ", "-")}, {"attempt", attempt},
	} {
		if f[1] != "" {
			out += " " + f[0] + "=" + f[1]
		}
	}
	return out
}

func TestASignInIsReadFromItsRequest(t *testing.T) {
	for _, shape := range readShapes(t, "testdata/signins/signins.txt") {
		t.Run(shape.title, func(t *testing.T) {
			n, r, body := shape.build(t, filler)
			s, err := finder(t).SignIn(n, r, "10.0.0.7")
			if err != nil {
				t.Fatal(err)
			}
			if got := tell(s); got != shape.want[0] {
				t.Errorf("got  %s\nwant %s", got, shape.want[0])
			}
			if replayed, err := io.ReadAll(r.Body); err != nil || !bytes.Equal(replayed, body) {
				t.Errorf("the body does not arrive as it was sent: %q, %v", replayed, err)
			}
			if out := fmt.Sprintf("%+v", s); strings.Contains(out, marker) || strings.Contains(out, "eyJ") {
				t.Errorf("a credential is in %s", out)
			}
		})
	}
}

// step is one request of a sign-in.
func step(t *testing.T, f *Finder, client, method, target, body string) SignIn {
	t.Helper()
	r, err := http.NewRequest(method, "https://login.microsoftonline.com"+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if strings.HasPrefix(body, "{") {
		r.Header.Set("Content-Type", "application/json")
	}
	s, err := f.SignIn("login.microsoftonline.com", r, client)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const (
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // RFC 7636, appendix B
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	authorize = "/fabrikam.com/oauth2/v2.0/authorize?client_id=04b07795-8ddb-461a-bbee-02f9e1bf7b46&code_challenge=" + challenge
)

// A browser's requests share no id of their own: what one page gives out the
// next request brings back, and the code is redeemed with the verifier.
func TestTheRequestsOfOneSignInAreOneAttempt(t *testing.T) {
	f := finder(t)
	begun := step(t, f, "10.0.0.7", "GET", authorize, "")
	page := Outcome{states: []string{"the-ctx-of-the-page-0123456789"}}
	f.Continue(&begun, page, "10.0.0.7")
	typed := step(t, f, "10.0.0.7", "POST", "/common/GetCredentialType", `{"username":"eve@fabrikam.com","originalRequest":"the-ctx-of-the-page-0123456789","flowToken":"flow-token-0123456789"}`)
	login := step(t, f, "10.0.0.7", "POST", "/common/login", "passwd=x&flowToken=flow-token-0123456789&ctx=another-ctx-0123456789")
	redeemed := step(t, f, "10.0.0.7", "POST", "/common/oauth2/v2.0/token", "grant_type=authorization_code&code_verifier="+verifier)
	for name, s := range map[string]SignIn{"typed": typed, "login": login, "redeemed": redeemed} {
		if s.Attempt != begun.Attempt || s.Attempt == "" {
			t.Errorf("%s is attempt %q, it began as %q", name, s.Attempt, begun.Attempt)
		}
		if s.AppName != "Azure CLI" || s.Tenant != "fabrikam.com" {
			t.Errorf("%s forgot what it began with: %+v", name, s)
		}
	}
	if login.Account != "eve@fabrikam.com" {
		t.Errorf("who typed is forgotten: %+v", login)
	}
	// What was filled in is for reading: it must not tell whose an unreadable
	// token is.
	if redeemed.directory != "" {
		t.Errorf("the path of another request names the directory: %+v", redeemed)
	}
}

func TestAnotherClientIsAnotherAttempt(t *testing.T) {
	f := finder(t)
	a := step(t, f, "10.0.0.7", "GET", authorize, "")
	b := step(t, f, "10.0.0.8", "GET", authorize, "")
	if a.Attempt == b.Attempt {
		t.Error("two clients with one challenge are one attempt")
	}
	c := step(t, f, "10.0.0.7", "GET", "/common/oauth2/v2.0/authorize?state=12345", "")
	if c.Attempt != "" {
		t.Errorf("a constant is taken for a state: %q", c.Attempt)
	}
}

func TestAttemptsAreForgotten(t *testing.T) {
	f := finder(t)
	synctest.Test(t, func(t *testing.T) {
		begun := step(t, f, "10.0.0.7", "GET", authorize+"&client-request-id=0a1b2c3d-0000-4000-8000-000000000001", "")
		time.Sleep(attemptTTL - time.Second)
		if s := step(t, f, "10.0.0.7", "GET", authorize, ""); s.Attempt != begun.Attempt {
			t.Errorf("forgotten early: %q", s.Attempt)
		}
		time.Sleep(2 * attemptTTL)
		if s := step(t, f, "10.0.0.7", "GET", authorize, ""); s.Attempt == begun.Attempt {
			t.Error("still remembered")
		}
	})
	for i := range 5 * maxAttempts {
		f.attempts.remember(&SignIn{Attempt: "x"}, []string{fmt.Sprint(i)})
	}
	if n := len(f.attempts.young) + len(f.attempts.old); n > 2*maxAttempts {
		t.Errorf("%d are remembered", n)
	}
}

func TestABodyThatEndsEarlyIsSaid(t *testing.T) {
	r, err := http.NewRequest("POST", "https://login.microsoftonline.com/common/oauth2/v2.0/token", iotest.ErrReader(io.ErrUnexpectedEOF))
	if err != nil {
		t.Fatal(err)
	}
	r.ContentLength = -1
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if _, err := finder(t).SignIn("login.microsoftonline.com", r, "10.0.0.7"); err == nil {
		t.Error("no error")
	}
}

// What a path names may grow in lower case: an octet that is no UTF-8 becomes
// U+FFFD, which has three.
func TestATenantThatGrowsInLowerCaseIsKeptShort(t *testing.T) {
	for what, grows := range map[string]string{"no UTF-8": "\xef", "a letter": "Ⱥ"} {
		r, err := http.NewRequest("GET", "https://login.microsoftonline.com/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.URL.Path = "/F." + strings.Repeat(grows, (maxText-len("F."))/len(grows)) + "/oauth2/v2.0/authorize"
		s, err := finder(t).SignIn("login.microsoftonline.com", r, "10.0.0.7")
		if err != nil || !strings.HasPrefix(s.Tenant, "f.") || len(s.Tenant) > maxText || !utf8.ValidString(s.Tenant) {
			t.Errorf("%s: a tenant of %d octets: %q, %v", what, len(s.Tenant), s.Tenant, err)
		}
	}
}

func FuzzSignIn(f *testing.F) {
	for _, shape := range readShapes(f, "testdata/signins/signins.txt") {
		n, r, body := shape.build(f, filler)
		f.Add(string(n), r.URL.RequestURI(), r.Header.Get("Content-Type"), body)
	}
	shared, err := New(Config{}, throwaway)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, _, target, kind string, body []byte) {
		r, err := http.NewRequest("POST", "https://login.microsoftonline.com/", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if u, err := r.URL.Parse(target); err == nil {
			r.URL = u
		}
		r.Header.Set("Content-Type", kind)
		s, err := shared.SignIn("login.microsoftonline.com", r, "10.0.0.7")
		if err != nil {
			t.Fatal(err)
		}
		if replayed, err := io.ReadAll(r.Body); err != nil || !bytes.Equal(replayed, body) {
			t.Errorf("%q arrives as %q: %v", body, replayed, err)
		}
		for _, told := range []string{s.Account, s.Tenant, s.Domain, s.App, s.Attempt} {
			if len(told) > maxText {
				t.Errorf("%d bytes of %q", len(told), told[:maxText])
			}
		}
	})
}
