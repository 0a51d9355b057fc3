package proxy_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/proxy"
	"github.com/tenantgate/tenantgate/proxy/proxytest"
)

// The markers stand in credentials that may not arrive, whatever carries them.
const (
	foreignMarker  = "MARKER-foreign-9c1f"
	consumerMarker = "MARKER-consumer-9c1f"
)

// refusing are the reasons that refuse with the default policy.
var refusing = []string{"external-account", "consumer-account", "unreadable-credential"}

// column is one credential in every form that carriers have it in.
type column struct{ name, token, assertion string }

func columns(c *demo.Cloud) []column {
	assertion := func(tenant, provider, marker string) string {
		claim := `<Attribute Name="http://schemas.microsoft.com/identity/claims/identityprovider"><AttributeValue>%s</AttributeValue></Attribute>`
		return `<Response><Issuer>https://sts.windows.net/` + tenant + `/</Issuer><Assertion><Issuer>https://sts.windows.net/` + tenant + `/</Issuer><Signature>` +
			marker + `</Signature><AttributeStatement>` + fmt.Sprintf(claim, provider) + `</AttributeStatement></Assertion></Response>`
	}
	issuer := func(tenant string) string { return "https://sts.windows.net/" + tenant + "/" }
	home, foreign := demo.Home.ID, demo.Foreign.ID
	return []column{
		{"home", c.Mint(demo.Spec{}), assertion(home, issuer(home), "")},
		{"foreign", c.Mint(demo.Spec{Tenant: foreign, Marker: foreignMarker}), assertion(foreign, issuer(foreign), foreignMarker)},
		{"consumer", c.Mint(demo.Spec{Tenant: demo.Consumer.ID, Marker: consumerMarker}), assertion(foreign, "live.com", consumerMarker)},
		{"guest in", c.Mint(demo.Spec{IDP: foreign, User: "grace@fabrikam.com"}), assertion(home, issuer(foreign), "")},
		{"guest out", c.Mint(demo.Spec{Tenant: foreign, IDP: home, User: "alice@contoso.com"}), assertion(foreign, issuer(home), "")},
		{"opaque", "opaque-0123456789abcdef0123456789abcdef", "AAAA"},
		{"malformed", "eyJhbGciOiJub25lIn0.eyJ0aWQiOiMARKER.x", strings.TrimSuffix(assertion(home, "", ""), "</Response>") + "<x a="},
	}
}

func (c column) filler(cloud *demo.Cloud) *strings.Replacer {
	b64 := base64.StdEncoding.EncodeToString
	encoded := ""
	for i := range len(c.token) {
		encoded += fmt.Sprintf("%%%02x", c.token[i])
	}
	inner := cloud.Sign([]byte(`{"at":"` + c.token + `","ts":1,"m":"GET","u":"graph.microsoft.com"}`))
	return strings.NewReplacer(
		"{token}", c.token, "{home}", cloud.Mint(demo.Spec{}), "{enc}", encoded, "{basic}", b64([]byte("user:"+c.token)),
		"{k8s}", encode(c.token), "{pop}", inner, "{actor}", cloud.Mint(demo.Spec{Claims: map[string]any{"actortoken": c.token}}),
		"{saml}", url.QueryEscape(b64([]byte(c.assertion))), "{samlxml}", url.QueryEscape(c.assertion),
	)
}

// carried is one request of a table and what must become of it.
type carried struct {
	id, reason string
	blocked    bool
}

