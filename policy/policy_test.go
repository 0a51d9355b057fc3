package policy

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/setting"
	"github.com/tenantgate/tenantgate/tokens"
)

const (
	home     tokens.Tenant = "11111111-1111-1111-1111-111111111111"
	external tokens.Tenant = "33333333-3333-3333-3333-333333333333"
	partner  tokens.Tenant = "44444444-4444-4444-4444-444444444444"
	app                    = "55555555-5555-5555-5555-555555555555"
	other                  = "66666666-6666-4666-8666-666666666666" // another application
	ann                    = "aaaaaaaa-0000-4000-8000-00000000000a" // users, by their objects
	bob                    = "bbbbbbbb-0000-4000-8000-00000000000b"
)

// named are the words that a row may use in a list.
var named = map[string]string{"app": app, "other": other, "ann": ann, "bob": bob, "graph": graph, "exchange": exchange}

var testHosts = Hosts{
	SignIn:     hosts.MustParseSet("login.microsoftonline.com"),
	ARM:        hosts.MustParseSet("management.azure.com"),
	Restricted: hosts.MustParseSet("login.microsoftonline.com", "graph.microsoft.com", "management.azure.com"),
	Exempt:     hosts.MustParseSet("device.login.microsoftonline.com"),
	Refused:    hosts.MustParseSet("login.windows-ppe.net"),
}

var credentials = map[string]*tokens.Token{
	"home":              {Tenant: home, Account: home},
	"external":          {Tenant: external, Account: external},
	"partner":           {Tenant: partner, Account: partner},
	"partner-app":       {Tenant: partner, Account: partner, App: app},
	"consumer":          {Tenant: tokens.Consumer, Account: tokens.Consumer},
	"consumer-guest":    {Tenant: external, Account: tokens.Consumer},
	"consumer-partner":  {Tenant: partner, Account: tokens.Consumer},
	"inbound":           {Tenant: home, Account: external},
	"inbound-partner":   {Tenant: home, Account: partner},
	"guest-unknown":     {Tenant: home},
	"outbound":          {Tenant: external, Account: home},
	"outbound-partner":  {Tenant: partner, Account: home},
	"unreadable":        {Unreadable: true, Kind: tokens.Opaque},
	"issued-unreadable": {Unreadable: true, Kind: tokens.Opaque, Place: tokens.InResponse},
	"issued-home":       {Tenant: home, Account: home, Place: tokens.InResponse},
	"issued-external":   {Tenant: external, Account: external, Place: tokens.InResponse},
	"issued-consumer":   {Tenant: tokens.Consumer, Account: tokens.Consumer, Place: tokens.InResponse},
	"issued-inbound":    {Tenant: home, Account: external, Place: tokens.InResponse},
	"issued-outbound":   {Tenant: external, Account: home, Place: tokens.InResponse},
	"issued-partner":    {Tenant: partner, Account: partner, Place: tokens.InResponse},
	"partner-ann":       {Tenant: partner, Account: partner, Object: ann, HomeObject: ann},
	"partner-bob":       {Tenant: partner, Account: partner, Object: bob, HomeObject: bob},
	"partner-guest":     {Tenant: partner, Account: external, Object: bob, HomeObject: ann},
	"partner-other":     {Tenant: partner, Account: partner, App: other},
	"partner-exchange":  {Tenant: partner, Account: partner, App: other, Audience: "https://outlook.office365.com/"},
	"partner-arm":       {Tenant: partner, Account: partner, App: other, Audience: "https://management.core.windows.net/"},
	"partner-teams":     {Tenant: partner, Account: partner, App: "1fec8e78-bce4-4aaf-ab1b-5451cc387264", Audience: "https://graph.microsoft.com"},
	"partner-graph":     {Tenant: partner, Account: partner, App: other, Audience: graph},
	"partner-hidden":    {Tenant: partner, Account: partner, App: other, Audience: "https://app.example"},
	"partner-ann-app":   {Tenant: partner, Account: partner, Object: ann, HomeObject: ann, App: app},
	"consumer-app":      {Tenant: tokens.Consumer, Account: tokens.Consumer, App: app},
	"outbound-ann":      {Tenant: external, Account: home, Object: bob, HomeObject: ann},
	"outbound-app":      {Tenant: external, Account: home, App: app},
	"outbound-p-app":    {Tenant: partner, Account: home, App: app},
	"outbound-other":    {Tenant: external, Account: home, App: other},
	"inbound-ann":       {Tenant: home, Account: partner, Object: bob, HomeObject: ann},
	"inbound-app":       {Tenant: home, Account: partner, App: app},
	"partner-appless":   {Tenant: partner, Account: partner, Audience: graph},
	"partner-odd-app":   {Tenant: partner, Account: partner, App: "no ID", Audience: graph},
	"passthrough":       {Tenant: tokens.Passthrough, Account: tokens.Passthrough},
	"consumer-visitor":  {Tenant: tokens.Consumer, Account: external},
	"nobodys":           {Kind: tokens.JWT},
	"unreadable-home":   {Tenant: home, Account: home, Unreadable: true},
	"key":               {Kind: tokens.Key},
	"session":           {Kind: tokens.Session},
}

