package links

import (
	"errors"
	"os"
	"strings"
	"testing"
)

func noBody() ([]byte, error) { panic("the body was asked for") }

// harmless are requests that can make no link: their body is not asked for.
var harmless = []struct {
	service      Service
	method, path string
}{
	{ResourceManager, "GET", peeringPath},
	{ResourceManager, "PUT", "/subscriptions/aaaaaaaa-0000-0000-0000-000000000001/resourceGroups/net"},
	{ResourceManager, "PUT", "/subscriptions/aaaaaaaa-0000-0000-0000-000000000001/resourceGroups/net/providers/Microsoft.Compute/virtualMachines/vm"},
	{ResourceManager, "POST", "/providers/Microsoft.ResourceGraph/resources"},
	{ResourceManager, "POST", deploymentPath + "/validate"},
	{ResourceManager, "PUT", ""},
	{ResourceManager, "PUT", "/"},
	{MicrosoftGraph, "POST", "/v1.0/me/sendMail"},
	{MicrosoftGraph, "PATCH", "/v1.0/me/events/AAMkAD"},
	{None, "PUT", peeringPath},
}

func TestARequestThatCannotMakeALinkCostsNothing(t *testing.T) {
	for _, h := range harmless {
		n := testing.AllocsPerRun(100, func() {
			if Find(h.service, h.method, h.path, noBody) != nil {
				t.Errorf("%s %s makes a link", h.method, h.path)
			}
		})
		if n != 0 {
			t.Errorf("%s %s: %v allocations", h.method, h.path, n)
		}
	}
}

func TestABodyThatCannotBeReadIsSaid(t *testing.T) {
	broken := func() ([]byte, error) { return nil, errors.New("cut") }
	for path, kind := range map[string]Kind{
		peeringPath: Peering, deploymentPath: Unreadable, "/batch": Unreadable,
		"/subscriptions/x/providers/Microsoft.ManagedServices/registrationDefinitions/y": Lighthouse,
	} {
		all := Find(ResourceManager, "PUT", path, broken)
		if len(all) != 1 || all[0].Kind != kind || all[0].TargetKind != Hidden {
			t.Errorf("%s: %+v", path, all)
		}
	}
}

func TestEveryRuleIsFoundInAnyCase(t *testing.T) {
	for _, k := range rules {
		if got := ruleFor(strings.ToUpper(k.last), ""); got == nil || got.last != k.last {
			t.Errorf("%s: %+v", k.last, got)
		}
		for _, of := range k.of {
			if of != strings.ToLower(of) || !strings.HasSuffix(of, "/"+strings.ToLower(k.last)) {
				t.Errorf("%s is of %s", k.last, of)
			}
		}
	}
}

func TestEveryKindHasARowInTheTruthTableAndInTheDocumentation(t *testing.T) {
	table, err1 := os.ReadFile("../policy/testdata/links.txt")
	page, err2 := os.ReadFile("../docs/configuration.md")
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	for _, k := range Kinds() {
		if !strings.Contains(string(table), "\n"+string(k)+" ") {
			t.Errorf("policy/testdata/links.txt has no row for %s", k)
		}
		if !strings.Contains(string(page), "`"+string(k)+"` |") && !strings.Contains(string(page), "`"+string(k)+"`, `") {
			t.Errorf("docs/configuration.md does not say what %s is", k)
		}
	}
}

// A template of many networks is read to its end.
func TestALargeNetworkHidesNothingThatComesAfter(t *testing.T) {
	rule := `{"name":"r","properties":{"a":"[concat('a','b')]","b":["1","2","3","4","5","6","7","8"]}},`
	group := `{"type":"Microsoft.Network/networkSecurityGroups","name":"g","properties":{"securityRules":[` + strings.TrimSuffix(strings.Repeat(rule, 10_000), ",") + `]}}`
	peering := `{"type":"Microsoft.Network/virtualNetworks/virtualNetworkPeerings","name":"a/b","properties":{"remoteVirtualNetwork":{"id":"/subscriptions/bbbbbbbb-0000-0000-0000-000000000002/x"}}}`
	body := `{"properties":{"template":{"resources":[` + group + "," + peering + `]}}}`
	all := Find(ResourceManager, "PUT", deploymentPath, func() ([]byte, error) { return []byte(body), nil })
	if len(all) != 2 || all[0].Kind != NetworkReference || all[0].TargetKind != Hidden || all[1].Kind != Peering {
		t.Errorf("%+v", all)
	}
}

func BenchmarkNoLink(b *testing.B) {
	for _, h := range harmless[:3] {
		b.Run(h.method+h.path[strings.LastIndexByte(h.path, '/'):], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Find(h.service, h.method, h.path, noBody)
			}
		})
	}
}

func BenchmarkPeering(b *testing.B) {
	e := load(b, "testdata/corpus/peering.txt")
	b.ReportAllocs()
	for b.Loop() {
		Find(ResourceManager, e.method, e.path, func() ([]byte, error) { return e.body, nil })
	}
}

func BenchmarkDeployment(b *testing.B) {
	e := load(b, "testdata/corpus/deployment-nested-inner.txt")
	b.ReportAllocs()
	for b.Loop() {
		Find(ResourceManager, e.method, e.path, func() ([]byte, error) { return e.body, nil })
	}
}
