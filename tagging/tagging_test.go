package tagging

import (
	"maps"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantgate/tenantgate/hosts"
)

const (
	homeTenant = "aaaabbbb-0000-cccc-1111-dddd2222eeee"
	homePolicy = "1aaaaaa1-2bb2-3cc3-4dd4-5eeeeeeeeee5"
	tenants    = "contoso.com,fabrikam.onmicrosoft.com,72f988bf-86f1-41af-91ab-2d7cd011db47"
)

// bundles are the words of testdata/tags.txt.
var bundles = map[string][]Tag{
	"-":            nil,
	"policy":       {{policyHeader, homeTenant + ":" + homePolicy}},
	"list+context": {{tenantsHeader, tenants}, {contextHeader, homeTenant}},
	"msa":          {{policyHeader, "restrict-msa"}},
}

func v1Config(restrictMSA bool) Config {
	return Config{Version: "v1", V1: V1{Allowed: strings.Split(tenants, ","), Context: homeTenant, RestrictMSA: restrictMSA}}
}

func mustNew(t *testing.T, cfg Config) *Table {
	t.Helper()
	table, err := New(cfg, homeTenant, homePolicy)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// modes are the columns of testdata/tags.txt, in order.
func modes(t *testing.T) []*Table {
	t.Helper()
	return []*Table{mustNew(t, Default()), mustNew(t, v1Config(false)), mustNew(t, v1Config(true))}
}

type row struct {
	host    hosts.Name
	class   string
	bundles []string
}

func readTags(t *testing.T) []row {
	t.Helper()
	var rows []row
	for _, line := range lines(t, "testdata/tags.txt") {
		f := strings.Fields(line)
		if len(f) != 5 {
			t.Fatalf("testdata/tags.txt: %q has %d columns, want 5", line, len(f))
		}
		n, err := hosts.Parse(f[0])
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row{n, f[1], f[2:]})
	}
	return rows
}

func lines(t *testing.T, name string) []string {
	t.Helper()
	src, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for line := range strings.Lines(string(src)) {
		line = strings.TrimRight(line, "\n")
		if line != "" && line[0] != '#' {
			list = append(list, line)
		}
	}
	return list
}

func TestEachHostGetsExactlyTheHeadersOfTheTable(t *testing.T) {
	tables := modes(t)
	for _, r := range readTags(t) {
		for i, word := range r.bundles {
			want, ok := bundles[word]
			if !ok {
				t.Fatalf("testdata/tags.txt: %s: no bundle %q", r.host, word)
			}
			if diff := cmp.Diff(want, tables[i].Tags(r.host)); diff != "" {
				t.Errorf("%s, column %d: %s", r.host, i+2, diff)
			}
			h := http.Header{"User-Agent": {"x"}}
			names := tables[i].At(r.host).Apply(h)
			if diff := cmp.Diff(headerOf(want), h); diff != "" {
				t.Errorf("%s, column %d: headers: %s", r.host, i+2, diff)
			}
			if diff := cmp.Diff(namesOf(want), names); diff != "" {
				t.Errorf("%s, column %d: names: %s", r.host, i+2, diff)
			}
		}
	}
}

func headerOf(tags []Tag) http.Header {
	h := http.Header{"User-Agent": {"x"}}
	for _, tag := range tags {
		h.Set(tag.Header, tag.Value)
	}
	return h
}

func namesOf(tags []Tag) []string {
	var names []string
	for _, tag := range tags {
		names = append(names, tag.Header)
	}
	return names
}

func TestEachHostHasTheVerdictOfTheTable(t *testing.T) {
	for _, table := range modes(t) {
		for _, r := range readTags(t) {
			got := "other"
			switch {
			case Exempt().Has(r.host):
				got = "exempt"
			case table.Refused().Has(r.host):
				got = "refuse"
			case table.Hosts().Has(r.host):
				got = "inspect"
				if signInHosts(tagged).Has(r.host) {
					got = "tag"
				}
			}
			if got != r.class {
				t.Errorf("%s: %s, want %s", r.host, got, r.class)
			}
		}
	}
}

