package proxy_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/policy"
)

// ordinary fills in credentials of our own accounts, and of a guest here.
func ordinary(c *demo.Cloud) *strings.Replacer {
	b64 := base64.StdEncoding.EncodeToString
	home := demo.Home.ID
	identity := c.Mint(demo.Spec{Audience: "00000002-0000-0ff1-ce00-000000000000"})
	assertion := `<Response><Issuer>https://sts.windows.net/` + home + `/</Issuer><Assertion><Issuer>https://sts.windows.net/` + home + `/</Issuer></Assertion></Response>`
	federated := `<t:RequestSecurityTokenResponse><saml:Assertion Issuer="http://adfs.contoso.com/adfs/services/trust"/></t:RequestSecurityTokenResponse>`
	registry := c.Sign([]byte(`{"iss":"Azure Container Registry","aud":"contoso.azurecr.io","grant_type":"refresh_token"}`))
	return strings.NewReplacer(
		"{home}", c.Mint(demo.Spec{}), "{homev1}", c.Mint(demo.Spec{V1: true}), "{homeid}", identity,
		"{app}", c.Mint(demo.Spec{AppOnly: true}), "{guest}", c.Mint(demo.Spec{IDP: demo.Foreign.ID, User: "grace@fabrikam.com"}),
		"{arm}", c.Mint(demo.Spec{Audience: "https://management.azure.com", V1: true}), "{sub}", demo.Home.Subscription,
		"{skype}", c.Mint(demo.Spec{Claims: map[string]any{"skypeid": "orgid:0a1b", "aud": nil}}),
		"{pat}", b64([]byte(":abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrst")), "{registry}", registry,
		"{basicregistry}", b64([]byte("00000000-0000-0000-0000-000000000000:"+registry)),
		"{devops}", c.Sign([]byte(`{"iss":"app.vstoken.visualstudio.com","nameid":"0a1b","scp":"app_token"}`)),
		"{tempauth}", encode(`{"site":"x","aud":"00000003-0000-0ff1-ce00-000000000000/contoso.sharepoint.com@`+home+`","exp":"4102444800"}`),
		"{prt}", c.Sign([]byte(`{"refresh_token":"0.AX","is_primary":"true","request_nonce":"x"}`)),
		"{assertion}", c.Sign([]byte(`{"iss":"x","sub":"x","aud":"https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token"}`)),
		"{saml}", url.QueryEscape(b64([]byte(assertion))), "{wresult}", url.QueryEscape(federated),
		"{samlrequest}", url.QueryEscape(b64([]byte(`<AuthnRequest><Issuer>https://app.contoso.com</Issuer></AuthnRequest>`))),
		"{guidx}", "%7B0a1b2c3d%7D", "{0a1b}", "0a1b",
	)
}

// distinct is what makes a request another one: everything but the values of
// its parameters.
func (s *shape) distinct() string {
	target, query, _ := strings.Cut(s.url, "?")
	var names []string
	for pair := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		names = append(names, name)
	}
	for _, line := range s.header {
		name, _, _ := strings.Cut(line, ":")
		names = append(names, name)
		if strings.EqualFold(name, "content-type") || strings.EqualFold(name, "content-encoding") || strings.EqualFold(name, "x-requesttype") {
			names = append(names, line)
		}
	}
	slices.Sort(names)
	return fmt.Sprint(s.method, target, names, s.body)
}

func ordinaryShapes(t *testing.T) []*shape {
	t.Helper()
	files, err := filepath.Glob("testdata/benign/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	var list []*shape
	known := map[string]*shape{}
	for _, file := range files {
		for _, s := range readShapes(t, file) {
			if other := known[s.distinct()]; other != nil {
				t.Errorf("%s:%d is %s:%d again", s.file, s.lineOfSource, other.file, other.lineOfSource)
			}
			known[s.distinct()] = s
			list = append(list, s)
		}
	}
	if len(list) < 500 {
		t.Errorf("%d shapes, want 500", len(list))
	}
	return list
}

// What people and programs of our own do all day passes, byte for byte. Of a
// foreign tenant there are first visits without an account alone.
func TestOrdinaryWorkIsNeverRefused(t *testing.T) {
	shapes := ordinaryShapes(t)
	each(t, func(t *testing.T, proto string) {
		r := newRig(t, withOwner, withDirectory(t))
		client, fill := r.client(proto), ordinary(r.cloud)
		wrong := 0
		for _, s := range shapes {
			id := fmt.Sprintf("%s:%d", filepath.Base(s.file), s.lineOfSource)
			_, sent := s.request(t, fill)
			r.cloud.Reset()
			status, reason, _ := r.sendShape(t, client, s, fill, id)
			if reason != "" {
				wrong++
				t.Errorf("%s: %s %s: %d, refused for %s", id, s.method, s.url, status, reason)
				continue
			}
			seen := r.cloud.Seen()
			if len(seen) == 0 || !bytes.Equal(seen[len(seen)-1].Body, sent) || seen[len(seen)-1].Method != s.method {
				wrong++
				t.Errorf("%s: %s %s did not arrive as it was sent", id, s.method, s.url)
			}
		}
		for _, e := range r.events.all(func(e audit.Event) bool {
			return e.Denied || e.Relation == string(policy.External) || e.Relation == string(policy.Unreadable) || e.Relation == string(policy.Consumer)
		}) {
			t.Errorf("%s: recorded as %s, %s", e.RequestID, e.Reason, e.Relation)
		}
		t.Logf("scorecard: benign request shapes not refused, %s: %d of %d", proto, len(shapes)-wrong, len(shapes))
	})
}
