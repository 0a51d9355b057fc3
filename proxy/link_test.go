package proxy_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/directory"
	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/links"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/proxy"
	"github.com/tenantgate/tenantgate/tokens"
)

const armHost = "management.azure.com"

// withDirectory lets the proxy ask the demo cloud whose subscriptions and
// domains are, over the same guarded way as everything else.
func withDirectory(t *testing.T) func(*setup) {
	return func(s *setup) {
		before := s.rules
		s.rules = func(r *proxy.Rules) {
			before(r)
			d := must(directory.New(directory.Config{Transport: r.HTTP}))(t)
			r.Subscription = func(ctx context.Context, id string) tokens.Tenant {
				tenant, _ := d.Subscription(ctx, id)
				return tokens.Tenant(tenant)
			}
			r.Owner = func(ctx context.Context, n hosts.Name) tokens.Tenant {
				tenant, _ := d.Host(ctx, n)
				return tokens.Tenant(tenant)
			}
			r.Domain = func(ctx context.Context, domain string) tokens.Tenant {
				tenant, _ := d.Domain(ctx, domain)
				return tokens.Tenant(tenant)
			}
		}
	}
}

func network(subscription string) string {
	return "/subscriptions/" + subscription + "/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/hub"
}

func peeringTo(subscription string) string {
	return fmt.Sprintf(`{"properties":{"allowVirtualNetworkAccess":true,"remoteVirtualNetwork":{"id":%q}}}`, network(subscription))
}

// unowned is a subscription that Resource Manager does not know.
const unowned = "dddddddd-9999-4999-8999-999999999999"

// linkCase is a request and what becomes of it.
type linkCase struct {
	method, url, body string
	verdict           string // reason, or "" where it passes without evidence of a link
	blocked           bool
	tenant            string // of the foreign end, in the event
}

