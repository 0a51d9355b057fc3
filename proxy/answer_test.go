package proxy_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azpolicy "github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/andybalholm/brotli"
	"github.com/google/go-cmp/cmp"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/policy"
)

const answerMarker = "issued-marker-7f3a"

// ask sends a form to a path of the sign-in host.
func (r *rig) ask(proto, path string, form url.Values, header ...string) *http.Response {
	r.t.Helper()
	req := must(http.NewRequest("POST", "https://"+signIn+path, strings.NewReader(form.Encode())))(r.t)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return must(r.client(proto).Do(req))(r.t)
}

// password is a sign-in with a password, in one request.
func password(user string) url.Values {
	return url.Values{
		"grant_type": {"password"}, "username": {user}, "password": {"right"}, "scope": {"openid"},
		"client_id": {"04b07795-8ddb-461a-bbee-02f9e1bf7b46"}, "client_info": {"1"},
	}
}

// oauthError is what MSAL reads of an error.
type oauthError struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
	Codes       []int  `json:"error_codes"`
	Timestamp   string `json:"timestamp"`
	Trace       string `json:"trace_id"`
	Correlation string `json:"correlation_id"`
}

// wantWithheld fails unless resp is the OAuth error for reason, and its event
// was there before it.
func (r *rig) wantWithheld(resp *http.Response, reason policy.Reason) audit.Event {
	r.t.Helper()
	text := body(r.t, resp)
	id := resp.Header.Get("Tenantgate-Event")
	list := r.events.all(func(e audit.Event) bool { return e.Kind == audit.Tenant && e.ID == id })
	if resp.StatusCode != 400 || resp.Header.Get("Tenantgate-Reason") != string(reason) || len(list) != 1 {
		r.t.Fatalf("%s, %v, %d events, %s", resp.Status, resp.Header, len(list), text)
	}
	var got oauthError
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		r.t.Fatalf("%v: %s", err, text)
	}
	if got.Error != "access_denied" || got.Trace != id || got.Codes == nil || got.Timestamp == "" ||
		!strings.Contains(got.Description, string(reason)) || !strings.Contains(got.Description, "Trace ID: "+id) {
		r.t.Errorf("MSAL reads %+v", got)
	}
	e := list[0]
	if e.Action != "token-withheld" || e.Reason != string(reason) || !e.Denied || e.Status != 400 || len(e.Credentials) == 0 || e.Credentials[0].Place != "response" {
		r.t.Errorf("event %+v", e)
	}
	return e
}

// noToken fails if a token is in the events, or in text.
func (r *rig) noToken(text string) {
	r.t.Helper()
	for _, e := range r.events.all(func(audit.Event) bool { return true }) {
		text += string(e.JSON(audit.Observer{}))
	}
	if strings.Contains(text, "eyJ") || strings.Contains(text, answerMarker) {
		r.t.Errorf("a token is in %s", text)
	}
}

