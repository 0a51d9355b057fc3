package proxy_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/tokens"
)

// attempt is a row of Microsoft's means against an attempt, and what reading
// credentials adds to them.
type attempt struct {
	name, method, url string
	header            []string
	body              string
	change            func(*setup)
	reason, relation  string
	blocked           bool
}

// with returns a change of the default settings.
func with(f func(*policy.Defaults)) func(*setup) {
	return func(s *setup) { f(&s.policy.Default) }
}

// attempts are who may try what (Microsoft, tenant-restrictions and
// tenant-restrictions-v2 tell what their headers see of it): a row for each
// with what is done by default, and one with what a setting changes.
func attempts(mint func(demo.Spec) string) []attempt {
	const graph = "https://graph.microsoft.com/v1.0/me"
	bearer := func(s demo.Spec) []string { return []string{"Authorization: Bearer " + mint(s)} }
	ours, theirs := demo.Home.ID, demo.Foreign.ID
	guestThere := bearer(demo.Spec{Tenant: theirs, IDP: ours, User: "alice@contoso.com"})
	guestHere := bearer(demo.Spec{IDP: theirs, User: "grace@fabrikam.com"})
	outbound := with(func(d *policy.Defaults) { d.Outbound = policy.All(policy.Deny) })
	inbound := with(func(d *policy.Defaults) { d.Inbound = policy.All(policy.Deny) })
	strict := with(func(d *policy.Defaults) { d.Keys, d.Sessions = policy.Deny, policy.Deny })
	sas := "https://fabrikamdata.blob.core.windows.net/c/b?sv=2024-11-04&sig=c2ln%3D"
	pat := []string{"Authorization: Basic OnBhdA=="}
	cookie := []string{"Cookie: FedAuth=77u; rtFa=x"}
	key := []string{"Authorization: SharedKey fabrikamdata:c2ln"}
	arm := []string{"Content-Type: application/json", "Authorization: Bearer " + mint(demo.Spec{Audience: "https://management.azure.com"})}
	net := "https://management.azure.com" + network(demo.Home.Subscription)
	lighthouse := "https://management.azure.com/subscriptions/" + demo.Home.Subscription +
		"/providers/Microsoft.ManagedServices/registrationDefinitions/0a1b2c3d-0000-4000-8000-000000000001?api-version=2022-10-01"
	return []attempt{
		{"external account, external tenant: sign-in", "GET", "https://login.microsoftonline.com/fabrikam.com/oauth2/v2.0/authorize?client_id=x&login_hint=mallory%40fabrikam.com", nil, "", nil, "sign-in", "none", false},
		{"home account, guest in an external tenant", "GET", graph, guestThere, "", nil, "outbound-account", "outbound", false},
		{"home account, guest in an external tenant, outbound: block", "GET", graph, guestThere, "", outbound, "outbound-account", "outbound", true},
		{"external account, guest in the home tenant", "GET", graph, guestHere, "", nil, "inbound-account", "inbound", false},
		{"external account, guest in the home tenant, inbound: block", "GET", graph, guestHere, "", inbound, "inbound-account", "inbound", true},
		{"consumer application: a ticket", "GET", "https://api.onedrive.com/v1.0/drive", []string{"Authorization: Bearer EwBIA8l6BAAUabcdefghijklmnop"}, "", nil, "consumer-account", "consumer", true},
		{"consumer application: no structure to read", "GET", "https://api.onedrive.com/v1.0/drive", []string{"Authorization: Bearer 0123456789abcdef"}, "", nil, "unreadable-credential", "unreadable", true},
		{"consumer passthrough: the tenant of personal accounts", "GET", graph, bearer(demo.Spec{Tenant: demo.Consumer.ID}), "", nil, "consumer-account", "consumer", true},
		{"consumer passthrough: Microsoft Services", "GET", graph, bearer(demo.Spec{Tenant: string(tokens.Passthrough), IDP: demo.Consumer.ID, User: "sam@outlook.com"}), "", nil, "consumer-account", "consumer", true},
		{"external service principal", "GET", graph, bearer(demo.Spec{Tenant: theirs, AppOnly: true}), "", nil, "external-account", "external", true},
		{"replayed external token", "GET", graph, bearer(demo.Spec{Tenant: theirs}), "", nil, "external-account", "external", true},
		{"replayed external token, in a batch", "POST", "https://graph.microsoft.com/v1.0/$batch", arm, `{"requests":[{"url":"/me","headers":{"Authorization":"Bearer ` + mint(demo.Spec{Tenant: theirs}) + `"}}]}`, nil, "external-account", "external", true},
		{"shared access signature", "GET", sas, nil, "", nil, "external-key", "none", false},
		{"shared access signature, keys: block", "GET", sas, nil, "", strict, "external-key", "none", true},
		{"account key", "GET", "https://fabrikamdata.blob.core.windows.net/c/b", key, "", strict, "external-key", "none", true},
		{"personal access token", "GET", "https://dev.azure.com/fabrikam/_apis/projects", pat, "", nil, "external-key", "none", false},
		{"personal access token, keys: block", "GET", "https://dev.azure.com/fabrikam/_apis/projects", pat, "", strict, "external-key", "none", true},
		{"our own personal access token, keys: block", "GET", "https://dev.azure.com/contoso/_apis/projects", pat, "", strict, "no-credential", "none", false},
		{"cookies", "GET", "https://fabrikam.sharepoint.com/", cookie, "", nil, "external-session", "none", false},
		{"cookies, sessions: block", "GET", "https://fabrikam.sharepoint.com/", cookie, "", strict, "external-session", "none", true},
		{"our own cookies, sessions: block", "GET", "https://contoso.sharepoint.com/", cookie, "", strict, "no-credential", "none", false},
		{"anyone-link", "GET", "https://fabrikam.sharepoint.com/:w:/g/personal/eve/EXabc", nil, "", nil, "anonymous-link", "none", true},
		{"anonymous meeting", "GET", "https://teams.microsoft.com/l/meetup-join/19/0?context=%7B%22Tid%22%3A%22" + theirs + "%22%7D&anon=true", nil, "", nil, "anonymous-link", "none", true},
		{"our own meeting", "GET", "https://teams.microsoft.com/l/meetup-join/19/0?context=%7B%22Tid%22%3A%22" + ours + "%22%7D&anon=true", nil, "", nil, "no-credential", "none", false},
		{"external form", "GET", "https://forms.office.com/Pages/ResponsePage.aspx?id=MzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzMzM", nil, "", nil, "anonymous-link", "none", true},
		{"link: peering with an external tenant", "PUT", net + "/virtualNetworkPeerings/p?api-version=2024-05-01", arm, peeringTo(demo.Foreign.Subscription), nil, "link-external", "none", true},
		{"link: peering inside", "PUT", net + "/virtualNetworkPeerings/p?api-version=2024-05-01", arm, peeringTo(demo.Home.Subscription), nil, "home-account", "home", false},
		{"link: Lighthouse", "PUT", lighthouse, arm, `{"properties":{"managedByTenantId":"` + theirs + `","authorizations":[]}}`, nil, "link-external", "none", true},
	}
}