func linkCases() map[string]linkCase {
	ours, theirs := demo.Home.Subscription, demo.Foreign.Subscription
	arm := "https://" + armHost
	peering := arm + network(ours) + "/virtualNetworkPeerings/to-spoke?api-version=2024-05-01"
	deployment := arm + "/subscriptions/" + ours + "/resourceGroups/net/providers/Microsoft.Resources/deployments/d?api-version=2022-09-01"
	template := `{"properties":{"mode":"Incremental","template":{"resources":[{"type":"Microsoft.Network/virtualNetworks/virtualNetworkPeerings","name":"hub/p","properties":{"remoteVirtualNetwork":{"id":%q}}}]}}}`
	graph := "https://" + restricted + "/v1.0/invitations"
	storage := "/subscriptions/" + ours + "/resourceGroups/app/providers/Microsoft.Storage/storageAccounts/s"
	return map[string]linkCase{
		"own peering":               {"PUT", peering, peeringTo(ours), "", false, ""},
		"foreign peering":           {"PUT", peering, peeringTo(theirs), "link-external", true, demo.Foreign.ID},
		"unknown peering":           {"PUT", peering, peeringTo(unowned), "link-unknown", true, ""},
		"unreadable peering":        {"PUT", peering, `{"properties":`, "link-unreadable", true, ""},
		"peering by its path alone": {"GET", peering, "", "", false, ""},
		"foreign inline":            {"PUT", arm + network(ours), `{"properties":{"virtualNetworkPeerings":[{"name":"p",` + peeringTo(theirs)[1:] + `]}}`, "link-external", true, demo.Foreign.ID},
		"foreign in a template":     {"PUT", deployment, fmt.Sprintf(template, network(theirs)), "link-external", true, demo.Foreign.ID},
		"own in a template":         {"PUT", deployment, fmt.Sprintf(template, "[resourceId('Microsoft.Network/virtualNetworks', 'spoke')]"), "", false, ""},
		"linked template":           {"PUT", deployment, `{"properties":{"templateLink":{"uri":"https://x.example/t.json"}}}`, "link-unknown", false, ""},
		"foreign in a batch":        {"POST", arm + "/batch?api-version=2020-06-01", fmt.Sprintf(`{"requests":[{"httpMethod":"PUT","url":%q,"content":%s}]}`, peering, peeringTo(theirs)), "link-external", true, demo.Foreign.ID},
		"Lighthouse":                {"PUT", arm + "/subscriptions/" + ours + "/providers/Microsoft.ManagedServices/registrationDefinitions/x", fmt.Sprintf(`{"properties":{"managedByTenantId":%q}}`, demo.Foreign.ID), "link-external", true, demo.Foreign.ID},
		"foreign private endpoint":  {"PUT", arm + strings.Replace(network(ours), "virtualNetworks/hub", "privateEndpoints/e", 1), fmt.Sprintf(`{"properties":{"privateLinkServiceConnections":[{"properties":{"privateLinkServiceId":%q}}]}}`, network(theirs)), "link-external", false, demo.Foreign.ID},
		"guest":                     {"POST", graph, `{"invitedUserEmailAddress":"grace@fabrikam.com","inviteRedirectUrl":"https://x.example"}`, "link-external", false, demo.Foreign.ID},
		"partner removed":           {"DELETE", "https://" + restricted + "/v1.0/policies/crossTenantAccessPolicy/partners/" + demo.Foreign.ID, "", "link-external", false, demo.Foreign.ID},
		"keys":                      {"POST", arm + storage + "/listKeys", "", "link-external", false, ""},
		"signature":                 {"POST", arm + storage + "/listAccountSas", `{"signedServices":"b"}`, "link-external", false, ""},
		"foreign vault":             {"PUT", arm + storage, `{"properties":{"encryption":{"keyvaultproperties":{"keyvaulturi":"https://fabrikam.vault.azure.net"}}}}`, "link-external", false, demo.Foreign.ID},
		"own vault":                 {"PUT", arm + storage, `{"properties":{"encryption":{"keyvaultproperties":{"keyvaulturi":"https://contoso.vault.azure.net"}}}}`, "", false, ""},
		"foreign circuit":           {"PUT", arm + strings.Replace(network(ours), "virtualNetworks/hub", "connections/c", 1), fmt.Sprintf(`{"properties":{"authorizationKey":"k","peer":{"id":%q}}}`, network(theirs)), "link-external", false, demo.Foreign.ID},
		"circuit's key":             {"PUT", arm + strings.Replace(network(ours), "virtualNetworks/hub", "expressRouteCircuits/c/authorizations/a", 1), "{}", "link-external", false, ""},
		"role of a user":            {"PUT", arm + "/subscriptions/" + ours + "/providers/Microsoft.Authorization/roleAssignments/x", `{"properties":{"principalId":"55555555-5555-4555-8555-555555555555","principalType":"User"}}`, "link-unknown", false, ""},
		"foreign network interface": {"PUT", arm + strings.Replace(network(ours), "virtualNetworks/hub", "networkInterfaces/n", 1), fmt.Sprintf(`{"properties":{"subnet":{"id":%q}}}`, network(theirs)), "link-external", false, demo.Foreign.ID},
		"own network interface":     {"PUT", arm + strings.Replace(network(ours), "virtualNetworks/hub", "networkInterfaces/n", 1), fmt.Sprintf(`{"properties":{"subnet":{"id":%q}}}`, network(ours)), "", false, ""},
		"colleague":                 {"POST", graph, `{"invitedUserEmailAddress":"bob@contoso.com","inviteRedirectUrl":"https://x.example"}`, "", false, ""},
	}
}

func TestALinkToAnotherTenantIsJudged(t *testing.T) {
	r := newRig(t, withDirectory(t))
	for name, c := range linkCases() {
		for _, proto := range []string{"h1", "h2"} {
			t.Run(name+" "+proto, func(t *testing.T) { r.judgeLink(t, proto, c) })
		}
	}
}

