package tokens

import (
	"bufio"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/hosts"
)

func TestWhatOpensWithoutAnAccountIsKnownByItsURL(t *testing.T) {
	src, err := os.ReadFile("testdata/anonymous.txt")
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
		u, err := url.Parse(f[0])
		if err != nil {
			t.Fatal(err)
		}
		tenant, ok := anonymous(hosts.Name(u.Hostname()), u)
		got := "no"
		if ok {
			got = nick(tenant)
		}
		if got != f[1] {
			t.Errorf("%s is %s, want %s", f[0], got, f[1])
		}
	}
	if rows < 40 {
		t.Errorf("%d rows", rows)
	}
}

func TestANameInsideALinkHasALimit(t *testing.T) {
	text := `{"Tid":"` + string(foreign) + `"}`
	for length, want := range map[int]bool{maxLink: true, maxLink + 1: false} {
		if tenant, ok := contextTenant(text + strings.Repeat(" ", length-len(text))); ok != want {
			t.Errorf("%d octets: %q", length, tenant)
		}
	}
}

func TestAnOrdinaryURLCostsNoAllocation(t *testing.T) {
	for host, target := range map[hosts.Name]string{
		"graph.microsoft.com":  "https://graph.microsoft.com/v1.0/me?$top=5",
		"management.azure.com": "https://management.azure.com/subscriptions?api-version=2020-01-01",
	} {
		u, err := url.Parse(target)
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() { anonymous(host, u) }); n != 0 {
			t.Errorf("%s: %v allocations", target, n)
		}
	}
}

func anonymous(n hosts.Name, u *url.URL) (Tenant, bool) {
	return Site{opens: openingOf(n)}.Anonymous(u)
}

func FuzzAnonymous(f *testing.F) {
	f.Add("forms.office.com", "/Pages/ResponsePage.aspx?id=MzMzMzMzMzMzMzMzMzMzMw")
	f.Add("teams.microsoft.com", "/light-meetings/launch?coords=e30")
	f.Add("fabrikam.sharepoint.com", "/:w:/g/?share=%")
	f.Fuzz(func(t *testing.T, host, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		for _, n := range []string{host, "forms.office.com", "teams.microsoft.com", "x.sharepoint.com", "onedrive.live.com"} {
			tenant, ok := anonymous(hosts.Name(n), u)
			if _, isTenant := ParseTenant(string(tenant)); tenant != "" && ok && !isTenant {
				t.Errorf("%s%s names %q", n, target, tenant)
			}
		}
	})
}
