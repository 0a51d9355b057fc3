package tagging

import (
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/setting"
)

const uuid = "550e8400-e29b-41d4-a716-446655440000"

// everyProvider configures each service once.
func everyProvider() Providers {
	return Providers{
		Google: &Google{[]string{"Contoso.com", "consumer_accounts", "contoso.COM"}}, Slack: &Slack{"T0ARHV9669", []string{"T0ARHV9669", "E0A93EN1Y"}},
		Dropbox: &Dropbox{[]string{"dbtid:AAAA-_x"}}, GitHub: &GitHub{[]string{"101", "contoso-corp"}},
		OpenAI: &OpenAI{[]string{strings.ToUpper(uuid)}, []string{"org-a", "org-b"}}, Anthropic: &Anthropic{[]string{uuid}},
		Webex: &Webex{[]string{"contoso.com"}}, Zoom: &Zoom{"label"},
		Custom: []Custom{{"X-One", "a, b", []string{"one.example", "*.one.example"}}, {"X-Two", "c", []string{"www.one.example"}}},
	}
}

func withProviders(t testing.TB, p Providers) *Table {
	t.Helper()
	cfg := Default()
	cfg.Providers = p
	table, err := New(cfg, homeTenant, homePolicy)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestEachServiceIsSentWhatItDocuments(t *testing.T) {
	table := withProviders(t, everyProvider())
	for _, line := range lines(t, "testdata/providers.txt") {
		host, rest, _ := strings.Cut(line, " ")
		var want []string
		for one := range strings.SplitSeq(rest, "|") {
			if one = strings.TrimSpace(one); one != "-" {
				want = append(want, one)
			}
		}
		h := http.Header{}
		names := table.At(hosts.Name(host)).Apply(h)
		var got []string
		for _, name := range names {
			got = append(got, name+": "+strings.Join(h[http.CanonicalHeaderKey(name)], " and "))
		}
		var tags []string
		for _, tag := range table.Tags(hosts.Name(host)) {
			tags = append(tags, tag.Header+": "+tag.Value)
		}
		if !slices.Equal(tags, got) {
			t.Errorf("%s: sent %q, told %q", host, got, tags)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", host, diff)
		}
		if len(h) != len(names) || table.Providers().Has(hosts.Name(host)) != (len(want) > 0) {
			t.Errorf("%s: headers %v, one of the providers' %v", host, h, table.Providers().Has(hosts.Name(host)))
		}
	}
}

func TestServicesChangeNothingOfEntras(t *testing.T) {
	before, after := mustNew(t, Default()), withProviders(t, everyProvider())
	for _, r := range readTags(t) {
		if diff := cmp.Diff(before.Tags(r.host), after.Tags(r.host)); diff != "" {
			t.Errorf("%s: %s", r.host, diff)
		}
		if after.Providers().Has(r.host) || after.Hosts().Has(r.host) != before.Hosts().Has(r.host) {
			t.Errorf("%s has become a service's", r.host)
		}
	}
	for _, pattern := range after.Providers().Patterns() {
		for _, tag := range after.Tags(hosts.Name(strings.Replace(pattern, "*", "x", 1))) {
			if Restriction(tag.Header) {
				t.Errorf("%s is sent Entra's %s", pattern, tag.Header)
			}
		}
	}
}

// The lines of Anthropic's list: every declared slot, nothing beyond.
func TestALongListGoesOnInNumberedHeaders(t *testing.T) {
	for n, lines := range map[int]int{1: 1, 50: 1, 51: 2, 100: 2, 500: 10} {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprintf("550e8400-e29b-41d4-a716-%012x", i))
		}
		table := withProviders(t, Providers{Anthropic: &Anthropic{list}})
		tags := table.Tags("api.anthropic.com")
		var got []string
		for i, tag := range tags {
			name, value := anthropicHeader, tag.Value
			if i > 0 {
				name += fmt.Sprint(i)
			} else if lines > 1 {
				var ok bool
				if value, ok = strings.CutSuffix(value, fmt.Sprintf(";n=%d", lines)); !ok {
					t.Errorf("%d: the first line is %q", n, tag.Value)
				}
			}
			if tag.Header != name || strings.ContainsAny(value, " ;") {
				t.Errorf("%d: %+v", n, tag)
			}
			got = append(got, strings.Split(value, ",")...)
		}
		if len(tags) != lines || !slices.Equal(got, list) {
			t.Errorf("%d: %d lines, %d IDs", n, len(tags), len(got))
		}
		h := http.Header{"Anthropic-Allowed-Org-Ids9": {"x"}, "anthropic_allowed_org_ids1": {"x"}, "Anthropic-Allowed-Org-Ids": {"x", "y"},
			"anthropic-allowed-org-ids10": {"x"}, "anthropic-allowed-org-ids11": {"nobody reads it"}}
		if table.At("claude.ai").Apply(h); len(h) != lines+1 {
			t.Errorf("%d: %d headers leave: %v", n, len(h), h)
		}
	}
}

