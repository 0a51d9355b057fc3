package policy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantgate/tenantgate/links"
	"github.com/tenantgate/tenantgate/setting"
	"github.com/tenantgate/tenantgate/tokens"
)

// TestLinks is a row of testdata/links.txt each. A token of ours beside the
// link excuses nothing.
func TestLinks(t *testing.T) {
	decided := map[links.Kind]bool{}
	for _, row := range rows(t, "testdata/links.txt") {
		l := linkOf(row.in[0], row.in[1], row.in[2])
		decided[l.Kind] = true
		v := linkPolicy(t, row.in[3]).DecideRequest(Request{Plane: ARM, Links: []Link{l}})
		got := fmt.Sprintf("%s %s", v.Action, v.Reason)
		if v.Observed {
			got += " observed"
		}
		if got != row.want {
			t.Errorf("line %d: %s\n got %s\nwant %s", row.line, row.text, got, row.want)
		}
		beside := linkPolicy(t, row.in[3]).DecideRequest(Request{Plane: ARM, Links: []Link{l}, Tokens: []*tokens.Token{homeToken}})
		if beside.Action != v.Action || v.Reason != NoCredential && beside.Reason != v.Reason {
			t.Errorf("line %d: %s\nbeside a token of ours: %+v", row.line, row.text, beside)
		}
		if v.Reason != NoCredential && (!v.Relevant() || !beside.Relevant()) {
			t.Errorf("line %d: %s\nis no evidence", row.line, row.text)
		}
	}
	for _, k := range links.Kinds() {
		if !decided[k] {
			t.Errorf("no row has a %s", k)
		}
	}
}

var homeToken = &tokens.Token{Place: tokens.InAuthorization, Tenant: home, Account: home}

func linkOf(kind, own, far string) Link {
	ends := map[string]tokens.Tenant{"home": home, "external": external, "partner": partner}
	l := Link{
		Link: links.Link{Kind: links.Kind(kind), Subscription: "s", TargetKind: links.Subscription},
		Own:  ends[own], Tenant: ends[far],
	}
	if own == "-" {
		l.Subscription = ""
	}
	switch far {
	case "hidden":
		l.TargetKind = links.Hidden
	case "everybody":
		l.TargetKind = links.Everybody
	}
	return l
}

func linkPolicy(t *testing.T, settings string) *Policy {
	t.Helper()
	cfg := Default()
	cfg.Links.Kinds = map[links.Kind]LinkSetting{}
	observe := false
	for _, s := range strings.Split(settings, ",") {
		key, value, ok := strings.Cut(s, "=")
		switch {
		case !ok:
		case key == "mode":
			observe = true
		case key == "default":
			cfg.Links.Default = LinkSetting(value)
		case key == "p.links":
			cfg.Partners = append(cfg.Partners, Partner{Tenant: string(partner), Links: LinkSetting(value)})
		case key == "e.links":
			cfg.Partners = append(cfg.Partners, Partner{Tenant: string(external), Links: LinkSetting(value)})
		default:
			cfg.Links.Kinds[links.Kind(key)] = LinkSetting(value)
		}
	}
	p, err := New(cfg, home, observe, testHosts, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A guest of ours in a partner's tenant who invites a colleague of ours ties
// that tenant to ours.
func TestWhereNothingNamesTheNearEndTheCredentialDoes(t *testing.T) {
	p := linkPolicy(t, "guest-invitation=block")
	l := linkOf("guest-invitation", "-", "home")
	guest := &tokens.Token{Place: tokens.InAuthorization, Tenant: external, Account: home}
	if v := p.DecideRequest(Request{Plane: Data, Links: []Link{l}, Tokens: []*tokens.Token{guest}}); v.Reason != LinkExternal || v.Resource != external {
		t.Errorf("from abroad: %+v", v)
	}
	if v := p.DecideRequest(Request{Plane: Data, Links: []Link{l}, Tokens: []*tokens.Token{homeToken}}); v.Blocked() {
		t.Errorf("from home: %+v", v)
	}
}

func TestTheWorstLinkWins(t *testing.T) {
	p := linkPolicy(t, "-")
	all := []Link{linkOf("vnet-peering", "home", "home"), linkOf("private-endpoint", "home", "external"), linkOf("vnet-peering", "home", "external")}
	for range all {
		if v := p.DecideRequest(Request{Plane: ARM, Links: all, Tokens: []*tokens.Token{homeToken}}); !v.Blocked() || v.Resource != external {
			t.Errorf("%+v", v)
		}
		all = append(all[1:], all[0])
	}
}

func TestTheZeroPolicyRefusesALink(t *testing.T) {
	r := Request{Plane: ARM, Links: []Link{linkOf("private-endpoint", "home", "external")}}
	if v := (&Policy{}).DecideRequest(r); !v.Blocked() {
		t.Errorf("%+v", v)
	}
}

func TestEveryBadLinkSettingIsNamedAtOnce(t *testing.T) {
	l := Links{Default: "deny", Kinds: map[links.Kind]LinkSetting{"vnet-peerings": "deny", links.DNSLink: "off", links.Approval: LinkAllow}}
	var got []string
	for _, e := range setting.List(l.Check()) {
		got = append(got, e.(*setting.Error).Path)
	}
	if diff := cmp.Diff([]string{"default", "kinds.dns-link", "kinds.vnet-peerings"}, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	cfg := Default()
	cfg.Partners = []Partner{{Tenant: string(partner), Links: "pass"}}
	if _, err := New(cfg, home, false, testHosts, nil); err == nil || !strings.Contains(err.Error(), "partners[0].links") {
		t.Errorf("partner: %v", err)
	}
	if err := DefaultLinks().Check(); err != nil {
		t.Error(err)
	}
}
