package tokens

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestThePathTellsTheFlowAndWhetherATokenComesBack(t *testing.T) {
	for path, want := range map[string]string{
		"oauth2/token": "token issues", "oauth2/v2.0/token": "token issues", "b2c_1_x/oauth2/v2.0/token": "token issues", "token": "", "x/token": "", "xoauth2/token": "",
		"oauth20_token.srf": "token issues", "x/oauth20_token.srf": "token issues", "oauth2/x": "",
		"tokens/oauth/2": "token issues", "x/tokens/oauth/2": "token issues", "tokens/oauth/1": "",
		"oauth2/authorize": "authorize", "b2c_1_x/oauth2/v2.0/authorize": "authorize", "authorize": "", "x/authorize": "", "oauth20_authorize.srf": "authorize",
		"federation/oauth2": "continue", "oauth2": "",
		"userrealm": "account-lookup", "userrealm/ann@contoso.com": "account-lookup", "x/userrealm": "account-lookup", "x/userrealm/ann@contoso.com": "", "userrealms/x": "",
		"oauth2/v2.0/devicecode": "device-code", "oauth2/deviceauth": "device-code-entry", "": "", "x": "",
	} {
		flow, issues := flowOf(path)
		if issues {
			flow += " issues"
		}
		if flow != want {
			t.Errorf("%s: %q, want %q", path, flow, want)
		}
	}
}

// A body is read where a form is sent, and only so far as it may be long.
func TestABodyIsReadWhereAFormIsSent(t *testing.T) {
	form := "login=ann%40contoso.com"
	for name, c := range map[string]struct {
		method string
		body   string
		length int64
		want   string
	}{
		"posted":                  {"POST", form, int64(len(form)), "ann@contoso.com"},
		"of no told length":       {"POST", form, -1, "ann@contoso.com"},
		"got":                     {"GET", form, int64(len(form)), ""},
		"told to be none":         {"POST", form, 0, ""},
		"told to be too long":     {"POST", form, maxBody + 1, ""},
		"told to be just so long": {"POST", form, maxBody, "ann@contoso.com"},
		"too long":                {"POST", form + strings.Repeat("&", maxBody), -1, ""},
	} {
		body := io.NopCloser(strings.NewReader(c.body))
		r, err := http.NewRequest(c.method, "https://login.microsoftonline.com/common/login", body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", " Application/X-WWW-Form-URLEncoded ; charset=utf-8")
		r.ContentLength = c.length
		s, err := finder(t).SignIn("login.microsoftonline.com", r, "10.0.0.7")
		if s.Account != c.want || err != nil {
			t.Errorf("%s: %q, %v", name, s.Account, err)
		}
		if sent, err := io.ReadAll(r.Body); string(sent) != c.body || err != nil {
			t.Errorf("%s: %d of %d octets arrive, %v", name, len(sent), len(c.body), err)
		}
	}
	for _, body := range []io.ReadCloser{nil, http.NoBody} {
		r := &http.Request{Method: "POST", Body: body, URL: request(graph).URL, Header: http.Header{"Content-Type": {"text/xml"}}, ContentLength: -1}
		if given, err := fieldsOf(r); len(given) > 0 || err != nil || r.Body != body {
			t.Errorf("no body: %v, %v", given, err)
		}
	}
}

// What the requests of an attempt said before fills in what this one leaves
// open, and changes nothing that it says.
func TestARequestIsFilledInFromTheOneBefore(t *testing.T) {
	known := SignIn{Account: "ann@contoso.com", Domain: "contoso.com", Tenant: "contoso.com", App: "a", AppName: "A", Flow: "authorize"}
	says := SignIn{Account: "eve@fabrikam.com", Domain: "fabrikam.com", Tenant: "fabrikam.com", App: "b", Flow: "login"}
	directory := SignIn{Tenant: string(home), directory: home}
	for name, c := range map[string]struct{ request, known, want SignIn }{
		"nothing":           {SignIn{Flow: "login"}, known, SignIn{Account: known.Account, Domain: known.Domain, Tenant: known.Tenant, App: "a", AppName: "A", Flow: "login"}},
		"everything":        {says, known, says},
		"common":            {SignIn{Tenant: "common"}, SignIn{Tenant: "fabrikam.com"}, SignIn{Tenant: "fabrikam.com"}},
		"a directory":       {directory, SignIn{Tenant: "fabrikam.com"}, directory},
		"a domain":          {SignIn{Tenant: "a.test"}, SignIn{Tenant: "fabrikam.com"}, SignIn{Tenant: "a.test"}},
		"nothing is known":  {SignIn{Tenant: "common"}, SignIn{}, SignIn{Tenant: "common"}},
		"no name of an app": {SignIn{App: "b"}, SignIn{App: "a", AppName: "A"}, SignIn{App: "b"}},
	} {
		got := c.request
		got.fill(c.known)
		if tell(got) != tell(c.want) || got.directory != c.request.directory {
			t.Errorf("%s: %s, want %s", name, tell(got), tell(c.want))
		}
	}
}

// Two generations: the older one is forgotten when the younger one is full or
// as old as an attempt may be.
func TestAGenerationOfAttemptsEnds(t *testing.T) {
	begun := time.Unix(1_700_000_000, 0)
	for name, c := range map[string]struct {
		size       int
		after      time.Duration
		young, old int
	}{
		"at once":             {1, 0, 1, 0},
		"just before its age": {1, attemptTTL - 1, 1, 0},
		"at its age":          {1, attemptTTL, 0, 1},
		"just before twice":   {1, 2*attemptTTL - 1, 0, 1},
		"at twice":            {1, 2 * attemptTTL, 0, 0},
		"one below full":      {maxAttempts - 1, 0, maxAttempts - 1, 0},
		"full":                {maxAttempts, 0, 0, maxAttempts},
	} {
		var a attempts
		a.turn(begun)
		for i := range c.size {
			a.young[string(rune(i))] = SignIn{}
		}
		size := len(a.young)
		if size != c.size {
			t.Fatalf("%d are in it", size)
		}
		a.turn(begun.Add(c.after))
		if len(a.young) != c.young || len(a.old) != c.old {
			t.Errorf("%s: %d and %d are remembered, want %d and %d", name, len(a.young), len(a.old), c.young, c.old)
		}
		if since := begun.Add(c.after); c.young == 0 && !a.since.Equal(since) {
			t.Errorf("%s: begun at %v, want %v", name, a.since, since)
		}
	}
}

// An attempt is found in either generation, by any state of the request.
func TestAnAttemptIsFoundByEachOfItsStates(t *testing.T) {
	now := time.Now()
	a := attempts{since: now, young: map[string]SignIn{"y": {Attempt: "young"}, "both": {Attempt: "young"}}, old: map[string]SignIn{"o": {Attempt: "old"}, "both": {Attempt: "old"}}}
	for states, want := range map[string]string{"": "", "x": "", "y": "young", "o": "old", "both": "young", "x y": "young", "x o": "old", "o y": "old"} {
		if known, ok := a.find(strings.Fields(states)); known.Attempt != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", states, known.Attempt, ok)
		}
	}
	s := SignIn{states: []string{"x", "o"}}
	a.join(&s, "new")
	if s.Attempt != "old" || a.young["x"].Attempt != "old" || a.young["o"].Attempt != "old" || a.young["x"].states != nil {
		t.Errorf("%+v of %+v", s, a.young)
	}
	s = SignIn{states: []string{"z"}}
	if a.join(&s, "new"); s.Attempt != "new" || a.young["z"].Attempt != "new" {
		t.Errorf("%+v of %+v", s, a.young)
	}
}