func TestAServicesHeaderIsDeletedOnItsHostsAlone(t *testing.T) {
	table := withProviders(t, everyProvider())
	for _, name := range []string{"X-Slack-Allowed-Workspaces", "x_slack_allowed_workspaces", "X-SLACK-allowed-workspaces-requester", " X-Slack-Allowed-Workspaces"} {
		for n, ours := range map[hosts.Name]bool{"slack.com": true, "a.b.slack.com": true, "notslack.com": false, "claude.ai": false, Canonical: false} {
			if table.At(n).Restriction(name) != ours {
				t.Errorf("%s on %s: %v", name, n, !ours)
			}
			h := http.Header{name: {"x"}, "Cookie": {"c"}}
			if got := table.At(n).Strip(h); (len(got) == 1) != ours || (len(h) == 1) != ours {
				t.Errorf("%s on %s: stripped %q, left %v", name, n, got, h)
			}
		}
	}
	if got := table.At("slack.com").Strip(http.Header{policyHeader: {"x"}}); len(got) != 1 {
		t.Errorf("Entra's header on a service's host: stripped %q", got)
	}
	if !table.At("slack.com").Restriction(policyHeader) || !table.At("example.com").Restriction(policyHeader) {
		t.Error("Entra's header is not deleted everywhere")
	}
}

func TestNothingButWhatIsConfiguredIsDecrypted(t *testing.T) {
	if set := mustNew(t, Default()).Providers(); !set.Empty() {
		t.Errorf("%q", set.Patterns())
	}
	table := withProviders(t, Providers{OpenAI: &OpenAI{Organizations: []string{"org-a"}}})
	if got := table.Providers().Patterns(); !slices.Equal(got, []string{"api.openai.com"}) || table.At("chatgpt.com").Anonymous("/backend-anon/x") {
		t.Errorf("%q", got)
	}
}

func TestServicesThatCannotBeUsedAreRefusedWithEveryProblem(t *testing.T) {
	custom := func(header, value string, names ...string) Providers {
		return Providers{Custom: []Custom{{header, value, names}}}
	}
	many := func(n int, format string) (list []string) {
		for i := range n {
			list = append(list, fmt.Sprintf(format, i))
		}
		return list
	}
	for _, tt := range []struct {
		providers Providers
		want      string // paths below providers
	}{
		{Providers{Google: &Google{}}, "google.domains"},
		{Providers{Google: &Google{[]string{"contoso.com", "*.contoso.com", "a,b.com", "all", "contoso.com."}}},
			"google.domains[1] google.domains[2] google.domains[3] google.domains[4]"},
		{Providers{Slack: &Slack{}}, "slack.workspaces slack.requester"},
		{Providers{Slack: &Slack{"T1,T2", []string{"T0A"}}}, "slack.requester"},
		{Providers{Slack: &Slack{"contoso", []string{"t0a", "C0A"}}}, "slack.workspaces[0] slack.workspaces[1] slack.requester"},
		{Providers{Slack: &Slack{"T0", []string{"T0a", "T", "T0"}}}, "slack.workspaces[0] slack.workspaces[1]"},
		{Providers{Dropbox: &Dropbox{[]string{"a b"}}}, "dropbox.teams[0]"},
		{Providers{GitHub: &GitHub{[]string{"1,2", ""}}}, "github.enterprises[0] github.enterprises[1]"},
		{Providers{GitHub: &GitHub{many(21, "%d")}}, "github.enterprises"},
		{Providers{OpenAI: &OpenAI{}}, "openai"},
		{Providers{OpenAI: &OpenAI{[]string{"org-a"}, []string{uuid, "org-", "org-a b"}}},
			"openai.workspaces[0] openai.organizations[0] openai.organizations[1] openai.organizations[2]"},
		{Providers{Anthropic: &Anthropic{[]string{uuid + ";n=2"}}}, "anthropic.organizations[0]"},
		{Providers{Anthropic: &Anthropic{many(501, "550e8400-e29b-41d4-a716-%012x")}}, "anthropic.organizations"},
		{Providers{Webex: &Webex{[]string{"user@contoso.com"}}}, "webex.domains[0]"},
		{Providers{Zoom: &Zoom{"a,b"}}, "zoom.policy"},
		{Providers{Dropbox: &Dropbox{many(2000, "team%d")}}, "dropbox.teams"},
		{Providers{Dropbox: &Dropbox{append(many(2000, "team%d"), "a b")}}, "dropbox.teams[2000]"},
		{Providers{Dropbox: &Dropbox{many(1024, "%07d")}}, ""}, // 8191 octets
		{Providers{Dropbox: &Dropbox{append(many(1023, "%07d"), "12345678")}}, ""},
		{Providers{Dropbox: &Dropbox{append(many(1023, "%07d"), "123456789")}}, "dropbox.teams"},
		{Providers{Dropbox: &Dropbox{[]string{strings.Repeat("a", 128), strings.Repeat("a", 129)}}}, "dropbox.teams[1]"},
		{Providers{GitHub: &GitHub{many(20, "%d")}}, ""},
		{Providers{Google: &Google{[]string{"visitor_accounts", "consumer_accounts"}}}, ""},
		{custom("X-A", strings.Repeat("a", maxValue), "a.example"), ""},
		{custom("X-A", strings.Repeat("a", maxValue+1), "a.example"), "custom[0].value"},
		{custom("AUTHORIZATION", "a", "a.example"), "custom[0].header"},
		{Providers{Custom: []Custom{{"X-A", "a", []string{"www.one.example"}}, {"X-A", "b", []string{"one.example"}}}}, ""},
		{Providers{Custom: []Custom{{"X-A", "a", []string{"one.example"}}, {"X-A", "b", []string{"www.one.example"}}}}, ""},
		{custom("", "", ""), "custom[0].header custom[0].value custom[0].hosts[0]"},
		{custom("X-A", "a"), "custom[0].hosts"},
		{custom("X A", "a\r\nX-B: b", "a.example"), "custom[0].header custom[0].value"},
		{custom("sec_restrict-tenant-access-policy", "a", "a.example"), "custom[0].header"},
		{custom("Authorization", "a", "a.example"), "custom[0].header"},
		{custom("Transfer_Encoding", "a", "a.example"), "custom[0].header"},
		{custom("X-Slack-Allowed-Workspaces", "a", "slack.com"), "custom[0].header"},
		{custom("X-A", " a", "a.example"), "custom[0].value"},
		{custom("X-A", "a", "login.microsoftonline.com", "*.microsoftonline.com", "*.com", "LOGIN.live.com.", "certauth.login.microsoftonline.com", "x.b2clogin.com"),
			"custom[0].hosts[0] custom[0].hosts[1] custom[0].hosts[2] custom[0].hosts[3] custom[0].hosts[4] custom[0].hosts[5]"},
		{Providers{Custom: []Custom{{"X-A", "a", []string{"*.one.example"}}, {"x-a", "b", []string{"one.example", "www.one.example"}}}}, "custom[1].hosts[1]"},
	} {
		cfg := Default()
		cfg.Providers = tt.providers
		_, err := New(cfg, homeTenant, homePolicy)
		var want []string
		for p := range strings.FieldsSeq(tt.want) {
			want = append(want, "providers."+p)
		}
		if diff := cmp.Diff(want, paths(t, err)); diff != "" {
			t.Errorf("%+v: %s", tt.providers, diff)
		}
		for _, e := range setting.List(err) {
			if strings.Contains(e.Error(), "X-B: b") {
				t.Errorf("a value is told: %v", e)
			}
		}
	}
}

