package links

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

const peeringPath = "/subscriptions/aaaaaaaa-0000-0000-0000-000000000001/resourceGroups/net/providers/Microsoft.Network/virtualNetworks/hub/virtualNetworkPeerings/p"
const deploymentPath = "/subscriptions/aaaaaaaa-0000-0000-0000-000000000001/resourceGroups/net/providers/Microsoft.Resources/deployments/d"

func seeds(f *testing.F, prefix string) {
	files, err := filepath.Glob("testdata/corpus/" + prefix + "*.txt")
	if err != nil || len(files) == 0 {
		f.Fatalf("%d seeds, %v", len(files), err)
	}
	for _, file := range files {
		f.Add(load(f, file).body)
	}
}

func FuzzTemplate(f *testing.F) {
	seeds(f, "deployment")
	f.Fuzz(func(t *testing.T, body []byte) { bounded(t, deploymentPath, body) })
}

func FuzzBatch(f *testing.F) {
	seeds(f, "batch")
	seeds(f, "graph-batch")
	f.Fuzz(func(t *testing.T, body []byte) {
		bounded(t, "/batch", body)
		bounded(t, "/v1.0/$batch", body)
	})
}

func FuzzPath(f *testing.F) {
	f.Add(peeringPath)
	f.Add("//subscriptions/../x\\providers/%2fMicrosoft.Network/virtualNetworkPeerings")
	f.Fuzz(func(t *testing.T, path string) { bounded(t, path, []byte(`{"properties":{}}`)) })
}

// FuzzNetwork writes any body to what makes a link by itself, in a batch and in
// a template.
func FuzzNetwork(f *testing.F) {
	for _, prefix := range []string{"reference", "gateway", "circuit", "customer-key", "role"} {
		seeds(f, prefix)
	}
	const group = "/subscriptions/aaaaaaaa-0000-0000-0000-000000000001/resourceGroups/net/providers/"
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, path := range []string{"Microsoft.Network/networkInterfaces/n", "Microsoft.Network/connections/c", "Microsoft.Network/expressRouteCircuits/c",
			"Microsoft.Storage/storageAccounts/s", "Microsoft.Sql/servers/s/keys/k", "Microsoft.Authorization/roleAssignments/r"} {
			bounded(t, group+path, body)
		}
		bounded(t, "/batch", fmt.Appendf(nil, `{"requests":[{"httpMethod":"PUT","url":"%sMicrosoft.Network/loadBalancers/l","content":%s}]}`, group, body))
		bounded(t, deploymentPath, fmt.Appendf(nil, `{"properties":{"template":{"resources":[{"type":"Microsoft.Network/loadBalancers","name":"l","properties":%s}]}}}`, body))
	})
}

// FuzzExpression puts any expression where the far end of a peering stands.
func FuzzExpression(f *testing.F) {
	for _, s := range []string{"[parameters('a')]", "[concat('a', variables('b')[0].c)]", "[resourceId('x/y', 'z')]", "[format('{0}', 'a')]", "[if(true, 'a', 'b')]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		bounded(t, deploymentPath, fmt.Appendf(nil, `{"properties":{"template":{"variables":{"a":%q},"resources":[{"type":"Microsoft.Network/virtualNetworks/virtualNetworkPeerings","name":"a/b","properties":{"remoteVirtualNetwork":{"id":%q}}}]}}}`, text, text))
	})
}

// bounded holds whatever Find says of a body to what it promises.
func bounded(t *testing.T, path string, body []byte) {
	t.Helper()
	for _, s := range []Service{ResourceManager, MicrosoftGraph} {
		all := Find(s, "POST", path, func() ([]byte, error) { return body, nil })
		if len(all) > maxLinks {
			t.Fatalf("%d links", len(all))
		}
		for _, l := range all {
			if l.Kind == "" || l.TargetKind == "" || l.Target == "" || len(l.Resource) > maxText || len(l.Target) > maxText {
				t.Fatalf("link %+v", l)
			}
			if l.Subscription != "" && l.TargetKind == Subscription && l.Target == l.Subscription {
				t.Fatalf("a link within a subscription: %+v", l)
			}
		}
	}
}

// TestHostileBodiesEnd reads bodies that cost as much as a body can.
func TestHostileBodiesEnd(t *testing.T) {
	many := func(n int, s string) string { return strings.TrimSuffix(strings.Repeat(s+",", n), ",") }
	variables := ""
	for i := range 60 {
		variables += fmt.Sprintf(`"v%d":"[concat(variables('v%d'),variables('v%d'))]",`, i, i+1, i+1)
	}
	resource := `{"type":"Microsoft.Network/virtualNetworks/virtualNetworkPeerings","name":"a/b","properties":{"remoteVirtualNetwork":{"id":"[variables('v0')]"}}}`
	for name, body := range map[string]string{
		"deep":      strings.Repeat(`{"properties":`, 1<<17),
		"wide":      `{"properties":{"template":{"resources":[` + many(1<<18, "1") + `]}}}`,
		"empty":     `{"properties":{"template":{"resources":[` + many(1<<17, "{}") + `]}}}`,
		"doubling":  `{"properties":{"template":{"variables":{` + variables + `"v60":"x"},"resources":[` + many(1000, resource) + `]}}}`,
		"brackets":  `{"properties":{"template":{"variables":{"v0":"[` + strings.Repeat("a(", 10_000) + `]"},"resources":[` + resource + `]}}}`,
		"nested":    strings.Repeat(`{"properties":{"template":{"resources":[{"type":"Microsoft.Resources/deployments","name":"n",`, 20) + `"a":1` + strings.Repeat(`}]}}}`, 20),
		"unclosed":  `{"properties":"` + strings.Repeat(`\"`, 1<<20),
		"comments":  strings.Repeat("/**/", 1<<19) + "{}",
		"duplicate": `{` + many(1<<16, `"properties":{"template":{"resources":[]}}`) + `}`,
	} {
		t.Run(name, func(t *testing.T) { bounded(t, deploymentPath, []byte(body)) })
	}
}

func TestMoreLinksThanAreReadAreSaid(t *testing.T) {
	var list []string
	for i := range 2 * maxLinks {
		list = append(list, fmt.Sprintf(`"bbbbbbbb-0000-0000-0000-%012d"`, i))
	}
	body := `{"properties":{"visibility":{"subscriptions":[` + strings.Join(list, ",") + `]}}}`
	all := Find(ResourceManager, "PUT", "/subscriptions/x/providers/Microsoft.Network/privateLinkServices/s", func() ([]byte, error) { return []byte(body), nil })
	if len(all) != maxLinks || all[maxLinks-1].Kind != Unreadable {
		t.Errorf("%d links, last %+v", len(all), all[len(all)-1])
	}
}