// The cloud of the demo lets the home tenant's partners through, and its own
// guests anywhere: what is withheld was issued.
func TestATokenForAnAccountThatPolicyRefusesIsWithheld(t *testing.T) {
	partner := policy.Partner{Tenant: demo.Partner.ID, TenantRestrictions: policy.All(policy.Allow)}
	for _, tt := range []struct {
		name, user, tenant string
		change             func(*policy.Config)
		observe            bool
		reason             policy.Reason
		withheld, recorded bool
	}{
		{"home", "alice@contoso.com", demo.Home.ID, nil, false, "", false, false},
		{"partner that only Entra knows", "paula@adatum.com", demo.Partner.ID, nil, false, policy.ExternalAccount, true, true},
		{"partner", "paula@adatum.com", demo.Partner.ID, func(c *policy.Config) { c.Partners = []policy.Partner{partner} }, false, policy.PartnerAccount, false, true},
		{"observed", "paula@adatum.com", demo.Partner.ID, nil, true, policy.ExternalAccount, false, true},
		{"guest there", "alice@contoso.com", demo.Foreign.ID, nil, false, policy.OutboundAccount, false, true},
		{"guest there, outbound block", "alice@contoso.com", demo.Foreign.ID, func(c *policy.Config) { c.Default.Outbound = policy.All(policy.Deny) }, false, policy.OutboundAccount, true, true},
		{"guest here", "grace@fabrikam.com", demo.Home.ID, nil, false, policy.InboundAccount, false, true},
		{"guest here, inbound block", "grace@fabrikam.com", demo.Home.ID, func(c *policy.Config) { c.Default.Inbound = policy.All(policy.Deny) }, false, policy.InboundAccount, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, proto string) {
				r := newRig(t, func(s *setup) {
					if s.observe = tt.observe; tt.change != nil {
						tt.change(&s.policy)
					}
				})
				resp := r.ask(proto, "/"+tt.tenant+"/oauth2/v2.0/token", password(tt.user))
				issued := r.events.all(func(e audit.Event) bool { return e.Kind == audit.Tenant && strings.HasPrefix(e.Action, "token-") })
				if (len(issued) == 1) != tt.recorded {
					t.Errorf("%d events of what was issued", len(issued))
				}
				if tt.recorded && (issued[0].Reason != string(tt.reason) || issued[0].Observed != tt.observe || issued[0].For == "") {
					t.Errorf("event %+v", issued[0])
				}
				if tt.withheld {
					e := r.wantWithheld(resp, tt.reason)
					if e.SignIn.Account != tt.user || e.SignIn.Flow != "password" || e.SignIn.AppName != "Azure CLI" || e.SignIn.Tenant != tt.tenant {
						t.Errorf("who signs in: %+v", e.SignIn)
					}
					done := r.events.wait(t, isAccess(""))
					if done.Verdict != "block" || done.Status != 400 || done.For != e.ID {
						t.Errorf("access event %+v", done)
					}
				} else if text := body(t, resp); resp.StatusCode != 200 || !strings.Contains(text, "access_token") {
					t.Errorf("%s: %s", resp.Status, text)
				}
				r.noToken("")
			})
		})
	}
}

// codings of answers, as an origin applies them.
var answerCodings = map[string]func(io.Writer) io.WriteCloser{
	"gzip": func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
	"br":   func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) },
}

// issuer is a sign-in service that ignores tags and issues what it is told to,
// in pieces.
func issuer(contentType, coding, text string) (http.HandlerFunc, []byte) {
	sent := []byte(text)
	if encoder := answerCodings[coding]; encoder != nil {
		var out bytes.Buffer
		w := encoder(&out)
		_, _ = io.WriteString(w, text)
		w.Close()
		sent = out.Bytes()
	}
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		h := w.Header()
		h["Content-Type"], h["X-Origin"], h["Access-Control-Allow-Origin"] = []string{contentType}, []string{"1"}, []string{"https://app.example"}
		h["Set-Cookie"] = []string{"ESTSAUTH=" + answerMarker}
		if coding != "" {
			h["Content-Encoding"] = []string{coding}
		}
		for len(sent) > 0 && r.URL.Query().Get("split") != "" {
			n := min(len(sent), 7)
			_, _ = w.Write(sent[:n])
			_ = http.NewResponseController(w).Flush()
			sent = sent[n:]
		}
		_, _ = w.Write(sent)
	}, bytes.Clone(sent)
}

func tokenAnswer(c *demo.Cloud, of demo.Tenant) string {
	info := base64.RawURLEncoding.EncodeToString([]byte(`{"uid":"x","utid":"` + of.ID + `"}`))
	return fmt.Sprintf(`{"token_type":"Bearer", "expires_in":3599,"access_token":%q,"id_token":%q,"client_info":%q,"refresh_token":"0.AX%s"}`,
		c.Mint(demo.Spec{Tenant: of.ID, Marker: answerMarker}), c.Mint(demo.Spec{Tenant: of.ID, Marker: answerMarker, Audience: "app"}), info, answerMarker)
}

