package proxy_test

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/tagging"
)

// allProviders configures every service beside Entra; testdata/providers.txt
// says what arrives then.
func allProviders() tagging.Providers {
	return tagging.Providers{
		Google:    &tagging.Google{Domains: []string{"contoso.com", "gserviceaccounts.com"}},
		Slack:     &tagging.Slack{Requester: "T0ARHV9669", Workspaces: []string{"T0ARHV9669", "T0A93EN1Y"}},
		Dropbox:   &tagging.Dropbox{Teams: []string{"1234567"}},
		GitHub:    &tagging.GitHub{Enterprises: []string{"101", "102"}},
		OpenAI:    &tagging.OpenAI{Workspaces: []string{"550e8400-e29b-41d4-a716-446655440000"}, Organizations: []string{"org-contoso"}},
		Anthropic: &tagging.Anthropic{Organizations: []string{"550e8400-e29b-41d4-a716-446655440000"}},
		Webex:     &tagging.Webex{Domains: []string{"contoso.com"}},
		Zoom:      &tagging.Zoom{Policy: "contoso-only"},
		Custom: []tagging.Custom{
			{Header: "X-Example-Allowed", Value: "contoso", Hosts: []string{"www.example.com", "graph.microsoft.com"}},
			{Header: "X-Example-Requester", Value: "contoso", Hosts: []string{"*.example.com"}},
		},
	}
}

func withProviders(s *setup) { s.tagging.Providers = allProviders() }

// forged are all the headers that any service reads, as a client might spell
// them, with what it would rather have.
var forged = []string{
	"sec-Restrict-Tenant-Access-Policy", "Restrict-Access-To-Tenants", "Restrict_Access_Context",
	"x-googapps-allowed-domains", "X_GoogApps_Allowed_Domains", "X-Slack-Allowed-Workspaces-Requester", "X-Slack-Allowed-Workspaces",
	"X-DROPBOX-allowed-Team-Ids", "Sec_GitHub_Allowed_Enterprise", "ChatGPT-Allowed-Workspace-Id", "OpenAI-Allowed-Organization-Ids",
	"anthropic-allowed-org-ids", "anthropic-allowed-org-ids1", "anthropic_allowed-org-ids9", "CiscoSpark-Allowed-Domains", "X-ZoomApps-Policy",
	"X-Example-Allowed", "X_Example_Requester",
}

// restrictions are the restriction headers that arrived, look-alikes included.
func restrictions(h http.Header) (list []string) {
	for name, values := range h {
		folded := strings.ToLower(strings.ReplaceAll(name, "_", "-"))
		for _, f := range forged {
			if folded != strings.ToLower(strings.ReplaceAll(f, "_", "-")) {
				continue
			}
			for _, v := range values {
				list = append(list, folded+": "+v)
			}
			break
		}
	}
	slices.Sort(list)
	return list
}

// providerRow is a host and the headers that arrive there from a client that
// sent forgeries of all of them.
type providerRow struct {
	host string
	want []string
}

func providerRows(t *testing.T) (rows []providerRow) {
	t.Helper()
	src := string(must(os.ReadFile("testdata/providers.txt"))(t))
	for line := range strings.Lines(strings.ReplaceAll(src, "POLICY", demo.Home.ID+":"+demo.Home.Policy)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		host, rest, _ := strings.Cut(line, " ")
		row := providerRow{host: host}
		for one := range strings.SplitSeq(rest, "|") {
			if one = strings.TrimSpace(one); one != "-" {
				row.want = append(row.want, one)
			}
		}
		slices.Sort(row.want)
		rows = append(rows, row)
	}
	return rows
}

func TestEachServiceIsSentItsOwnTagOnceAndNobodyElse(t *testing.T) {
	r := newRig(t, withProviders)
	for _, row := range providerRows(t) {
		for _, proto := range []string{"h1", "h2"} {
			t.Run(row.host+" "+proto, func(t *testing.T) { r.sentTags(t, proto, row) })
		}
	}
}

func (r *rig) sentTags(t *testing.T, proto string, row providerRow) {
	marker := audit.NewID()
	req := must(http.NewRequest("POST", "https://"+row.host+"/api/"+marker, strings.NewReader("x")))(t)
	req.ContentLength = -1
	if proto == "h1" { // RFC 9113, 8.2.2: HTTP/2 has no such field
		req.Header.Set("Connection", "X-ZoomApps-Policy, anthropic-allowed-org-ids")
	}
	req.Trailer = http.Header{}
	for _, name := range forged {
		if !theirsToKeep(row.host, name) {
			req.Header[name] = []string{"forged", "twice"}
			req.Trailer[http.CanonicalHeaderKey(name)] = []string{"forged"}
		}
	}
	resp := must(r.client(proto).Do(req))(t)
	body(t, resp)
	i := slices.IndexFunc(r.cloud.Seen(), func(s demo.Seen) bool { return strings.HasSuffix(s.Path, marker) })
	if i < 0 {
		t.Fatalf("did not arrive: %s, %s", resp.Status, resp.Header.Get("Tenantgate-Reason"))
	}
	seen := r.cloud.Seen()[i]
	if diff := cmp.Diff(row.want, restrictions(seen.Header)); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	if got := restrictions(seen.Trailer); len(got) > 0 {
		t.Errorf("trailers: %q", got)
	}
	e := r.events.wait(t, func(e audit.Event) bool { return strings.HasSuffix(e.Path, marker) && e.Kind == audit.Access })
	if len(e.Tags) != len(row.want) {
		t.Errorf("the event names the tags %q", e.Tags)
	}
	if len(e.ClientTags) == 0 {
		t.Error("the event does not name what the client sent")
	}
}

