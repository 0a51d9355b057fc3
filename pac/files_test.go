package pac

import (
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/setting"
)

func company() Hosts {
	return Hosts{
		Restricted: hosts.MustParseSet("login.microsoftonline.com", "*.b2clogin.com", "*.sharepoint.com", "*.blob.core.windows.net"),
		SignIn:     hosts.MustParseSet("login.microsoftonline.com", "*.b2clogin.com"),
		Exempt:     hosts.MustParseSet("device.login.microsoftonline.com"),
	}
}

func TestABypassNeverHoldsASignInHost(t *testing.T) {
	for pattern, bad := range map[string]bool{
		"login.microsoftonline.com":        true,
		"LOGIN.microsoftonline.com.":       true,
		"*.microsoftonline.com":            true,
		"*.b2clogin.com":                   true,
		"contoso.b2clogin.com":             true,
		"*.contoso.b2clogin.com":           true,
		"*.com":                            true, // a whole top-level domain
		"https://x.sharepoint.com":         true,
		"b2clogin.com":                     false, // the pattern is of names beneath it
		"evil-login.microsoftonline.com":   false,
		"data.blob.core.windows.net":       false,
		"*.sharepoint.com":                 false,
		"device.login.microsoftonline.com": false,
		"www.example.com":                  false,
	} {
		for _, at := range []string{"bypass[0]", "groups[0].bypass[0]"} {
			cfg := Default()
			cfg.Groups = []Group{{Name: "g"}}
			if at == "bypass[0]" {
				cfg.Bypass = []string{pattern}
			} else {
				cfg.Groups[0].Bypass = []string{pattern}
			}
			f, err := New(cfg, company())
			if (err != nil) != bad || (f == nil) != bad {
				t.Errorf("%s: %s: %v, refused: %v, want %v", at, pattern, err, f == nil, bad)
			}
			if err != nil && !strings.HasPrefix(err.Error(), at+": ") {
				t.Errorf("%s: %v", at, err)
			}
		}
	}
}

func TestEveryProblemOfTheSectionIsToldAtOnce(t *testing.T) {
	cfg := Config{
		Proxies: []string{"proxy.contoso.com:8080", "0.0.0.0:8080", "https://proxy"}, Spread: "random", Exempt: "tunnel",
		Bypass: []string{"login.microsoftonline.com"},
		Groups: []Group{{Name: "a b"}, {Name: "x", Clients: []string{"10.0.0.0/33", "10.1.0.0/16"}}, {Name: "x", Proxies: []string{":8080"}}},
	}
	_, err := New(cfg, company())
	var got []string
	for _, e := range setting.List(err) {
		at, _, _ := strings.Cut(e.Error(), ":")
		got = append(got, at)
		if !strings.HasSuffix(e.Error(), ")") {
			t.Errorf("no hint: %v", e)
		}
	}
	want := []string{"proxies[1]", "proxies[2]", "bypass[0]", "spread", "exempt", "groups[0].name", "groups[1].clients[0]", "groups[2].name", "groups[2].proxies[0]"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s\n%v", diff, err)
	}
}

func TestWhoAsksDecidesWhichFile(t *testing.T) {
	cfg := Default()
	cfg.Proxies = []string{"main.contoso.com:8080"}
	cfg.Bypass = []string{"all.blob.core.windows.net"}
	cfg.Groups = []Group{
		{Name: "plant", Clients: []string{"10.1.0.0/16", "2001:db8:1::/48"}, Proxies: []string{"plant.contoso.com:8080"}},
		{Name: "lab", Clients: []string{"10.1.2.0/24", "10.2.0.0/16"}, Bypass: []string{"lab.blob.core.windows.net"}},
		{Name: "guests", Proxies: []string{"guests.contoso.com:8080"}},
	}
	f, err := New(cfg, company())
	if err != nil {
		t.Fatal(err)
	}
	const main, plant, guests = "PROXY main.contoso.com:8080", "PROXY plant.contoso.com:8080", "PROXY guests.contoso.com:8080"
	for _, q := range []struct{ group, client, signIn, lab string }{
		{"", "192.0.2.1", main, main},
		{"", "10.1.9.9", plant, plant},
		{"", "::ffff:10.1.9.9", plant, plant},
		{"", "2001:db8:1::9", plant, plant},
		{"", "10.1.2.3", plant, plant}, // the first group that fits
		{"", "10.2.2.3", main, direct},
		{"guests", "10.1.9.9", guests, guests}, // a name before an address
		{"lab", "192.0.2.1", main, direct},
		{"nobody", "10.1.9.9", plant, plant}, // a wrong name is no way out
		{"Lab", "192.0.2.1", main, main},
		{"", "", main, main},
	} {
		client, _ := netip.ParseAddr(q.client)
		s := f.Script(q.group, client, "fallback.contoso.com:8080")
		for host, want := range map[hosts.Name]string{"login.microsoftonline.com": q.signIn, "lab.blob.core.windows.net": q.lab, "all.blob.core.windows.net": direct} {
			if got, err := Route(s, host); err != nil || got != want {
				t.Errorf("group %q, client %q: %s: %q, %v, want %q", q.group, q.client, host, got, err, want)
			}
		}
	}
}