var owners = map[string]tokens.Tenant{"home": home, "external": external, "partner": partner, "?": ""}

// TestTruthTable is the policy: a row of testdata/requests.txt each.
func TestTruthTable(t *testing.T) {
	for _, row := range rows(t, "testdata/requests.txt") {
		r := Request{Plane: Plane(row.in[0]), Owner: owners[row.in[1]]}
		for _, seen := range strings.Split(row.in[2], ",") {
			switch seen {
			case "-":
			case "anonymous":
				r.Anonymous = true
			case "uninspectable":
				r.Uninspectable = true
			case "dns":
				r.DNS = true
			default:
				if credentials[seen] == nil {
					t.Fatalf("line %d: unknown credential %q", row.line, seen)
				}
				r.Tokens = append(r.Tokens, credentials[seen])
			}
		}
		v := build(t, row.in[3]).DecideRequest(r)
		got := fmt.Sprintf("%s %s %s", v.Action, v.Reason, v.Relation)
		if v.Observed {
			got += " observed"
		}
		if strings.Contains(row.want, "@") {
			got += " @" + v.Rule
		}
		if got != row.want {
			t.Errorf("line %d: %s\n got %s\nwant %s", row.line, row.text, got, row.want)
		}
	}
}

// TestConnections is a row of testdata/connections.txt each.
func TestConnections(t *testing.T) {
	names := map[string]hosts.Name{
		"sign-in": "login.microsoftonline.com", "data": "graph.microsoft.com", "exempt": "device.login.microsoftonline.com",
		"refused": "login.windows-ppe.net", "unlisted": "www.example.com", "address": "", "resolver": "dns.google",
	}
	for _, row := range rows(t, "testdata/connections.txt") {
		c := Conn{Name: names[row.in[0]], Entra: strings.Contains(row.in[1], "entra"), Signable: strings.Contains(row.in[1], "signable"), DNS: strings.Contains(row.in[1], "dns")}
		v := build(t, row.in[2]).DecideConn(c)
		got := fmt.Sprintf("%s %s", v.Action, v.Reason)
		if v.Observed {
			got += " observed"
		}
		if got != row.want {
			t.Errorf("line %d: %s\n got %s\nwant %s", row.line, row.text, got, row.want)
		}
	}
}

func TestZeroVerdictBlocks(t *testing.T) {
	if v := (Verdict{}); !v.Blocked() || v.Action.String() != "block" {
		t.Errorf("the zero Verdict is %s", v.Action)
	}
	if v := (&Policy{}).DecideConn(Conn{Name: "www.example.com"}); !v.Blocked() {
		t.Errorf("the zero Policy says %s", v.Action)
	}
	foreign := Request{Plane: Data, Tokens: []*tokens.Token{{Tenant: external, Account: external}}}
	if v := (&Policy{}).DecideRequest(foreign); !v.Blocked() {
		t.Errorf("the zero Policy says %s", v.Action)
	}
}

