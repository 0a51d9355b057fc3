package tokens

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// passed fails unless the client gets what was sent.
func passed(t *testing.T, resp *http.Response, sent []byte) {
	t.Helper()
	if got, err := io.ReadAll(resp.Body); err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes passed on, %d were sent: %v", len(got), len(sent), err)
	}
}

func TestClientInfoNamesAnAccountOnce(t *testing.T) {
	text := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	for info, want := range map[string]string{
		"": " ", "!": " ", text(""): " ", text("x"): " ", text("null"): " ", text(`["utid"]`): " ", text(`{}`): " ", text(`{"utid":5}`): " ", text(`{"utid":"x","uid":"x"}`): " ",
		text(fmt.Sprintf(`{"uid":%q,"utid":%q}`, other, home)):        "home abcdefab-cdef-4bcd-8fab-cdefabcdefab",
		text(fmt.Sprintf(`{"uid":%q,"utid":%q}`, other, home)) + "==": "home abcdefab-cdef-4bcd-8fab-cdefabcdefab",
		text(fmt.Sprintf(`["utid",%q]`, home)):                        " ", text(fmt.Sprintf(`{"utid":%q} `, home)) + "!": " ", text(fmt.Sprintf(`{"utid":%q`, home)): " ",
		text(fmt.Sprintf(`{"utid":%q,"utid":%q}`, home, foreign)):                 "home ",
		text(fmt.Sprintf(`{"utid":"x","utid":%q,"Uid":%q}`, foreign, other)):      "foreign ",
		text(fmt.Sprintf(`{"uid":%q,"utid":%q}`, "{"+string(other)+"}", foreign)): "foreign abcdefab-cdef-4bcd-8fab-cdefabcdefab",
	} {
		found := issued{info: info}
		tenant, uid := found.home()
		if got := strings.TrimPrefix(nick(tenant), "-") + " " + uid; got != want {
			t.Errorf("%s: %q, want %q", info, got, want)
		}
	}
}

// The tenant of client_info against what the token says: it fills in what is
// open, and a contradiction is a second reading.
func TestATokenThatLeavesTheAccountOpenIsClientInfos(t *testing.T) {
	for _, c := range []struct {
		token         Token
		home          Tenant
		account, also Tenant
	}{
		{Token{Tenant: home, Account: home}, "", home, ""},
		{Token{Tenant: home, Account: home}, home, home, ""},
		{Token{Tenant: home, Account: home}, foreign, foreign, ""},
		{Token{Tenant: home, Unreadable: true}, foreign, "", ""},
		{Token{Tenant: home, IDP: "google.com"}, home, "", ""},
		{Token{Tenant: home, IDP: "google.com"}, foreign, foreign, ""},
		{Token{Tenant: home, IDP: "x", Account: other}, foreign, other, foreign},
		{Token{Tenant: home, IDP: "x", Account: other}, other, other, ""},
	} {
		token := c.token
		second := token.settle(c.home)
		if token.Account != c.account || (second != nil) != (c.also != "") || second != nil && (second.Account != c.also || second.Tenant != c.token.Tenant) {
			t.Errorf("%+v of %s: account %s, also %+v", c.token, nick(c.home), nick(token.Account), second)
		}
	}
}