func TestARequestOfNoAttemptContinuesNone(t *testing.T) {
	f := finder(t)
	s := step(t, f, "10.0.0.7", "GET", "/common/oauth2/v2.0/authorize", "")
	if f.Continue(&s, Outcome{states: []string{"0123456789abcdef"}, CorrelationID: requestID}, "10.0.0.7"); len(f.attempts.young) != 0 {
		t.Errorf("%+v", f.attempts.young)
	}
	s = step(t, f, "10.0.0.7", "GET", authorize, "")
	if f.Continue(&s, Outcome{}, "10.0.0.7"); len(f.attempts.young) != 1 {
		t.Errorf("an answer that gives nothing out: %+v", f.attempts.young)
	}
}

// The header names an attempt before any parameter does.
func TestAClientRequestIDIsTheAttempt(t *testing.T) {
	const another = "0a1b2c3d-0000-4000-8000-000000000002"
	for _, c := range []struct{ header, query, want string }{
		{requestID, another, requestID}, {"", another, another}, {strings.ToUpper(requestID), "", requestID}, {"none", another, ""}, {"", "none", ""},
	} {
		r := request("https://login.microsoftonline.com/common/oauth2/authorize?client-request-id=" + c.query)
		if c.header != "" {
			r.Header.Set("client-request-id", c.header)
		}
		if s, err := finder(t).SignIn("login.microsoftonline.com", r, "10.0.0.7"); s.Attempt != c.want || err != nil {
			t.Errorf("%q, %q: attempt %q, %v", c.header, c.query, s.Attempt, err)
		}
	}
}

func TestAProviderIsAHostThatIsNoTenants(t *testing.T) {
	for issuer, want := range map[string]string{
		"": "", "urn:x": "", sts(home): "", sts("x"): "", "https://ADFS.fabrikam.com/adfs/services/trust": "adfs.fabrikam.com", "http://adfs.fabrikam.com:8080/": "adfs.fabrikam.com",
		"https://localhost/": "", "https://[::1": "", "https://a b.com/": "", "https://a_b!.com/": "", "%": "",
	} {
		if got := providerOf(issuer); got != want {
			t.Errorf("%s: %q, want %q", issuer, got, want)
		}
	}
}

func TestAnEnvelopeSaysWhatItAsksATokenFor(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "x": "", "<a>urn:x</a>": "", "<AppliesTo>urn:x</AppliesTo>": "urn:x", "<b>urn:y</b><p:AppliesTo> <q:Address>\n urn:x </q:Address><c>urn:z</c></p:AppliesTo>": "urn:x",
		"<AppliesTo><a/>": "", "<AppliesTo><": "", "<a AppliesTo='x'>urn:x</a>": "",
	} {
		if got := envelopeAudience([]byte(text)); got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
