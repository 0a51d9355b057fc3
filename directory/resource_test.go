package directory

import (
	"bufio"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/hosts"
)

// testdata/resources.txt: a URL, and the host that stands for what it names.
func TestAURLNamesTheOrganizationThatItIsFor(t *testing.T) {
	src, err := os.ReadFile("testdata/resources.txt")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for lines := bufio.NewScanner(strings.NewReader(string(src))); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) != 2 || f[0] == "#" {
			continue
		}
		rows++
		host, path, _ := strings.Cut(f[0], "/")
		if got := Resource(hosts.Name(host), "/"+path); string(got) != f[1] {
			t.Errorf("Resource(%s) = %s, want %s", f[0], got, f[1])
		}
	}
	if rows < 20 {
		t.Errorf("%d rows", rows)
	}
}

func TestAnOrganizationNamesItsTenantInItsHeader(t *testing.T) {
	named := func(tenants ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "" {
				t.Error("sent a credential")
			}
			w.Header()["X-Vss-Resourcetenant"] = tenants
			http.Redirect(w, r, "https://evil.example/"+fabrikam, http.StatusFound)
		}
	}
	uri := challenge("Bearer authorization_uri=https://login.microsoftonline.com/"+fabrikam, `Basic realm="https://tfsprodeus2.visualstudio.com/"`)
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		want   string
	}{
		"header":            {named(contoso), contoso},
		"challenge":         {uri, fabrikam},
		"two headers":       {named(contoso, fabrikam), ""},
		"personal accounts": {named("00000000-0000-0000-0000-000000000000"), ""},
		"no header":         {named(), ""},
	} {
		c := newCloud(t)
		c.set("dev.azure.com/contoso-org/_apis/connectionData", tt.answer)
		d := open(t, Config{Transport: c.transport(t)})
		got, err := d.Host(t.Context(), Resource("pkgs.dev.azure.com", "/contoso-org/_packaging"))
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s: %q, %v, want %q", name, got, err, tt.want)
		}
	}
}

func TestAHostThatIsNamedForADomainBelongsToItsTenant(t *testing.T) {
	c := newCloud(t)
	c.setDomain("contoso.onmicrosoft.com", contoso)
	c.setDomain(fabrikam, fabrikam)
	dir := t.TempDir() + "/directory"
	d := open(t, Config{Transport: c.transport(t), Dir: dir})
	for host, want := range map[string]string{
		"contoso.onmicrosoft.com": contoso, "autodiscover.contoso.onmicrosoft.com": contoso,
		"contoso.mail.onmicrosoft.com": contoso, "contoso.b2clogin.com": contoso, "contoso.ciamlogin.com": contoso,
		fabrikam + ".ciamlogin.com": fabrikam,
	} {
		got, err := d.AskHost(t.Context(), hosts.Name(host))
		if got.Tenant != want || got.Source != OpenID || err != nil {
			t.Errorf("%s: %+v, %v", host, got, err)
		}
	}
	if _, err := d.Host(t.Context(), "nobody.b2clogin.com"); !errors.Is(err, ErrUnknown) {
		t.Errorf("an unknown name: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	c.stop(true)
	again := open(t, Config{Transport: c.transport(t), Dir: dir})
	if got, err := again.AskHost(t.Context(), "contoso.b2clogin.com"); got.Tenant != contoso || got.Source != OpenID || err != nil {
		t.Errorf("after a restart: %+v, %v", got, err)
	}
}

func TestConfiguredHostsBelongToWhomTheConfigurationSays(t *testing.T) {
	c := newCloud(t)
	s := Settings{Hosts: map[string]string{
		"contoso.azurecr.io": contoso, "*.servicebus.windows.net": fabrikam, "*.corp.servicebus.windows.net": contoso,
		"dev.azure.com/Contoso": contoso, "fabrikam.sharepoint.com": fabrikam,
	}}
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	d := open(t, Config{Transport: c.transport(t), Tenants: s.Hosts})
	for name, want := range map[string]string{
		"contoso.azurecr.io": contoso, "bus.servicebus.windows.net": fabrikam, "a.b.servicebus.windows.net": fabrikam,
		"x.corp.servicebus.windows.net": contoso, "contoso.visualstudio.com": contoso, "fabrikam.sharepoint.com": fabrikam,
		"servicebus.windows.net": "", "other.azurecr.io": "", "evilservicebus.windows.net": "",
	} {
		got, err := d.Host(t.Context(), hosts.Name(name))
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
		if known, ok := d.Known(hosts.Name(name)); known != want || ok != (want != "") {
			t.Errorf("Known(%s) = %q, %v", name, known, ok)
		}
	}
	if c.asked.Load() != 0 {
		t.Error("somebody was asked for what is configured")
	}
}

func TestBadPatternsOfHostsAreNamedTogether(t *testing.T) {
	s := Settings{Hosts: map[string]string{
		"a b": contoso, "contoso.azurecr.io": "contoso.com", "www.example.com/x": contoso, "*.dev.azure.com/x": contoso, "dev.azure.com/_apis": contoso,
	}}
	err := s.Check()
	for _, path := range []string{"hosts.a b", "hosts.contoso.azurecr.io", "hosts.www.example.com/x", "hosts.*.dev.azure.com/x", "hosts.dev.azure.com/_apis"} {
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s is not named in %v", path, err)
		}
	}
	if _, err := New(Config{Tenants: s.Hosts}); err == nil {
		t.Error("a directory takes them all the same")
	}
}

func FuzzResource(f *testing.F) {
	f.Add("dev.azure.com", "/contoso/_git/x")
	f.Add("contoso.pkgs.visualstudio.com", "/x")
	f.Fuzz(func(t *testing.T, host, path string) {
		n, err := hosts.Parse(host)
		if err != nil {
			return
		}
		got := Resource(n, path)
		if again, err := hosts.Parse(string(got)); err != nil || again != got {
			t.Errorf("Resource(%s, %q) = %q", n, path, got)
		}
		if Resource(got, "/") != got {
			t.Errorf("%s is not what it stands for", got)
		}
	})
}