// An unreadable token is of the readable ones' account, else client_info, the
// host and the path tell, in this order.
func TestWhatCameWithItTellsWhoseAnUnreadableTokenIs(t *testing.T) {
	named := &Token{Tenant: foreign, Account: other, IDP: "idp", App: "app", Object: "o", HomeObject: "h"}
	for _, c := range []struct {
		name    string
		answer  Answer
		request SignIn
		named   *Token
		home    Tenant
		want    Token
	}{
		{"a readable one", Answer{host: consumerHost}, SignIn{directory: home}, named, home, *named},
		{"client_info and the path", Answer{host: consumerHost}, SignIn{directory: home}, nil, foreign, Token{Tenant: home, Account: foreign}},
		{"client_info alone", Answer{}, SignIn{}, nil, foreign, Token{Tenant: foreign, Account: foreign}},
		{"the host", Answer{host: consumerHost}, SignIn{directory: home}, nil, "", Token{Tenant: Consumer, Account: Consumer}},
		{"the path", Answer{host: "login.microsoftonline.com"}, SignIn{directory: home}, nil, "", Token{Tenant: home}},
		{"the path of an application", Answer{}, SignIn{directory: home, Flow: flowClientCredentials}, nil, "", Token{Tenant: home, Account: home}},
		{"nothing", Answer{}, SignIn{Flow: flowClientCredentials}, nil, "", Token{Unreadable: true, Why: whyOpaque}},
	} {
		a := c.answer
		a.request = &c.request
		got := Token{Unreadable: true, Why: whyOpaque}
		a.infer(&got, c.named, c.home)
		if diff := cmp.Diff(fmt.Sprintf("%+v", c.want), fmt.Sprintf("%+v", got)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

// The access token says what it is for, the ID token for which application.
func TestTokensOfOneAnswerTellOfEachOther(t *testing.T) {
	const objectHere, objectThere = "44444444-4444-4444-4444-444444444444", "55555555-5555-5555-5555-555555555555"
	token := func(aud, claims string) string {
		return sign(fmt.Sprintf(`{"tid":%q,"aud":%q%s}`, home, aud, claims))
	}
	oid := `,"oid":"` + objectHere + `"`
	a := &Answer{finder: finder(t), request: &SignIn{}}
	for _, c := range []struct {
		name  string
		found issued
		want  []string // audience, application, object at home
	}{
		{"both", issued{access: []string{token("graph", "")}, identity: []string{token("app", "")}}, []string{"graph  ", "graph app "}},
		{"an ID token alone", issued{identity: []string{token("app", "")}}, []string{"app app "}},
		{"an ID token that names its application", issued{identity: []string{token("app", `,"azp":"azp"`)}}, []string{"app azp "}},
		{"an access token nobody can read", issued{access: []string{credentials["encrypted"]}, identity: []string{token("app", "")}}, []string{" app ", "app app "}},
		{"client_info of its tenant", issued{access: []string{token("graph", oid)}, info: info(home, objectThere)}, []string{"graph  " + objectThere}},
		{"client_info of another tenant", issued{access: []string{token("graph", oid+`,"idp":"live.com"`)}, info: info(foreign, objectThere)}, []string{"graph  ", "graph  " + objectThere}},
		{"client_info of no tenant", issued{access: []string{token("graph", oid+`,"idp":"google.com"`)}, info: info("x", objectThere)}, []string{"graph  "}},
		{"no client_info", issued{access: []string{token("graph", oid)}}, []string{"graph  " + objectHere}},
	} {
		var got []string
		for _, one := range a.whose(c.found) {
			got = append(got, one.Audience+" "+one.App+" "+one.HomeObject)
			if one.Place != InResponse || len(one.Digest) != 32 {
				t.Errorf("%s: %+v", c.name, one)
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func info(tenant Tenant, object string) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"uid":%q,"utid":%q}`, object, tenant))
}

func TestAnAnswerIssuesSixteenTokensAtMost(t *testing.T) {
	for n, want := range map[int]int{16: 16, 17: 16, 40: 16} {
		text := "{" + strings.Repeat(`"access_token":"`+credentials["foreign"]+`",`, n) + `"x":1}`
		a, resp := tokenAnswer(t, finder(t), strings.NewReader(text), "")
		if list, err := a.Issued(); len(list) != want || err != nil {
			t.Errorf("%d tokens: %d, %v", n, len(list), err)
		}
		passed(t, resp, []byte(text))
	}
}

func TestATokenAnswerOfAMebibyteIsTheLongest(t *testing.T) {
	for length, want := range map[int]error{maxAnswer: nil, maxAnswer + 1: ErrTooLarge} {
		text := `{"access_token":"` + credentials["foreign"] + `"}`
		text += strings.Repeat(" ", length-len(text))
		for _, coding := range []string{"", "gzip"} {
			sent := encoded(t, coding, text)
			a, resp := tokenAnswer(t, finder(t), bytes.NewReader(sent), coding)
			list, err := a.Issued()
			if !errors.Is(err, want) || (len(list) == 1) != (want == nil) {
				t.Errorf("%d octets, %s: %v, %v", length, coding, list, err)
			}
			passed(t, resp, sent)
		}
	}
}

// So it is with an answer of WS-Trust, and with what an error says.
func TestAnEnvelopeAndAnErrorHaveALimit(t *testing.T) {
	for length, want := range map[int]error{maxAssertion: nil, maxAssertion + 1: ErrTooLarge} {
		text := credentials["saml:foreign"]
		text += strings.Repeat(" ", length-len(text))
		a := answerCase{method: "POST", target: "https://login.microsoftonline.com/rst2.srf", status: 200, body: text, header: http.Header{"Content-Type": {"application/soap+xml"}}}
		for _, coding := range []string{"", "gzip"} {
			resp, sent := a.response(t, coding, splits["at once"])
			if list, err := a.look(t, finder(t), resp).Issued(); !errors.Is(err, want) || (len(list) == 1) != (want == nil) {
				t.Errorf("%d octets, %s: %v, %v", length, coding, list, err)
			}
			passed(t, resp, sent)
		}
	}
	for length, want := range map[int]string{maxError: "50020", maxError + 1: ""} {
		text := `{"error_codes":[50020]}`
		text = strings.Repeat(" ", length-len(text)) + text
		a := answerCase{method: "POST", target: "https://login.microsoftonline.com/common/oauth2/token", status: 400, body: text, header: http.Header{"Content-Type": {"application/json"}}}
		resp, sent := a.response(t, "", splits["at once"])
		look := a.look(t, finder(t), resp)
		passed(t, resp, sent)
		if got := look.Outcome().Code; got != want {
			t.Errorf("an error of %d octets: %q", length, got)
		}
	}
}

func page(t *testing.T, text []byte, coding ...string) (*Answer, *http.Response) {
	t.Helper()
	a := answerCase{method: "GET", target: "https://login.microsoftonline.com/common/oauth2/v2.0/authorize"}
	resp := &http.Response{StatusCode: 200, Body: io.NopCloser(bytes.NewReader(text)), ContentLength: -1, Header: http.Header{"Content-Type": {"text/html"}, "Content-Encoding": coding}}
	return a.look(t, finder(t), resp), resp
}

// A page is looked at from its beginning: a form further down is none that
// posts itself.
func TestAFormStandsAtTheBeginningOfAPage(t *testing.T) {
	form := []byte(`<form><input name="id_token" value="` + credentials["foreign"] + `"></form>`)
	for before, want := range map[int]int{0: 1, pageStart - 5: 1, pageStart - 4: 0, pageStart: 0} {
		text := append(bytes.Repeat([]byte(" "), before), form...)
		a, resp := page(t, text)
		list, err := a.Issued()
		if len(list) != want || err != nil {
			t.Errorf("behind %d octets: %v, %v", before, list, err)
		}
		if held := a.body.raw.Len(); want == 0 && held != pageStart {
			t.Errorf("%d octets are held back", held)
		}
		passed(t, resp, text)
	}
	for length, want := range map[int]int{maxAnswer: 1, maxAnswer + 1: 0} {
		for _, coding := range []string{"", "gzip"} {
			text := encoded(t, coding, string(form)+strings.Repeat(" ", length-len(form)))
			a, resp := page(t, text, coding)
			if list, err := a.Issued(); len(list) != want || err != nil {
				t.Errorf("a page of %d octets, %s: %v, %v", length, coding, list, err)
			}
			passed(t, resp, text)
		}
	}
}

// Of a page that passes a part is kept, to be looked into when it has passed.
func TestOfAPageThatPassesItsBeginningIsKept(t *testing.T) {
	code := []byte(`<script>$Config={"iErrorCode":50020};</script>`)
	for before, want := range map[int]string{0: "50020", maxPage - len(code): "50020", maxPage: ""} {
		text := append(bytes.Repeat([]byte(" "), before), code...)
		text = append(text, bytes.Repeat([]byte(" "), maxPage)...)
		a, resp := page(t, text)
		passed(t, resp, text)
		if got := a.Outcome().Code; got != want {
			t.Errorf("behind %d octets: %q, want %q", before, got, want)
		}
		if len(a.body.text) != maxPage || a.body.raw.Len() != 0 {
			t.Errorf("%d octets are kept, %d held back", len(a.body.text), a.body.raw.Len())
		}
	}
}

func TestAnAnswerWithoutABodyStaysOne(t *testing.T) {
	for kind, status := range map[string]int{"application/json": 200, "text/json": 400, "text/html": 200} {
		for _, body := range []io.ReadCloser{nil, http.NoBody} {
			a := answerCase{method: "POST", target: "https://login.microsoftonline.com/common/oauth2/v2.0/token"}
			resp := &http.Response{StatusCode: status, Body: body, Header: http.Header{"Content-Type": {kind}}}
			look := a.look(t, finder(t), resp)
			if list, err := look.Issued(); len(list) > 0 || err != nil || look.Broken() != nil || resp.Body != body || look.Outcome().Code != "" {
				t.Errorf("%d %s: %v, %v, %v, %v", status, kind, list, err, look.Broken(), resp.Body)
			}
		}
	}
}

func TestABodyThatNobodyLooksIntoIsLeftAlone(t *testing.T) {
	for kind, status := range map[string]int{"image/png": 200, "text/plain": 400, "application/json": 302} {
		a := answerCase{method: "POST", target: "https://login.microsoftonline.com/common/oauth2/v2.0/token"}
		body := io.NopCloser(strings.NewReader("x"))
		resp := &http.Response{StatusCode: status, Body: body, Header: http.Header{"Content-Type": {kind}}}
		if look := a.look(t, finder(t), resp); resp.Body != body || look.body != nil {
			t.Errorf("%d %s: the body is replaced", status, kind)
		}
	}
}

func TestAWordIsFoundInAnyCase(t *testing.T) {
	for text, want := range map[string]bool{
		"<form": true, "<FORM>": true, "x<Form": true, "<for": false, "": false, "<for<form": true, "<fo rm": false, "\x1cform": false, "<<form": true,
	} {
		if containsFold([]byte(text), "<form") != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}
