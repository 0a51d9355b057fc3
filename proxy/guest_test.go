package proxy_test

import (
	"html"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/policy"
)

// visitor is a browser: it follows nothing by itself and sends no credential
// but the cookies that it was given.
type visitor struct {
	t      *testing.T
	client *http.Client
	cookie string
}

func (v *visitor) ask(method, target string, form url.Values) (*http.Response, string) {
	v.t.Helper()
	r := must(http.NewRequest(method, target, strings.NewReader(form.Encode())))(v.t)
	r.Header.Set("Accept", "text/html")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if v.cookie != "" {
		r.Header.Set("Cookie", v.cookie)
	}
	resp := must(v.client.Do(r))(v.t)
	return resp, body(v.t, resp)
}

// form reads the hidden fields of a page, and where it goes.
func form(page string) (action string, fields url.Values) {
	fields = url.Values{}
	_, rest, _ := strings.Cut(page, `action="`)
	action, _, _ = strings.Cut(rest, `"`)
	for part := range strings.SplitSeq(page, `<input type="hidden" name="`) {
		name, rest, ok := strings.Cut(part, `" value="`)
		if value, _, closed := strings.Cut(rest, `"`); ok && closed {
			fields.Set(name, html.UnescapeString(value))
		}
	}
	return html.UnescapeString(action), fields
}

// signsIn visits a foreign tenant's site as somebody who was never there, and
// returns the answer to the sign-in page's form.
func (v *visitor) signsIn(user string) (*http.Response, string) {
	v.t.Helper()
	first, _ := v.ask("GET", "https://fabrikam.sharepoint.com/sites/project", nil)
	if first.StatusCode != http.StatusFound || first.Header.Get("Tenantgate-Reason") != "" {
		v.t.Fatalf("the first visit: %s, %s", first.Status, first.Header.Get("Tenantgate-Reason"))
	}
	at := first.Header.Get("Location")
	if !strings.HasPrefix(at, "https://"+signIn+"/"+demo.Foreign.ID+"/") {
		v.t.Fatalf("the first visit leads to %s", at)
	}
	page, text := v.ask("GET", at, nil)
	if page.StatusCode != http.StatusOK {
		v.t.Fatalf("the sign-in page: %s", page.Status)
	}
	action, fields := form(text)
	fields.Set("login", user)
	fields.Set("passwd", "right")
	return v.ask("POST", "https://"+signIn+action, fields)
}

func TestAPermittedGuestsFirstVisitLeadsToSignIn(t *testing.T) {
	each(t, func(t *testing.T, proto string) {
		r := newRig(t, withOwner)
		v := &visitor{t: t, client: r.client(proto)}
		answer, text := v.signsIn("alice@contoso.com")
		if answer.StatusCode != http.StatusOK || answer.Header.Get("Tenantgate-Reason") != "" {
			t.Fatalf("signed in: %s, %s", answer.Status, answer.Header.Get("Tenantgate-Reason"))
		}
		issued := r.events.wait(t, func(e audit.Event) bool { return e.Action == "token-issued" })
		if issued.Relation != string(policy.Outbound) || issued.ResourceTenant != demo.Foreign.ID {
			t.Errorf("issued: %+v", issued)
		}
		action, fields := form(text)
		session, _ := v.ask("POST", action, fields)
		if session.StatusCode != http.StatusFound || len(session.Cookies()) == 0 {
			t.Fatalf("back at the site: %s, %s", session.Status, session.Header.Get("Tenantgate-Reason"))
		}
		for _, c := range session.Cookies() {
			v.cookie += c.Name + "=" + c.Value + "; "
		}
		site, text := v.ask("GET", "https://fabrikam.sharepoint.com/", nil)
		if site.StatusCode != http.StatusOK || !strings.Contains(text, demo.Foreign.Name) {
			t.Errorf("the site: %s %.100s", site.Status, text)
		}
		r.events.wait(t, func(e audit.Event) bool { return e.Reason == string(policy.ExternalSession) && !e.Denied })
	})
}

func TestAGuestWhomPolicyRefusesGetsNoToken(t *testing.T) {
	each(t, func(t *testing.T, proto string) {
		r := newRig(t, withOwner, func(s *setup) {
			s.policy.Partners = []policy.Partner{{Tenant: demo.Foreign.ID, Outbound: policy.All(policy.Deny)}}
		})
		answer, text := (&visitor{t: t, client: r.client(proto)}).signsIn("alice@contoso.com")
		if answer.Header.Get("Tenantgate-Reason") != string(policy.OutboundAccount) || strings.Contains(text, "eyJ") {
			t.Errorf("%s, %s: %.100s", answer.Status, answer.Header.Get("Tenantgate-Reason"), text)
		}
	})
}

func TestAForeignAccountsFirstVisitEndsAtTheSignInPage(t *testing.T) {
	r := newRig(t, withOwner)
	_, text := (&visitor{t: t, client: r.client("h2")}).signsIn("mallory@fabrikam.com")
	if !strings.Contains(text, "5000211") || strings.Contains(text, "eyJ") {
		t.Errorf("%.300s", text)
	}
}