func TestAnOwnWorkspaceThatIsNotListedIsWarnedOf(t *testing.T) {
	for workspace, want := range map[string][]string{"T0ARHV9669": nil, "T0A93EN1Y": {"providers.slack.workspaces"}} {
		table := withProviders(t, Providers{Slack: &Slack{"T0ARHV9669", []string{workspace}}})
		if diff := cmp.Diff(want, paths(t, table.Warnings())); diff != "" {
			t.Errorf("%s: %s", workspace, diff)
		}
	}
}

func TestTaggingAServicesRequestAllocatesNothing(t *testing.T) {
	table := withProviders(t, everyProvider())
	for _, n := range []hosts.Name{"accounts.google.com", "slack.com", "api.anthropic.com", Canonical, "graph.microsoft.com"} {
		h, site := browserHeader(), table.At(n)
		site.Apply(h) // the map grows once
		if allocs := testing.AllocsPerRun(100, func() { site.Strip(h); site.Apply(h) }); allocs > 2 {
			t.Errorf("%s: %v allocations", n, allocs) // Strip has found the tags: a slice of two at most
		}
		h = browserHeader()
		if allocs := testing.AllocsPerRun(100, func() { site.Strip(h) }); allocs != 0 {
			t.Errorf("%s: Strip makes %v allocations", n, allocs)
		}
		site.Apply(h)
		if allocs := testing.AllocsPerRun(100, func() { site.Apply(h) }); allocs != 0 {
			t.Errorf("%s: Apply makes %v allocations", n, allocs)
		}
	}
}

func BenchmarkApplyToAService(b *testing.B) {
	table := withProviders(b, everyProvider())
	h, site := browserHeader(), table.At("api.anthropic.com")
	b.ReportAllocs()
	for b.Loop() {
		site.Apply(h)
	}
}

func TestTheProvidersPageNamesEveryServicesHostsAndHeaders(t *testing.T) {
	page, err := os.ReadFile("../docs/providers.md")
	if err != nil {
		t.Fatal(err)
	}
	all := everyProvider()
	all.Custom = nil
	table := withProviders(t, all)
	for _, pattern := range table.Providers().Patterns() {
		for _, tag := range table.Tags(hosts.Name(strings.Replace(pattern, "*", "x", 1))) {
			for _, word := range []string{pattern, tag.Header} {
				if !strings.Contains(string(page), "`"+word+"`") {
					t.Errorf("docs/providers.md does not name %s", word)
				}
			}
		}
	}
}