func TestAnswersAreReadHoweverTheyAreWritten(t *testing.T) {
	cloud := must(demo.NewCloud())(t)
	defer cloud.Close()
	for _, coding := range []string{"", "gzip", "br"} {
		for _, split := range []string{"", "?split=1"} {
			for _, origin := range protocols {
				for name, of := range map[string]demo.Tenant{"home": demo.Home, "foreign": demo.Foreign, "consumer": demo.Consumer} {
					t.Run(fmt.Sprintf("%s/%s%s/origin %s", name, coding, split, origin), func(t *testing.T) {
						each(t, func(t *testing.T, proto string) {
							h, sent := issuer("application/json; charset=utf-8", coding, tokenAnswer(cloud, of))
							r := newRig(t, at(site(t, origin, h)))
							resp := r.ask(proto, "/common/oauth2/v2.0/token"+split, url.Values{"grant_type": {"refresh_token"}}, "Accept-Encoding", "gzip, deflate, br, zstd")
							if name == "home" {
								got := body(t, resp)
								if resp.StatusCode != 200 || resp.Header.Get("Content-Encoding") != coding || resp.Header.Get("X-Origin") != "1" || resp.Header.Get("Set-Cookie") == "" {
									t.Errorf("%s %v", resp.Status, resp.Header)
								}
								if diff := cmp.Diff(sent, []byte(got)); diff != "" {
									t.Errorf("the answer is not what was sent (-sent +got):\n%s", diff)
								}
								r.noToken("")
								return
							}
							reason := policy.ExternalAccount
							if name == "consumer" {
								reason = policy.ConsumerAccount
							}
							header := fmt.Sprint(resp.Header)
							r.wantWithheld(resp, reason)
							if resp.Header.Get("Access-Control-Allow-Origin") == "" || resp.Header.Get("X-Origin") != "" || resp.Header.Get("Content-Encoding") != "" {
								t.Errorf("header %v", resp.Header)
							}
							r.noToken(header)
						})
					})
				}
			}
		}
	}
}

func TestTokensInRedirectsAndFormsAreWithheld(t *testing.T) {
	cloud := must(demo.NewCloud())(t)
	defer cloud.Close()
	foreign := cloud.Mint(demo.Spec{Tenant: demo.Foreign.ID, Marker: answerMarker})
	home := cloud.Mint(demo.Spec{Marker: answerMarker})
	page := `<html><body><form method="post" action="https://app.example/"><input type="hidden" name="id_token" value="%s"></form></body></html>`
	redirect := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Location"] = []string{to}
			w.WriteHeader(302)
		}
	}
	form := func(token string) http.HandlerFunc {
		h, _ := issuer("text/html; charset=utf-8", "gzip", fmt.Sprintf(page, token))
		return h
	}
	for name, tt := range map[string]struct {
		answer   http.HandlerFunc
		withheld bool
	}{
		"fragment":       {redirect("https://app.example/#access_token=" + foreign + "&state=1"), true},
		"query":          {redirect("https://app.example/?id_token=" + foreign), true},
		"fragment, home": {redirect("https://app.example/#access_token=" + home), false},
		"code":           {redirect("https://app.example/?code=0.AC" + answerMarker), false},
		"form":           {form(foreign), true},
		"form, home":     {form(home), false},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, proto string) {
				r := newRig(t, at(site(t, proto, tt.answer)))
				resp := r.ask(proto, "/common/login", url.Values{"login": {"eve@fabrikam.com"}}, "Accept", "text/html,*/*")
				got := body(t, resp)
				if (resp.Header.Get("Tenantgate-Reason") == "external-account") != tt.withheld || (resp.StatusCode == 400) != tt.withheld {
					t.Errorf("%s %v", resp.Status, resp.Header)
				}
				if tt.withheld {
					if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html") {
						t.Errorf("a person gets %s", resp.Header.Get("Content-Type"))
					}
					r.noToken(got + fmt.Sprint(resp.Header))
				}
			})
		})
	}
}