func (r *rig) judgeLink(t *testing.T, proto string, c linkCase) {
	marker := audit.NewID()
	req := must(http.NewRequest(c.method, c.url, strings.NewReader(c.body)))(t)
	req.Header.Set("Authorization", "Bearer "+r.cloud.Mint(demo.Spec{Audience: "https://" + req.URL.Host}))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Client-Request-Id", marker)
	resp := must(r.client(proto).Do(req))(t)
	text := body(t, resp)
	mine := func(e audit.Event) bool { return e.RequestID == marker && e.Kind == audit.Tenant }
	arrived := slices.ContainsFunc(r.cloud.Seen(), func(s demo.Seen) bool { return s.Header.Get("Client-Request-Id") == marker })
	if c.verdict == "" {
		if resp.Header.Get("Tenantgate-Reason") != "" || !arrived || len(r.events.all(mine)) > 0 {
			t.Errorf("%s %s, arrived %v, events %+v", resp.Status, text, arrived, r.events.all(mine))
		}
		return
	}
	e := r.events.wait(t, mine)
	if e.Reason != c.verdict || e.Denied != c.blocked || e.Observed || len(e.Links) != 1 {
		t.Fatalf("event %+v", e)
	}
	if l := e.Links[0]; l.Kind == "" || l.Resource == "" || l.Target == "" || l.Tenant != c.tenant {
		t.Errorf("link %+v", l)
	}
	if arrived == c.blocked || c.blocked != (resp.StatusCode == http.StatusForbidden) || c.blocked && resp.Header.Get("Tenantgate-Reason") != c.verdict {
		t.Errorf("%s, arrived %v: %s", resp.Status, arrived, text)
	}
}

// A guest of ours at work in a foreign tenant can tie that tenant to ours, and
// two of its own subscriptions to each other: the first only concerns us.
func TestTheNearEndMayBeTheForeignOne(t *testing.T) {
	const second = "eeeeeeee-3333-4333-8333-333333333333"
	r := newRig(t, withDirectory(t), func(s *setup) {
		before := s.rules
		s.rules = func(r *proxy.Rules) {
			before(r)
			ask := r.Subscription
			r.Subscription = func(ctx context.Context, id string) tokens.Tenant {
				if id == second {
					return tokens.Tenant(demo.Foreign.ID)
				}
				return ask(ctx, id)
			}
		}
	})
	for to, want := range map[string]struct {
		reason string
		links  int
	}{
		demo.Home.Subscription: {string(policy.LinkExternal), 1},
		second:                 {string(policy.OutboundAccount), 0},
	} {
		req := must(http.NewRequest("PUT", "https://"+armHost+network(demo.Foreign.Subscription)+"/virtualNetworkPeerings/p", strings.NewReader(peeringTo(to))))(t)
		req.Header.Set("Authorization", "Bearer "+r.cloud.Mint(demo.Spec{Tenant: demo.Foreign.ID, IDP: demo.Home.ID}))
		req.Header.Set("Client-Request-Id", to)
		body(t, must(r.client("h2").Do(req))(t))
		e := r.events.wait(t, func(e audit.Event) bool { return e.RequestID == to && e.Kind == audit.Tenant })
		if e.Reason != want.reason || len(e.Links) != want.links || e.Denied != (to != second) {
			t.Errorf("to %s: event %+v", to, e)
		}
		for _, l := range e.Links {
			if l.Tenant != demo.Foreign.ID {
				t.Errorf("to %s: link %+v", to, l)
			}
		}
	}
}

// A link needs no foreign credential; where there is one, it is judged first.
func TestAnAuxiliaryTokenOfAnotherTenantIsRefusedBeforeTheLink(t *testing.T) {
	r := newRig(t, withDirectory(t))
	req := must(http.NewRequest("PUT", "https://"+armHost+network(demo.Home.Subscription)+"/virtualNetworkPeerings/p", strings.NewReader(peeringTo(demo.Foreign.Subscription))))(t)
	req.Header.Set("Authorization", "Bearer "+r.cloud.Mint(demo.Spec{}))
	req.Header.Set("x-ms-authorization-auxiliary", "Bearer "+r.cloud.Mint(demo.Spec{Tenant: demo.Foreign.ID}))
	resp := must(r.client("h2").Do(req))(t)
	body(t, resp)
	e := r.events.wait(t, func(e audit.Event) bool { return e.Denied })
	if resp.StatusCode != http.StatusForbidden || e.Reason != string(policy.ExternalAccount) || len(e.Links) != 1 || len(e.Credentials) != 2 {
		t.Errorf("%s, event %+v", resp.Status, e)
	}
}