// What the tag cannot see, reading credentials does: each attempt, in every
// protocol, with what is recorded of it.
func TestWhatBlocksWhat(t *testing.T) {
	each(t, func(t *testing.T, proto string) {
		for _, a := range attempts(new(demo.Cloud).Mint) {
			t.Run(a.name, func(t *testing.T) {
				changes := []func(*setup){withOwner, withDirectory(t)}
				if a.change != nil {
					changes = append(changes, a.change)
				}
				r := newRig(t, changes...)
				s := &shape{file: a.name, method: a.method, url: a.url, header: a.header}
				if a.body != "" {
					s.body = []string{a.body}
				}
				status, reason, id := r.sendShape(t, r.client(proto), s, strings.NewReplacer(), "row")
				want := ""
				if a.blocked {
					want = a.reason
				}
				if reason != want || a.blocked && status != http.StatusForbidden {
					t.Errorf("%d %q, want %q", status, reason, want)
				}
				e := r.events.wait(t, func(e audit.Event) bool { return e.RequestID == "row" && (!a.blocked || e.ID == id) })
				if e.Reason != a.reason || e.Relation != a.relation || e.Denied != a.blocked {
					t.Errorf("recorded %q, %q, denied %v", e.Reason, e.Relation, e.Denied)
				}
				if arrived := slices.ContainsFunc(r.cloud.Seen(), func(s demo.Seen) bool { return s.Header.Get("Client-Request-Id") == "row" }); arrived == a.blocked {
					t.Errorf("arrived: %v", arrived)
				}
			})
		}
	})
}

// The first row's other half: what Entra refuses by our tag is told.
func TestASignInToAnExternalTenantIsRefusedByTheTag(t *testing.T) {
	r := newRig(t)
	req := must(http.NewRequest("GET", "https://"+signIn+"/fabrikam.com/oauth2/v2.0/authorize?client_id=x&login_hint=mallory%40fabrikam.com", nil))(t)
	page := body(t, must(r.client("h2").Do(req))(t))
	if !strings.Contains(page, "5000211") || len(r.arrived().Tags()) != 1 {
		t.Errorf("tags %q, page %.200s", r.arrived().Tags(), page)
	}
	if e := r.events.wait(t, isAccess("")); !e.Entra.Blocked {
		t.Errorf("%+v", e.Entra)
	}
}