func TestATokenAnswerThatNobodyCanReadFollowsTheSetting(t *testing.T) {
	zstd := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "zstd")
		_, _ = io.WriteString(w, "(\xb5/\xfd")
	}
	large := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"x":"`+strings.Repeat("a", 2<<20)+`"}`)
	}
	for name, h := range map[string]http.HandlerFunc{"unknown encoding": zstd, "too large": large} {
		for _, setting := range []policy.Setting{policy.Deny, policy.Allow} {
			t.Run(name+"/"+string(setting), func(t *testing.T) {
				r := newRig(t, at(site(t, "h1", h)), func(s *setup) { s.policy.Default.Unreadable = setting })
				resp := r.ask("h1", "/common/oauth2/v2.0/token", url.Values{"grant_type": {"refresh_token"}})
				body(t, resp)
				if blocked := resp.StatusCode == 400; blocked != (setting == policy.Deny) {
					t.Errorf("%s %v", resp.Status, resp.Header)
				}
				if blocked := resp.Header.Get("Tenantgate-Reason") == "uninspectable-body"; blocked != (setting == policy.Deny) {
					t.Errorf("%v", resp.Header)
				}
			})
		}
	}
}

func TestATokenAnswerThatIsCutOffIsNotPassedOn(t *testing.T) {
	r := newRig(t, at(site(t, "h1", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"access_token":"eyJ`+answerMarker)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})))
	resp := r.ask("h1", "/common/oauth2/v2.0/token", url.Values{"grant_type": {"refresh_token"}})
	if text := body(t, resp); resp.StatusCode != 502 || strings.Contains(text, answerMarker) {
		t.Errorf("%s: %s", resp.Status, text)
	}
}

// forgetful records everything but what was issued.
type forgetful struct{ *notebook }

func (f forgetful) Record(e *audit.Event) error {
	if e.Kind == audit.Tenant && strings.HasPrefix(e.Action, "token-") {
		return errors.New("disk full")
	}
	return f.notebook.Record(e)
}

func TestATokenThatCannotBeRecordedIsNotPassedOn(t *testing.T) {
	kept := newNotebook()
	r := newRig(t, func(s *setup) { s.server.Recorder = forgetful{kept} })
	resp := r.ask("h2", "/"+demo.Foreign.ID+"/oauth2/v2.0/token", password("alice@contoso.com"))
	text := body(t, resp)
	if resp.StatusCode != 400 || resp.Header.Get("Tenantgate-Reason") != "not-recorded" || !strings.Contains(text, "temporarily_unavailable") {
		t.Errorf("%s %v: %s", resp.Status, resp.Header, text)
	}
	if strings.Contains(text, "eyJ") {
		t.Error("the token is in it")
	}
	if id := resp.Header.Get("Tenantgate-Event"); len(kept.all(func(e audit.Event) bool { return e.ID == id })) != 1 {
		t.Errorf("event %s, which it names, was not kept", id)
	}
}

// A page is not kept from who waits for it, and what no token is in passes
// untouched: the request for it does not wait for the end of the answer.
func TestWhatIsNoTokenAnswerStreams(t *testing.T) {
	for name, contentType := range map[string]string{"json": "application/json", "script": "application/javascript", "stream": "text/event-stream"} {
		t.Run(name, func(t *testing.T) {
			more := make(chan struct{})
			r := newRig(t, at(site(t, "h1", func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", contentType)
				_, _ = io.WriteString(w, "first")
				_ = http.NewResponseController(w).Flush()
				<-more
			})))
			resp := must(r.client("h2").Get("https://" + signIn + "/common/discovery/v2.0/keys"))(t)
			got := make([]byte, 5)
			if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != "first" {
				t.Errorf("%q, %v", got, err)
			}
			close(more)
			resp.Body.Close()
		})
	}
}

// azidentity is MSAL for Go: what it says is what a developer sees.
func TestMSALShowsWhyATokenIsWithheld(t *testing.T) {
	each(t, func(t *testing.T, proto string) {
		r := newRig(t)
		credential, err := azidentity.NewClientSecretCredential(demo.Partner.ID, "99999999-0000-4000-8000-000000000001", "secret",
			&azidentity.ClientSecretCredentialOptions{ClientOptions: azcore.ClientOptions{Transport: r.client(proto), Retry: azpolicy.RetryOptions{MaxRetries: -1}}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = credential.GetToken(t.Context(), azpolicy.TokenRequestOptions{Scopes: []string{"https://graph.microsoft.com/.default"}})
		if err == nil || !strings.Contains(err.Error(), "access_denied") || !strings.Contains(err.Error(), "external-account") {
			t.Errorf("it shows %v", err)
		}
		r.noToken(fmt.Sprint(err))
	})
}