// Whether Resource Manager heeds such a field is not documented.
func TestAMethodThatIsOverriddenMayWrite(t *testing.T) {
	r := newRig(t, withDirectory(t))
	req := must(http.NewRequest("GET", "https://"+armHost+network(demo.Home.Subscription)+"/virtualNetworkPeerings/p", strings.NewReader(peeringTo(demo.Foreign.Subscription))))(t)
	req.Header.Set("Authorization", "Bearer "+r.cloud.Mint(demo.Spec{}))
	req.Header.Set("X-HTTP-Method-Override", "PUT")
	resp := must(r.client("h1").Do(req))(t)
	body(t, resp)
	if reason := resp.Header.Get("Tenantgate-Reason"); reason != string(policy.LinkExternal) {
		t.Errorf("%s, %q", resp.Status, reason)
	}
}

func TestACompressedBodyIsReadAndForwardedAsItCame(t *testing.T) {
	r := newRig(t, withDirectory(t))
	put := func(subscription string) (string, []byte) {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		_, _ = io.WriteString(z, peeringTo(subscription))
		_ = z.Close()
		sent := bytes.Clone(packed.Bytes())
		req := must(http.NewRequest("PUT", "https://"+armHost+network(demo.Home.Subscription)+"/virtualNetworkPeerings/p", &packed))(t)
		req.Header.Set("Authorization", "Bearer "+r.cloud.Mint(demo.Spec{}))
		req.Header.Set("Content-Encoding", "gzip")
		resp := must(r.client("h1").Do(req))(t)
		body(t, resp)
		return resp.Header.Get("Tenantgate-Reason"), sent
	}
	if reason, _ := put(demo.Foreign.Subscription); reason != string(policy.LinkExternal) {
		t.Errorf("a foreign peering: %q", reason)
	}
	reason, sent := put(demo.Home.Subscription)
	puts := slices.DeleteFunc(r.cloud.Seen(), func(s demo.Seen) bool { return s.Method != "PUT" })
	if reason != "" || len(puts) != 1 || !bytes.Equal(puts[0].Body, sent) {
		t.Errorf("our own peering: %q, %d arrived", reason, len(puts))
	}
}

func TestASettingDecidesOnAKindOfLink(t *testing.T) {
	peering := linkCases()["foreign peering"]
	for name, c := range map[string]struct {
		change  func(*policy.Config)
		blocked bool
		reason  string
	}{
		"observe": {func(p *policy.Config) { p.Links.Kinds[links.Peering] = policy.LinkObserve }, false, "link-external"},
		"partner": {func(p *policy.Config) {
			p.Partners = []policy.Partner{{Tenant: demo.Foreign.ID, Links: policy.LinkAllow}}
		}, false, ""},
		"another partner": {func(p *policy.Config) {
			p.Partners = []policy.Partner{{Tenant: demo.Partner.ID, Links: policy.LinkAllow}}
		}, true, "link-external"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, withDirectory(t), func(s *setup) { c.change(&s.policy) })
			want := peering
			want.blocked, want.verdict = c.blocked, c.reason
			r.judgeLink(t, "h2", want)
		})
	}
}

// Where the tenants cannot be told, an unknown end is judged like a foreign one.
func TestALinkIsRefusedWhenNobodyCanTellItsTenant(t *testing.T) {
	c := linkCases()["foreign peering"]
	c.verdict, c.tenant = "link-unknown", ""
	newRig(t).judgeLink(t, "h2", c)
}

