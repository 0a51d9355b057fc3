package policy

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantgate/tenantgate/setting"
	"github.com/tenantgate/tenantgate/tokens"
)

func TestEveryBadListIsNamedAtOnce(t *testing.T) {
	cfg := Default()
	cfg.Default.Outbound = Access{Users: Targets{Allow: []string{}}}
	cfg.Default.TenantRestrictions = Access{Users: Targets{Setting: "maybe"}, Applications: Targets{Block: []string{app, AllMicrosoftApps}}}
	cfg.Partners = []Partner{
		{Tenant: string(partner), Outbound: Access{Users: Targets{Allow: []string{ann, "alice@contoso.com"}}, Applications: Targets{Allow: []string{app}, Block: []string{app}}}},
		{Tenant: string(external), TenantRestrictions: Access{Applications: Targets{Allow: []string{Office365, "office365"}}}, Applications: []string{app}},
	}
	_, err := New(cfg, home, false, testHosts, nil)
	var got []string
	for _, e := range setting.List(err) {
		got = append(got, e.(*setting.Error).Path)
	}
	want := []string{
		"default.tenant_restrictions.users", "default.tenant_restrictions.applications.block[1]", "default.outbound.users",
		"partners[0].outbound.applications", "partners[0].outbound.users.allow[1]",
		"partners[1].tenant_restrictions.applications.allow[1]", "partners[1].applications",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestAnApplicationIsKnownInEveryFormThatTokensNameItBy(t *testing.T) {
	for claim, want := range map[string]string{
		app: app, app + "/": app, "spn:" + app: app, "api://" + app + "/scope": app, "API://" + app: app,
		sharePoint + "/fabrikam.sharepoint.com@" + string(external): sharePoint,
		"https://graph.microsoft.com":                               graph, "https://graph.microsoft.com/": graph, "HTTPS://Graph.Microsoft.com:443/x": graph,
		"https://fabrikam.sharepoint.com": sharePoint, "https://fabrikam-my.sharepoint.com/": sharePoint,
		"https://analysis.windows.net/powerbi/api": powerBI,
		"": "", "https://": "", "https://graph.microsoft.com.evil.example": "", "https://evilsharepoint.com": "", "https://sharepoint.com": "",
		"https://graph.micro\u017foft.com": "", "https://evilgraph.microsoft.com": "", "https:///x.sharepoint.com": "", "xttps://graph.microsoft.com": "", "graph.microsoft.com": "",
		"urn:uuid:" + app: "", "spn:api://" + app: "", "12345678-90ab-cdef-ABCD-EF9876543210": "12345678-90ab-cdef-ABCD-EF9876543210",
		"55555555a5555-5555-5555-555555555555": "", "55555555-5555a5555-5555-555555555555": "", "55555555-5555-5555a5555-555555555555": "",
		"55555555-5555-5555-5555a555555555555": "", "55555555-5555-5555-5555-55555555555:": "", "55555555-5555-5555-5555-55555555555@": "",
		"55555555-5555-5555-5555-55555555555.": "", "55555555-5555-5555-5555-55555555555/": "",
		"http://graph.microsoft.com": "", app + "x": "", "api://contoso.com/app": "", "55555555-5555-5555-5555-55555555555g": "",
	} {
		if got := applicationID(claim); got != want {
			t.Errorf("applicationID(%q) = %q, want %q", claim, got, want)
		}
	}
}

// A made-up ID of Microsoft's form would be let through by a list of all its
// applications; an ordinary one must not.
func TestOnlyReservedAndListedIDsAreMicrosofts(t *testing.T) {
	for id, want := range map[string]bool{
		graph: true, "00000012-0000-0000-c000-000000000000": true, teams: true, "1950A258-227b-4e31-a9cf-717495945fc2": true,
		app: false, other: false, "00000003-0000-0000-c000-000000000001": false, "10000003-0000-0000-c000-000000000000": false,
	} {
		if ofMicrosoft(id) != want {
			t.Errorf("ofMicrosoft(%s) = %v", id, !want)
		}
	}
	for _, id := range append(append([]string{}, officeApps...), microsoftApps...) {
		if c, ok := tokens.ParseTenant(id); !ok || string(c) != id {
			t.Errorf("the table has %q, which is no ID in lower case", id)
		}
	}
}

func TestDecidingByListsAllocatesNothing(t *testing.T) {
	p := build(t, "p.tenant_restrictions.users=allow:ann+bob,p.tenant_restrictions.applications=allow:Office365+AllMicrosoftApps+app,outbound.applications=block:Office365")
	r := Request{Plane: Data, Tokens: []*tokens.Token{
		credentials["partner-ann-app"], credentials["partner-exchange"], credentials["outbound-other"], credentials["partner-hidden"], credentials["external"],
	}}
	if n := testing.AllocsPerRun(100, func() { p.DecideRequest(r) }); n != 0 {
		t.Errorf("%v allocations a decision", n)
	}
}

func TestEveryVerdictOnAnAccountNamesItsRule(t *testing.T) {
	p := build(t, "p.outbound=block")
	for name, c := range credentials {
		v := p.DecideRequest(Request{Plane: Data, Owner: external, Tokens: []*tokens.Token{c}})
		if (v.Rule == "") != (v.Reason == HomeAccount) {
			t.Errorf("%s: %s by %q", name, v.Reason, v.Rule)
		}
	}
}

func BenchmarkDecideByLists(b *testing.B) {
	p := build(b, "p.tenant_restrictions.applications=allow:AllMicrosoftApps+app")
	r := Request{Plane: Data, Tokens: []*tokens.Token{credentials["partner-arm"]}}
	b.ReportAllocs()
	for b.Loop() {
		p.DecideRequest(r)
	}
}