// TestOneForeignTokenIsEnough holds for every company a foreign token can be in.
func TestOneForeignTokenIsEnough(t *testing.T) {
	p := build(t, "-")
	all := []string{"home", "inbound", "outbound", "unreadable", "consumer", "key", "session", "guest-unknown"}
	for mask := range 1 << len(all) {
		r := Request{Plane: Data, Owner: home}
		for i, name := range all {
			if mask>>i&1 == 1 {
				r.Tokens = append(r.Tokens, credentials[name])
			}
		}
		at := mask % (len(r.Tokens) + 1)
		r.Tokens = append(r.Tokens[:at:at], append([]*tokens.Token{credentials["external"]}, r.Tokens[at:]...)...)
		if v := p.DecideRequest(r); !v.Blocked() || v.Relation != External {
			t.Fatalf("%d credentials with a foreign one: %+v", len(r.Tokens), v)
		}
	}
}

func TestWhatAnAdministratorDecidesOnIsEvidence(t *testing.T) {
	p := build(t, "-")
	for name, want := range map[string]bool{"home": false, "inbound": true, "outbound": true, "external": true, "key": true, "unreadable": true} {
		v := p.DecideRequest(Request{Plane: Data, Tokens: []*tokens.Token{credentials[name]}})
		if v.Relevant() != want {
			t.Errorf("%s: relevant = %v, want %v (%+v)", name, v.Relevant(), want, v)
		}
	}
}

func TestDecidingAllocatesNothing(t *testing.T) {
	p := build(t, "p.tenant_restrictions=allow,p.applications=app")
	r := Request{Plane: Data, Tokens: []*tokens.Token{credentials["home"], credentials["partner-app"], credentials["external"]}}
	c := Conn{Name: "a.b.c.example.com"}
	if n := testing.AllocsPerRun(100, func() { p.DecideRequest(r); p.DecideConn(c); p.Plane(c.Name) }); n != 0 {
		t.Errorf("%v allocations a decision", n)
	}
}

func TestAPartnerWrittenAsADomainIsResolved(t *testing.T) {
	cfg := Default()
	cfg.Partners = []Partner{{Tenant: "fabrikam.com", TenantRestrictions: All(Allow)}, {Tenant: "unknown.example", TenantRestrictions: All(Allow)}}
	p, err := New(cfg, home, false, testHosts, func(domain string) (tokens.Tenant, bool) {
		return external, domain == "fabrikam.com"
	})
	if err != nil {
		t.Fatal(err)
	}
	v := p.DecideRequest(Request{Plane: Data, Tokens: []*tokens.Token{credentials["external"]}})
	if v.Action != Forward || v.Reason != PartnerAccount {
		t.Errorf("got %+v", v)
	}
	v = p.DecideRequest(Request{Plane: Data, Tokens: []*tokens.Token{credentials["partner"]}})
	if !v.Blocked() {
		t.Errorf("a partner that nobody could resolve permits: %+v", v)
	}
}