func TestWithoutASettingTheFallbackIsTheProxy(t *testing.T) {
	f, err := New(Default(), company())
	if err != nil {
		t.Fatal(err)
	}
	got, err := Route(f.Script("", netip.Addr{}, "here.contoso.com:8080"), "login.microsoftonline.com")
	if err != nil || got != "PROXY here.contoso.com:8080" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestExemptHostsGoWhereTheSettingSays(t *testing.T) {
	for word, want := range map[string]string{Direct: direct, ToProxy: "PROXY p.test:1"} {
		cfg := Default()
		cfg.Exempt = word
		f, err := New(cfg, company())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Route(f.Script("", netip.Addr{}, "p.test:1"), "device.login.microsoftonline.com"); err != nil || got != want {
			t.Errorf("exempt: %s: %q, %v, want %q", word, got, err, want)
		}
	}
}

func TestTheServedFileFollowsTheGroupAndTheConnection(t *testing.T) {
	cfg := Default()
	cfg.Spread = ByClient
	cfg.Groups = []Group{{Name: "local", Clients: []string{"127.0.0.0/8"}, Proxies: []string{"local.test:1"}}, {Name: "far", Proxies: []string{"far.test:1"}}}
	f, err := New(cfg, company())
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(Handler(func(group string, client netip.Addr) Script { return f.Script(group, client, "main.test:1") }))
	t.Cleanup(srv.Close)
	for path, want := range map[string]string{
		"/proxy.pac": "PROXY local.test:1", "/proxy.pac?group=far": "PROXY far.test:1",
		"/proxy.pac?group=%00%3Cx": "PROXY local.test:1", "/proxy.pac?group=x;y&%zz": "PROXY local.test:1",
	} {
		resp, body := ask(t, srv, "GET", path, "X-Forwarded-For", "192.0.2.1")
		if resp.StatusCode != 200 || !strings.Contains(body, want) || !strings.Contains(body, `key = "127.0.0.1"`) {
			t.Errorf("%s: %d, without %s", path, resp.StatusCode, want)
		}
	}
}

func FuzzAFileNeverHasMoreThanData(f *testing.F) {
	f.Add("proxy.contoso.com:8080", "x.sharepoint.com", "10.0.0.1")
	f.Add("\";alert(1)//:1", "*/.sharepoint.com", "\n")
	f.Fuzz(func(t *testing.T, proxy, bypass, client string) {
		cfg := Default()
		cfg.Proxies, cfg.Bypass, cfg.Spread = []string{proxy}, []string{bypass}, ByClient
		files, err := New(cfg, company())
		if err != nil {
			return
		}
		addr, _ := netip.ParseAddr(client)
		src := mustSource(t, files.Script("", addr, ""))
		for _, c := range src {
			if c >= 0x7f || c < ' ' && c != '\n' {
				t.Fatalf("%q in the file", c)
			}
		}
		if got, err := Route(files.Script("", addr, ""), "login.microsoftonline.com"); err != nil || strings.Contains(got, direct) {
			t.Fatalf("a sign-in host: %q, %v", got, err)
		}
	})
}
