package entra

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantgate/tenantgate/config"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/tokens"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	home     = "11111111-1111-1111-1111-111111111111"
	tenant   = "tenant: {id: " + home + ", policy: 22222222-2222-2222-2222-222222222222}\n"
	external = tokens.Tenant("33333333-3333-3333-3333-333333333333")
)

func read(t testing.TB, files ...string) *Settings {
	t.Helper()
	var s Settings
	for _, name := range files {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Add(text); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return &s
}

// inForce builds the policy that the written section means.
func inForce(s *Settings) (*policy.Policy, string, error) {
	var b bytes.Buffer
	if err := s.WriteYAML(&b); err != nil {
		return nil, "", err
	}
	f, err := config.Parse("imported.yaml", []byte(tenant+b.String()))
	if err != nil {
		return nil, b.String(), err
	}
	p, err := policy.New(f.Policy, home, false, policy.Hosts{}, nil)
	return p, b.String(), err
}

func TestGraphsSettingsBecomeAPolicySection(t *testing.T) {
	for name, files := range map[string][]string{
		"both.yaml": {"default.json", "partners.json"}, "default.yaml": {"default.json"}, "partners.yaml": {"partners.json"},
	} {
		_, got, err := inForce(read(t, files...))
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, got)
			continue
		}
		golden := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// The section decides as the settings it came from, and where it cannot, it
// refuses.
func TestWhatIsImportedDecidesAsEntraWould(t *testing.T) {
	s := read(t, "default.json", "partners.json")
	p, text, err := inForce(s)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	const ann, bob, app, learn = "aaaaaaaa-0000-4000-8000-00000000000a", "bbbbbbbb-0000-4000-8000-00000000000b",
		"55555555-5555-5555-5555-555555555555", "18fbca16-2224-45f6-85b0-f7bf2b39b3f3"
	const fourth = tokens.Tenant("44444444-4444-4444-4444-444444444444")
	for name, tt := range map[string]struct {
		token   tokens.Token
		blocked bool
	}{
		"default restrictions":            {tokens.Token{Tenant: app, Account: app, App: learn}, true},
		"Learn with a personal account":   {tokens.Token{Tenant: tokens.Consumer, Account: tokens.Consumer, App: learn}, false},
		"another application":             {tokens.Token{Tenant: tokens.Consumer, Account: tokens.Consumer, App: app}, true},
		"outbound, default, Exchange":     {tokens.Token{Tenant: app, Account: home, Audience: "https://outlook.office365.com"}, false},
		"outbound, default, by ID":        {tokens.Token{Tenant: app, Account: home, Audience: "https://management.azure.com/"}, false},
		"outbound, default, another":      {tokens.Token{Tenant: app, Account: home, App: learn}, true},
		"inbound, default":                {tokens.Token{Tenant: home, Account: app}, false},
		"restrictions block one user":     {tokens.Token{Tenant: external, Account: external, Object: bob}, true},
		"and no others":                   {tokens.Token{Tenant: external, Account: external, Object: ann}, false},
		"outbound for one user":           {tokens.Token{Tenant: external, Account: home, HomeObject: ann, App: learn}, false},
		"not for the blocked application": {tokens.Token{Tenant: external, Account: home, HomeObject: ann, App: app}, true},
		"not for another user":            {tokens.Token{Tenant: external, Account: home, HomeObject: bob, App: learn}, true},
		"a blocked group is everybody":    {tokens.Token{Tenant: home, Account: external, HomeObject: bob}, true},
		"an allowed group is nobody":      {tokens.Token{Tenant: home, Account: fourth, HomeObject: bob}, true},
		"null inherits the default":       {tokens.Token{Tenant: fourth, Account: fourth}, true},
		"all of Microsoft's are all":      {tokens.Token{Tenant: fourth, Account: home, App: app}, true},
	} {
		v := p.DecideRequest(policy.Request{Plane: policy.Data, Tokens: []*tokens.Token{&tt.token}})
		if v.Blocked() != tt.blocked {
			t.Errorf("%s: %s by %s", name, v.Action, v.Rule)
		}
	}
	if s.PolicyID() != "22222222-2222-2222-2222-222222222222" {
		t.Errorf("the policy is %q", s.PolicyID())
	}
}

func TestWhatIsNotGraphsIsRefused(t *testing.T) {
	const rest = `"targets":[{"target":"AllUsers","targetType":"user"}]}`
	for text, want := range map[string]string{
		"":                           "is not JSON",
		"{}":                         "is neither the default settings nor a partner's",
		"null":                       "is neither the default settings nor a partner's",
		"[1]":                        "is no list of partners",
		`{"error":{"code":"x"}}`:     "is an error that Graph answered",
		"\xff\xfe{\x00}\x00":         "is UTF-16",
		`{"tenantId":"contoso.com"}`: `tenantId "contoso.com" is not a directory ID`,
		`{"value":[{"tenantId":"` + home + `"},{"tenantId":"` + home + `"}]}`:                                                    "is there twice",
		`{"tenantId":"` + home + `","tenantId":"` + home + `"}`:                                                                  `has "tenantId" twice`,
		`{"tenantId":"` + home + `","TenantID":"` + home + `"}`:                                                                  `has "TenantID" twice`,
		`{"tenantRestrictions":{"usersAndGroups":{"accessType":"maybe",` + rest + `}}`:                                           `accessType "maybe" is neither`,
		`{"tenantRestrictions":{"usersAndGroups":{"targets":[]}}}`:                                                               `accessType "" is neither`,
		`{"tenantRestrictions":"blocked"}`:                                                                                       "tenantRestrictions: is no object",
		`{"b2bCollaborationInbound":{"usersAndGroups":{"accessType":"allowed","targets":[{"target":"x","targetType":"user"}]}}}`: `target "x" of type "user" is no user`,
		`{"b2bCollaborationInbound":{"usersAndGroups":{"accessType":"allowed",` + rest + `,"applications":{"accessType":"allowed","targets":[{"target":"` + home + `","targetType":"user"}]}}}`: "is no application",
	} {
		s := read(t, "partners.json")
		before := len(s.Partners)
		err := s.Add([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
		if len(s.Partners) != before || s.Default != nil {
			t.Errorf("%s: something of it was kept", text)
		}
	}
	s := read(t, "default.json")
	if err := s.Add([]byte(`{"tenantRestrictions":null}`)); err == nil || !strings.Contains(err.Error(), "second default") {
		t.Errorf("a second default: %v", err)
	}
}

// Whatever is taken becomes a section that loads, and permits nobody that the
// built-in policy refuses unless Graph says allowed.
func FuzzAdd(f *testing.F) {
	for _, name := range []string{"default.json", "partners.json"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"b2bCollaborationOutbound":null,"tenantRestrictions":null,"a\nb: c":{"x":1}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var s Settings
		if err := s.Add(text); err != nil {
			if strings.ContainsAny(err.Error(), "\n\r") {
				t.Fatalf("the error has several lines: %q", err)
			}
			return
		}
		if _, yaml, err := inForce(&s); err != nil && !strings.Contains(err.Error(), "is the home tenant") {
			t.Fatalf("%v\n%s", err, yaml)
		}
		p, _, err := inForce(&s)
		foreign := &tokens.Token{Tenant: external, Account: external}
		if err == nil && !bytes.Contains(text, []byte("allow")) && !bytes.Contains(text, []byte(`\u`)) &&
			!p.DecideRequest(policy.Request{Plane: policy.Data, Tokens: []*tokens.Token{foreign}}).Blocked() {
			t.Fatalf("permits a foreign account: %s", text)
		}
	})
}