func TestEveryBadSettingIsNamedAtOnce(t *testing.T) {
	cfg := Default()
	cfg.Default.Outbound, cfg.Default.Sessions, cfg.Unlisted = All("deny"), "", "pass"
	cfg.Partners = []Partner{
		{Tenant: string(home)}, {Tenant: "fabrikam"}, {Tenant: "fabrikam .com"}, {Keys: "deny", Tenant: string(external), Inbound: All("yes"), Applications: []string{"Teams"}}, {Tenant: string(external)},
	}
	_, err := New(cfg, home, false, testHosts, nil)
	var got []string
	for _, e := range setting.List(err) {
		got = append(got, e.(*setting.Error).Path)
	}
	want := []string{
		"unlisted", "default.outbound", "default.sessions", "partners[0].tenant", "partners[1].tenant", "partners[2].tenant",
		"partners[3].inbound", "partners[3].keys", "partners[3].applications[0]", "partners[4].tenant",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func BenchmarkDecideRequest(b *testing.B) {
	p := build(b, "-")
	r := Request{Plane: Data, Tokens: []*tokens.Token{credentials["home"]}}
	for b.Loop() {
		p.DecideRequest(r)
	}
}

// build makes the policy that a row's settings describe.
func build(t testing.TB, settings string) *Policy {
	t.Helper()
	cfg, observe := Default(), false
	partners := map[string]*Partner{"p": {Tenant: string(partner)}, "c": {Tenant: string(tokens.Consumer)}}
	used := map[string]bool{}
	for _, s := range strings.Split(settings, ",") {
		key, value, ok := strings.Cut(s, "=")
		who, field, _ := strings.Cut(key, ".")
		switch {
		case !ok:
		case key == "mode":
			observe = value == "observe"
		case key == "unlisted":
			cfg.Unlisted = value
		case key == "exempt":
			cfg.Exempt = value
		case key == "encrypted-dns":
			cfg.EncryptedDNS = value
		case partners[who] != nil && field == "applications":
			partners[who].Applications, used[who] = words(value), true
		case partners[who] != nil:
			e := partners[who]
			set(t, field, value, map[string]*Access{"tenant_restrictions": &e.TenantRestrictions, "outbound": &e.Outbound, "inbound": &e.Inbound},
				map[string]*Setting{"anonymous": &e.Anonymous, "sessions": &e.Sessions, "keys": &e.Keys})
			used[who] = true
		default:
			d := &cfg.Default
			set(t, key, value, map[string]*Access{"tenant_restrictions": &d.TenantRestrictions, "outbound": &d.Outbound, "inbound": &d.Inbound},
				map[string]*Setting{"unreadable": &d.Unreadable, "anonymous": &d.Anonymous, "sessions": &d.Sessions, "keys": &d.Keys})
		}
	}
	for who := range used {
		cfg.Partners = append(cfg.Partners, *partners[who])
	}
	p, err := New(cfg, home, observe, testHosts, nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// set does what one setting of a row says: outbound=block, and in the long
// form outbound.users=allow:ann+bob.
func set(t testing.TB, key, value string, access map[string]*Access, plain map[string]*Setting) {
	t.Helper()
	if s, ok := plain[key]; ok {
		*s = Setting(value)
		return
	}
	key, side, long := strings.Cut(key, ".")
	a := access[key]
	if a == nil {
		t.Fatalf("unknown setting %q", key)
	}
	if !long {
		*a = All(Setting(value))
		return
	}
	a.Setting = ""
	to := &a.Users
	if side == "applications" {
		to = &a.Applications
	}
	kind, list, ok := strings.Cut(value, ":")
	switch {
	case !ok:
		to.Setting = Setting(kind)
	case kind == "allow":
		to.Allow = words(list)
	default:
		to.Block = words(list)
	}
}

func words(list string) (ids []string) {
	for word := range strings.SplitSeq(list, "+") {
		if id, ok := named[word]; ok {
			word = id
		}
		ids = append(ids, word)
	}
	return ids
}

type row struct {
	line       int
	text, want string
	in         []string
}

// rows reads "in … => want" lines; # starts a comment.
func rows(t *testing.T, file string) []row {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []row
	scan := bufio.NewScanner(f)
	for n := 1; scan.Scan(); n++ {
		text := scan.Text()
		if in, want, ok := strings.Cut(text, "=>"); ok && !strings.HasPrefix(text, "#") {
			all = append(all, row{n, text, strings.Join(strings.Fields(want), " "), strings.Fields(in)})
		}
	}
	if len(all) < 15 {
		t.Fatalf("%s has %d rows", file, len(all))
	}
	return all
}

func TestABrokenOriginIsNobodysAttempt(t *testing.T) {
	for _, reason := range []Reason{OriginUnreachable, OriginTimeout, OriginUntrusted, ParentAuth, Overloaded} {
		if (Verdict{Reason: reason}).Relevant() {
			t.Errorf("%s is evidence", reason)
		}
	}
}
