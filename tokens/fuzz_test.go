package tokens

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// whatever is found must be safe to judge: unreadable with a reason, or with
// a tenant that is a directory ID, or a key or session.
func checkSound(t *testing.T, found []*Token) {
	t.Helper()
	for _, token := range found {
		_, isTenant := ParseTenant(string(token.Tenant))
		switch {
		case token.Unreadable != (token.Why != ""):
			t.Errorf("unreadable without a reason, or the reverse: %+v", *token)
		case token.Unreadable && (token.Tenant != "" || token.Account != ""):
			t.Errorf("unreadable and somebody's: %+v", *token)
		case token.Kind == Key || token.Kind == Session:
		case !token.Unreadable && !isTenant:
			t.Errorf("readable and nobody's: %+v", *token)
		}
		if len(token.User)+len(token.App)+len(token.IDP)+len(token.Audience) > 4*maxText {
			t.Errorf("claims too long: %+v", *token)
		}
	}
}

func seeds(f *testing.F) {
	f.Helper()
	for _, raw := range credentials {
		f.Add(raw)
	}
}

func FuzzParse(f *testing.F) {
	seeds(f)
	f.Add(`eyJhbGciOiJub25lIn0.e30.`)
	f.Fuzz(func(t *testing.T, raw string) {
		token := Parse(raw)
		checkSound(t, []*Token{&token})
		// The same text as a payload reaches the reader of claims.
		if token := Parse(sign(raw)); token.Kind == JWT {
			checkSound(t, []*Token{&token})
		}
	})
}

func FuzzAuthorization(f *testing.F) {
	seeds(f)
	for _, line := range []string{
		"Bearer a, Bearer b", `MSAuth1.0 actortoken="Bearer a", type="PFAT"`, "Basic !", "type%3Daad%26sig%3Da",
		"Bearer", ", ,", `x="`, `type='`, "Bearer:=:=",
	} {
		f.Add(line)
	}
	find := finder(f)
	f.Fuzz(func(t *testing.T, line string) {
		// One foreign token beside anything at all is found.
		for _, whole := range []string{line, line + ", Bearer " + credentials["foreign"]} {
			v := value{finder: find, place: InAuthorization} // what is remembered would blur the coverage
			v.line(whole)
			checkSound(t, v.tokens)
			if whole != line && !v.full() && !judgedForeign(v.tokens) {
				t.Errorf("foreign token overlooked: %q", whole)
			}
		}
	})
}

func FuzzQuery(f *testing.F) {
	seeds(f)
	for _, raw := range []string{"a=b&c", "%61ccess_token=x", "a;token=b", "sig=%", "=&;=", "access_token=%2", "authorization=Bearer+x"} {
		f.Add(raw)
	}
	find := finder(f)
	f.Fuzz(func(t *testing.T, raw string) {
		for _, whole := range []string{raw, raw + "&access_token=" + credentials["foreign"]} {
			r := &http.Request{URL: &url.URL{RawQuery: whole}, Header: http.Header{}}
			found, err := find.Find(nil, "graph.microsoft.com", r)
			checkSound(t, found)
			if whole != raw && err == nil && !judgedForeign(found) {
				t.Errorf("foreign token overlooked: %q", whole)
			}
		}
	})
}

// FuzzBody: no body makes the reader fail, and every body arrives as it was sent.
func FuzzBody(f *testing.F) {
	for _, body := range []string{
		`{"a":[1,{"token":"x"}]}`, `["\"",":"]`, `{"requests":[{"url":"/?sig=x"}]}`, "a=b&token=c",
		"--x\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\ny\r\n--x--", "GET /?sig=x HTTP/1.1\r\nAuthorization: Basic x",
	} {
		f.Add(body)
	}
	find := finder(f)
	f.Fuzz(func(t *testing.T, body string) {
		for kind := range bodies {
			r := &http.Request{
				Method: http.MethodPost, URL: &url.URL{Path: "/$batch"}, ContentLength: -1,
				Header: http.Header{"Content-Type": {kind + "; boundary=x"}}, Body: io.NopCloser(strings.NewReader(body)),
			}
			found, _ := find.Find(nil, "graph.microsoft.com", r)
			checkSound(t, found)
			if got, err := io.ReadAll(r.Body); string(got) != body || err != nil {
				t.Errorf("%s: %q arrives as %q, %v", kind, body, got, err)
			}
		}
	})
}

func judgedForeign(found []*Token) bool {
	for _, token := range found {
		if token.Tenant == foreign || token.Unreadable {
			return true
		}
	}
	return false
}