func TestEveryNameInTheProgramHasARowInTheTruthTable(t *testing.T) {
	rows := readTags(t)
	covered := func(pattern string, classes ...string) {
		set := hosts.MustParseSet(pattern)
		for _, r := range rows {
			if set.Has(r.host) && strings.Contains(strings.Join(classes, " "), r.class) {
				return
			}
		}
		t.Errorf("%s has no row of class %v in testdata/tags.txt", pattern, classes)
	}
	words := map[verdict]string{tagged: "tag", inspected: "inspect", refused: "refuse"}
	for _, s := range signIns {
		covered(s.pattern, words[s.verdict])
		if s.source == "" || s.why == "" {
			t.Errorf("%s: no source or reason", s.pattern)
		}
	}
	for _, u := range untouchables {
		covered(u.pattern, "exempt")
		if u.source == "" || u.why == "" {
			t.Errorf("%s: no source or reason", u.pattern)
		}
	}
}

func TestAHostThatMustNotBeDecryptedStaysOutOfEveryUnion(t *testing.T) {
	all := hosts.MustParseSet("*.microsoftonline.com", "*.microsoftonline.us", "device.login.microsoftonline.com")
	for _, table := range modes(t) {
		set := table.Hosts().Union(all)
		for _, r := range readTags(t) {
			if r.class == "exempt" && set.Has(r.host) {
				t.Errorf("%s would be decrypted", r.host)
			}
		}
	}
}

func TestRefusedNamesAreNotDecrypted(t *testing.T) {
	table := mustNew(t, Default())
	for _, pattern := range table.Refused().Patterns() {
		n := hosts.Name(strings.TrimPrefix(pattern, "*."))
		if table.Hosts().Has(n) {
			t.Errorf("%s is refused and decrypted", n)
		}
	}
}

func TestADestinationKnownByItsAddressIsTaggedLikeTheSignInService(t *testing.T) {
	if got := mustNew(t, Default()).Tags(Canonical); len(got) != 1 || got[0].Header != policyHeader {
		t.Errorf("Tags(Canonical) = %v", got)
	}
}

func TestLookalikesAreToldFromOtherHeaders(t *testing.T) {
	table := mustNew(t, Default())
	for _, line := range lines(t, "testdata/lookalikes.txt") {
		want, rest, _ := strings.Cut(line, " ")
		quoted, err := strconv.QuotedPrefix(strings.TrimSpace(rest))
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		name, err := strconv.Unquote(quoted)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if got := Restriction(name); got != (want == "tag") {
			t.Errorf("Restriction(%q) = %v, want %s", name, got, want)
		}
		h := http.Header{name: {"evil"}, "Accept": {"*/*"}}
		stripped := Strip(maps.Clone(h))
		if (len(stripped) == 1 && stripped[0] == name) != (want == "tag") {
			t.Errorf("Strip of %q names %q, want %s", name, stripped, want)
		}
		table.At("graph.microsoft.com").Apply(h)
		if _, left := h[name]; left != (want == "keep") {
			t.Errorf("Apply leaves %q: %v, want %s", name, left, want)
		}
		if h.Get("Accept") == "" {
			t.Errorf("%q: another header is gone", name)
		}
	}
}

func TestStripNamesWhatTheClientSent(t *testing.T) {
	h := http.Header{
		"Sec-Restrict-Tenant-Access-Policy": {"a", "b"},
		"restrict_access_to_tenants":        {"c"},
		"Restrict-Access-To-Tenants":        {"c"},
		"restrict-access-context":           {"c"},
		"RESTRICT_ACCESS_CONTEXT":           {"c"},
		"Cookie":                            {"d"},
	}
	want := []string{"RESTRICT_ACCESS_CONTEXT", "Restrict-Access-To-Tenants", "Sec-Restrict-Tenant-Access-Policy", "restrict-access-context", "restrict_access_to_tenants"}
	if diff := cmp.Diff(want, Strip(h)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(http.Header{"Cookie": {"d"}}, h); diff != "" {
		t.Error(diff)
	}
	if got := Strip(h); got != nil {
		t.Errorf("a clean section yields %q, want nil", got)
	}
}

func TestAClientCannotFillTheLogWithSpellings(t *testing.T) {
	h := http.Header{}
	name := []byte("restrict-access-context")
	for bits := range 1 << 8 {
		for i := range 8 {
			name[i] |= 0x20
			if bits>>i&1 == 1 {
				name[i] &^= 0x20
			}
		}
		h[strings.Repeat(" ", 500)+string(name)] = []string{"x"}
	}
	got := Strip(h)
	if len(got) != maxStripped || len(h) != 0 {
		t.Errorf("%d names reported, %d headers left, want %d and 0", len(got), len(h), maxStripped)
	}
	for _, name := range got {
		if len(name) > maxStrippedName {
			t.Errorf("a name of %d octets is reported", len(name))
		}
	}
}
