package tagging

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantgate/tenantgate/setting"
)

func TestASectionThatCannotBeUsedIsRefusedWithEveryProblem(t *testing.T) {
	for _, line := range lines(t, "testdata/configs.txt") {
		f := strings.Split(line, "|")
		if len(f) != 5 {
			t.Fatalf("testdata/configs.txt: %q has %d columns, want 5", line, len(f))
		}
		for i := range f {
			f[i] = strings.TrimSpace(f[i])
		}
		cfg := Config{Version: f[0], V1: V1{Allowed: items(t, f[1]), Context: item(f[2]), RestrictMSA: f[3] == "yes"}}
		_, err := New(cfg, homeTenant, homePolicy)
		if diff := cmp.Diff(strings.Fields(f[4]), paths(t, err)); diff != "" {
			t.Errorf("%s: %s", line, diff)
		}
	}
}

func item(s string) string {
	switch s {
	case "-":
		return ""
	case "T":
		return homeTenant
	}
	return s
}

// items splits a column at blanks, outside quotes.
func items(t *testing.T, s string) []string {
	t.Helper()
	var list []string
	for s = strings.TrimSpace(s); s != "" && s != "-"; s = strings.TrimSpace(s) {
		quoted, err := strconv.QuotedPrefix(s)
		if err != nil {
			word, rest, _ := strings.Cut(s, " ")
			list, s = append(list, item(word)), rest
			continue
		}
		word, err := strconv.Unquote(quoted)
		if err != nil {
			t.Fatal(err)
		}
		list, s = append(list, word), s[len(quoted):]
	}
	return list
}

// paths returns the paths of the settings that err names, and checks that each
// problem says what to do.
func paths(t *testing.T, err error) []string {
	t.Helper()
	var list []string
	for _, e := range setting.List(err) {
		problem, ok := e.(*setting.Error)
		if !ok {
			t.Errorf("%v is no setting.Error", e)
			continue
		}
		if problem.Hint == "" || strings.Contains(problem.What, "%!") {
			t.Errorf("%v: no hint or a broken message", problem)
		}
		list = append(list, problem.Path)
	}
	return list
}

func TestVersion2NeedsTheTenantAndItsPolicy(t *testing.T) {
	for _, bad := range []string{"", "contoso.com", "restrict-msa", "00000000-0000-0000-0000-000000000000", homeTenant + ":" + homePolicy,
		"{" + homeTenant + "}", homeTenant + " ", strings.ReplaceAll(homeTenant, "-", ""), strings.Replace(homeTenant, "a", "g", 1)} {
		if _, err := New(Default(), bad, homePolicy); err == nil || !strings.Contains(err.Error(), "tenant.id") {
			t.Errorf("tenant.id %q: %v", bad, err)
		}
		if _, err := New(Default(), homeTenant, bad); err == nil || !strings.Contains(err.Error(), "tenant.policy") {
			t.Errorf("tenant.policy %q: %v", bad, err)
		}
	}
	if _, err := New(Default(), homeTenant, strings.ToUpper(homeTenant)); err == nil {
		t.Error("the directory ID is accepted as the policy's")
	}
	if table, err := New(v1Config(true), "", ""); err != nil || table.Warnings() != nil {
		t.Errorf("version v1 sends neither: %v, warned of %v", err, table.Warnings())
	}
	if _, err := New(Default(), "", ""); len(setting.List(err)) != 2 {
		t.Errorf("neither is there: %v", err)
	}
}

func TestGUIDsLeaveInLowerCase(t *testing.T) {
	table, err := New(Config{}, strings.ToUpper(homeTenant), strings.ToUpper(homePolicy))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(bundles["policy"], table.Tags(Canonical)); diff != "" {
		t.Error(diff)
	}
	cfg := Config{Version: "v1", V1: V1{Context: strings.ToUpper(homeTenant),
		Allowed: []string{"Contoso.COM", strings.ToUpper(homeTenant), "contoso.com", homeTenant}}}
	want := []Tag{{tenantsHeader, "contoso.com," + homeTenant}, {contextHeader, homeTenant}}
	if diff := cmp.Diff(want, mustNew(t, cfg).Tags(Canonical)); diff != "" {
		t.Error(diff)
	}
}

func TestAListThatIsTooLongIsWarnedOfThenRefused(t *testing.T) {
	for _, tt := range []struct {
		tenants int
		warned  []string
		refused []string
	}{
		{221, nil, nil}, // 221*37 + 36 octets past the first: 8176
		{222, []string{"v1.allowed"}, nil},
		{442, []string{"v1.allowed"}, nil},
		{443, nil, []string{"v1.allowed"}},
	} {
		cfg := v1Config(false)
		cfg.V1.Allowed = []string{homeTenant}
		for i := range tt.tenants - 1 {
			cfg.V1.Allowed = append(cfg.V1.Allowed, fmt.Sprintf("72f988bf-86f1-41af-91ab-%012x", i))
		}
		table, err := New(cfg, homeTenant, homePolicy)
		if diff := cmp.Diff(tt.refused, paths(t, err)); diff != "" {
			t.Errorf("%d tenants refused: %s", tt.tenants, diff)
		}
		if err != nil {
			continue
		}
		if diff := cmp.Diff(tt.warned, paths(t, table.Warnings())); diff != "" {
			t.Errorf("%d tenants warned: %s", tt.tenants, diff)
		}
	}
}

func TestAListThatLocksTheHomeTenantOutIsWarnedOf(t *testing.T) {
	foreign := "72f988bf-86f1-41af-91ab-2d7cd011db47"
	for _, tt := range []struct {
		allowed []string
		context string
		want    []string
	}{
		{[]string{homeTenant}, homeTenant, nil},
		{[]string{"contoso.com"}, homeTenant, nil},
		{[]string{foreign}, homeTenant, []string{"v1.allowed"}},
		{[]string{foreign}, foreign, []string{"v1.context", "v1.allowed"}},
	} {
		table := mustNew(t, Config{Version: "v1", V1: V1{Allowed: tt.allowed, Context: tt.context}})
		if got := paths(t, table.Warnings()); !slices.Equal(got, tt.want) {
			t.Errorf("%v, context %s: warned of %q, want %q", tt.allowed, tt.context, got, tt.want)
		}
	}
	if err := mustNew(t, Default()).Warnings(); err != nil {
		t.Error(err)
	}
}