// send sends the request of a shape, and returns its id and the reason of its refusal.
func (r *rig) sendShape(t *testing.T, client *http.Client, s *shape, fill *strings.Replacer, id string) (status int, reason, event string) {
	t.Helper()
	req, _ := s.request(t, fill)
	req.Header.Set("Client-Request-Id", id)
	resp, err := client.Transport.(tidy).Transport.RoundTrip(req)
	if err != nil {
		t.Fatalf("%s:%d: %v", s.file, s.lineOfSource, err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatalf("%s:%d: read answer: %v", s.file, s.lineOfSource, err)
	}
	return resp.StatusCode, resp.Header.Get("Tenantgate-Reason"), resp.Header.Get("Tenantgate-Event")
}

// settle compares everything that was sent with what arrived and what was
// recorded.
func (r *rig) settle(t *testing.T, sent []carried) {
	t.Helper()
	arrived := map[string]bool{}
	for _, s := range r.cloud.Seen() {
		arrived[s.Header.Get("Client-Request-Id")] = true
	}
	recorded := map[string]audit.Event{}
	for _, e := range r.events.all(func(audit.Event) bool { return true }) {
		if known, ok := recorded[e.RequestID]; !ok || known.Kind == audit.Access {
			recorded[e.RequestID] = e
		}
	}
	for _, c := range sent {
		e := recorded[c.id]
		if e.Reason != c.reason || e.Denied != c.blocked {
			t.Errorf("%s: recorded %q, denied %v, want %q, %v", c.id, e.Reason, e.Denied, c.reason, c.blocked)
		}
		if arrived[c.id] == c.blocked {
			t.Errorf("%s: arrived %v, blocked %v", c.id, arrived[c.id], c.blocked)
		}
	}
}

func withOwner(s *setup) {
	before := s.rules
	s.rules = func(r *proxy.Rules) { before(r); r.Owner = proxytest.Owner }
}

// Every carrier, with every credential, over either protocol.
func TestEveryCarrierIsJudgedByWhoseCredentialItCarries(t *testing.T) {
	shapes := append(readShapes(t, "testdata/carriers/judged.txt"), readShapes(t, "testdata/carriers/saml.txt")...)
	each(t, func(t *testing.T, proto string) {
		r := newRig(t, withOwner)
		r.cloud.KeepBytes()
		client := r.client(proto)
		cols := columns(r.cloud)
		var sent []carried
		var secrets []string
		for i, c := range cols {
			fill := c.filler(r.cloud)
			secrets = append(secrets, c.token)
			for _, s := range shapes {
				if len(s.want) != len(cols) {
					t.Fatalf("%s:%d: %d words, want %d", s.file, s.lineOfSource, len(s.want), len(cols))
				}
				id := fmt.Sprintf("%s:%d/%s", s.file[len("testdata/carriers/"):], s.lineOfSource, c.name)
				want := carried{id: id, reason: s.want[i], blocked: slices.Contains(refusing, s.want[i])}
				status, reason, event := r.sendShape(t, client, s, fill, id)
				switch {
				case want.blocked && (status != http.StatusForbidden || reason != want.reason || event == ""):
					t.Errorf("%s: %d %q, want a refusal for %s", id, status, reason, want.reason)
				case !want.blocked && reason != "":
					t.Errorf("%s: refused for %s, want it to pass as %s", id, reason, want.reason)
				}
				sent = append(sent, want)
			}
		}
		r.settle(t, sent)
		r.keepsOut(t, secrets)
	})
}

// keepsOut fails if a byte of a foreign credential reached an origin, or any
// credential an event.
func (r *rig) keepsOut(t *testing.T, secrets []string) {
	t.Helper()
	for _, marker := range []string{foreignMarker, consumerMarker} {
		if r.cloud.SawBytes(marker) {
			t.Errorf("%s reached an origin", marker)
		}
	}
	for _, e := range r.events.all(func(audit.Event) bool { return true }) {
		line := string(e.JSON(audit.Observer{}))
		for _, secret := range secrets {
			if strings.Contains(line, secret) || strings.Contains(line, secret[len(secret)/2:]) && len(secret) > 60 {
				t.Fatalf("a credential is in an event: %s", e.RequestID)
			}
		}
	}
}

// What names no account is judged by its host.
func TestWhatNamesNoAccountIsJudgedByItsHost(t *testing.T) {
	shapes := readShapes(t, "testdata/carriers/nameless.txt")
	strict := func(s *setup) { s.policy.Default.Keys, s.policy.Default.Sessions = policy.Deny, policy.Deny }
	each(t, func(t *testing.T, proto string) {
		for i, c := range []struct {
			host   string
			change []func(*setup)
		}{
			{"contoso", nil}, {"fabrikam", nil}, {"unknown", nil},
			{"fabrikam", []func(*setup){strict}}, {"unknown", []func(*setup){strict}},
		} {
			t.Run(fmt.Sprintf("%s %d", c.host, i), func(t *testing.T) {
				r := newRig(t, append(c.change, withOwner)...)
				r.cloud.KeepBytes()
				client := r.client(proto)
				fill := strings.NewReplacer("{host}", c.host, "{pat}", base64.StdEncoding.EncodeToString([]byte(":personalaccesstoken0123456789")),
					"{registry}", r.cloud.Sign([]byte(`{"iss":"Azure Container Registry","aud":"x.azurecr.io","grant_type":"refresh_token"}`)),
					"{devops}", r.cloud.Sign([]byte(`{"iss":"app.vstoken.visualstudio.com","aud":"app.vstoken.visualstudio.com|vso:x"}`)))
				var sent []carried
				for _, s := range shapes {
					word, blocked := strings.CutSuffix(s.want[i], "!")
					want := carried{id: fmt.Sprintf("nameless:%d", s.lineOfSource), reason: word, blocked: blocked}
					_, reason, _ := r.sendShape(t, client, s, fill, want.id)
					if (reason != "") != blocked || blocked && reason != word {
						t.Errorf("%s %s: refused for %q, want %s", want.id, s.url, reason, s.want[i])
					}
					sent = append(sent, want)
				}
				r.settle(t, sent)
			})
		}
	})
}