// theirsToKeep tells whether a header of one service goes to another's host:
// there it means nothing, and is not the proxy's to delete.
func theirsToKeep(host, name string) bool {
	name = strings.ToLower(strings.ReplaceAll(name, "_", "-"))
	for _, p := range []struct {
		prefix string
		hosts  []string
	}{
		{"x-googapps", []string{"google.com"}}, {"x-slack", []string{"slack.com"}}, {"x-dropbox", []string{"dropbox.com"}},
		{"sec-github", []string{"github.com", "githubcopilot.com"}}, {"chatgpt", []string{"chatgpt.com", "api.openai.com"}},
		{"openai", []string{"chatgpt.com", "api.openai.com"}}, {"anthropic", []string{"claude.ai", "claude.com", "anthropic.com"}},
		{"ciscospark", []string{"webex.com", "wbx2.com"}}, {"x-zoomapps", []string{"zoom.us", "zoom.com"}},
		{"x-example", []string{"www.example.com"}}, {"x-example-allowed", []string{"graph.microsoft.com"}},
	} {
		if !strings.HasPrefix(name, p.prefix) {
			continue
		}
		if slices.ContainsFunc(p.hosts, func(h string) bool { return host == h || strings.HasSuffix(host, "."+h) }) {
			return false
		}
	}
	return !strings.Contains(name, "restrict")
}

func TestWhatStandsForAnAccountAtAnotherServiceIsNotJudged(t *testing.T) {
	r := newRig(t, withProviders)
	for host, secret := range map[string]string{
		"api.github.com": "token gho_opaque", "api.openai.com": "Bearer sk-opaque", "slack.com": "Bearer xoxb-opaque", "www.dropbox.com": "Basic eDp5",
	} {
		req := must(http.NewRequest("GET", "https://"+host+"/user", nil))(t)
		req.Header.Set("Authorization", secret)
		resp := must(r.client("h2").Do(req))(t)
		body(t, resp)
		e := r.events.wait(t, func(e audit.Event) bool { return e.Host == host && e.Path == "/user" })
		if e.Denied || e.Plane != "other" || e.Reason != string(policy.OtherProvider) || len(e.Credentials) > 0 {
			t.Errorf("%s: %s, event %+v", host, resp.Status, e)
		}
	}
}

// A service that shares a host with Microsoft's cloud takes nothing from it.
func TestAHostThatCarriesTokensIsJudgedWhateverElseItIsSent(t *testing.T) {
	r := newRig(t, withProviders)
	req := must(http.NewRequest("GET", "https://"+restricted+"/v1.0/me", nil))(t)
	req.Header.Set("Authorization", "Bearer "+r.cloud.Mint(demo.Spec{Tenant: demo.Foreign.ID}))
	resp := must(r.client("h2").Do(req))(t)
	body(t, resp)
	if got := resp.Header.Get("Tenantgate-Reason"); got != string(policy.ExternalAccount) {
		t.Errorf("%s, %q", resp.Status, got)
	}
}

func TestChatGPTWithoutAnAccountFollowsTheSettingForAnonymousUse(t *testing.T) {
	r := newRig(t, withProviders)
	for path, blocked := range map[string]bool{
		"/backend-anon/conversation": true, "/backend-anon": true, "//backend-anon/x": true, "/a/../BACKEND-ANON/x": true, "/%62ackend-anon/x": true,
		"/backend-api/conversation": false, "/backend-anonymous": false,
	} {
		resp := r.raw("chatgpt.com", "GET "+path+" HTTP/1.1\r\nHost: chatgpt.com\r\n\r\n")
		body(t, resp)
		if got := resp.Header.Get("Tenantgate-Reason"); (got == string(policy.AnonymousLink)) != blocked {
			t.Errorf("%s: %s, %q", path, resp.Status, got)
		}
	}
}

func TestAServiceThatIsNotConfiguredIsNotDecrypted(t *testing.T) {
	r := newRig(t)
	for _, row := range providerRows(t) {
		if row.host == signIn || row.host == restricted || row.host == "outlook.office.com" {
			continue
		}
		v := r.rules.Policy.DecideConn(policy.Conn{Name: hosts.Name(row.host)})
		if v.Action != policy.Tunnel {
			t.Errorf("%s: %s", row.host, v.Action)
		}
	}
}