// TestWorkThatMakesNoLinkPasses is what Resource Manager sees every day.
func TestWorkThatMakesNoLinkPasses(t *testing.T) {
	r := newRig(t) // nobody can tell a tenant: nothing here may need to know
	ours := "/subscriptions/" + demo.Home.Subscription
	group := ours + "/resourceGroups/app"
	storage := `{"sku":{"name":"Standard_LRS"},"kind":"StorageV2","location":"westeurope","properties":{"minimumTlsVersion":"TLS1_2"}}`
	for name, c := range map[string]struct{ method, path, body string }{
		"group":         {"PUT", group, `{"location":"westeurope"}`},
		"machine":       {"PUT", group + "/providers/Microsoft.Compute/virtualMachines/vm", `{"properties":{"networkProfile":{"networkInterfaces":[{"id":"` + group + `/providers/Microsoft.Network/networkInterfaces/n"}]}}}`},
		"network":       {"PUT", network(demo.Home.Subscription), `{"location":"westeurope","properties":{"addressSpace":{"addressPrefixes":["10.0.0.0/16"]},"subnets":[{"name":"a","properties":{"addressPrefix":"10.0.0.0/24"}}],"virtualNetworkPeerings":[]}}`},
		"storage":       {"PUT", group + "/providers/Microsoft.Storage/storageAccounts/s", storage},
		"endpoint":      {"PUT", group + "/providers/Microsoft.Network/privateEndpoints/e", `{"properties":{"privateLinkServiceConnections":[{"properties":{"privateLinkServiceId":"` + group + `/providers/Microsoft.Sql/servers/s"}}]}}`},
		"zone link":     {"PUT", group + "/providers/Microsoft.Network/privateDnsZones/z/virtualNetworkLinks/l", `{"properties":{"virtualNetwork":{"id":"` + network(demo.Home.Subscription) + `"}}}`},
		"resource list": {"POST", "/providers/Microsoft.ResourceGraph/resources", `{"query":"resources | project id"}`},
		"start":         {"POST", group + "/providers/Microsoft.Compute/virtualMachines/vm/start", ``},
		"tags":          {"PATCH", group + "/providers/Microsoft.Resources/tags/default", `{"operation":"Merge","properties":{"tags":{"a":"b"}}}`},
		"deletion":      {"DELETE", network(demo.Home.Subscription) + "/virtualNetworkPeerings/p", ``},
		"deployment": {"PUT", group + "/providers/Microsoft.Resources/deployments/d", `{"properties":{"mode":"Incremental","parameters":{"name":{"value":"app"}},"template":{"$schema":"x","contentVersion":"1.0.0.0","parameters":{"name":{"type":"string"}},"variables":{"vnet":"[concat(parameters('name'), '-vnet')]"},"resources":[
			{"type":"Microsoft.Storage/storageAccounts","name":"[concat('s', uniqueString(resourceGroup().id))]","properties":{"allowBlobPublicAccess":false}},
			{"type":"Microsoft.Network/virtualNetworks","name":"[variables('vnet')]","properties":{"subnets":[{"name":"a","properties":{"networkSecurityGroup":{"id":"[resourceId('Microsoft.Network/networkSecurityGroups', 'n')]"}}}]}},
			{"type":"Microsoft.Network/virtualNetworks/virtualNetworkPeerings","name":"[concat(variables('vnet'), '/p')]","properties":{"remoteVirtualNetwork":{"id":"[resourceId(resourceGroup().name, 'Microsoft.Network/virtualNetworks', 'hub')]"}}},
			{"type":"Microsoft.Network/privateEndpoints","name":"pe","properties":{"privateLinkServiceConnections":[{"properties":{"privateLinkServiceId":"[resourceId('Microsoft.KeyVault/vaults', 'kv')]"}}]}}]}}}`},
		"validation":   {"POST", group + "/providers/Microsoft.Resources/deployments/d/validate", "{\"properties\": {\"mode\": \"Incremental\", template:{ // as Azure CLI sends it\n \"resources\": [] }}}"},
		"Azure CLI":    {"PUT", group + "/providers/Microsoft.Resources/deployments/d", "{\"properties\": {\"mode\": \"Incremental\", \"template\":{\"resources\": [] }}}"},
		"portal batch": {"POST", "/batch", `{"requests":[{"httpMethod":"GET","url":"https://management.azure.com/subscriptions?api-version=2020-01-01"},{"httpMethod":"POST","relativeUrl":"` + group + `/providers/Microsoft.Insights/metrics","content":{}}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			r.judgeLink(t, "h2", linkCase{method: c.method, url: "https://" + armHost + c.path + "?api-version=2022-01-01", body: c.body})
		})
	}
}
