package tagging

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/hosts"
)

// TestWhateverAClientSendsOursArrivesOnce applies the tags to random header
// sections and asks what security reviewers ask of each (O1): on tagged hosts
// our headers with our value, once; no variant anywhere; nothing else touched.
func TestWhateverAClientSendsOursArrivesOnce(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	rows := readTags(t)
	for _, table := range modes(t) {
		for range 20_000 {
			n := rows[rng.IntN(len(rows))].host
			h, innocent := randomHeader(rng)
			got := table.At(n).Apply(h)
			if again := table.At(n).Apply(h); !slices.Equal(got, again) {
				t.Fatalf("%s: applied twice: %q, then %q", n, got, again)
			}
			checkSection(t, n, h, table.Tags(n), innocent)
		}
	}
}

func checkSection(t *testing.T, n hosts.Name, h http.Header, want []Tag, innocent int) {
	t.Helper()
	for _, tag := range want {
		if got := h.Values(tag.Header); !slices.Equal(got, []string{tag.Value}) {
			t.Fatalf("%s: %s is %q, want %q once", n, tag.Header, got, tag.Value)
		}
	}
	variants := 0
	for key := range h {
		folded := strings.ToLower(strings.ReplaceAll(strings.TrimSpace(key), "_", "-"))
		if strings.HasPrefix(folded, "sec-restrict-") || strings.HasPrefix(folded, "restrict-access-") || strings.HasPrefix(folded, "sec-tenant-") {
			variants++
		}
	}
	if variants != len(want) {
		t.Fatalf("%s: %d restriction headers leave, want %d: %q", n, variants, len(want), h)
	}
	if len(h)-variants != innocent {
		t.Fatalf("%s: %d other headers are left, want %d: %q", n, len(h)-variants, innocent, h)
	}
}

// randomHeader returns a section of forged tags in random spellings among
// innocent headers, and how many innocent ones there are.
func randomHeader(rng *rand.Rand) (h http.Header, innocent int) {
	h = http.Header{}
	for range rng.IntN(6) {
		name := []byte(restrictionHeaders[rng.IntN(len(restrictionHeaders))])
		for i, c := range name {
			switch {
			case c == '-' && rng.IntN(3) == 0:
				name[i] = '_'
			case 'a' <= c && c <= 'z' && rng.IntN(2) == 0:
				name[i] -= 'a' - 'A'
			}
		}
		blanks := []string{"", "", " ", "\t"}
		h[blanks[rng.IntN(4)]+string(name)+blanks[rng.IntN(4)]] = []string{"evil", homeTenant + ":" + homePolicy}[:1+rng.IntN(2)]
	}
	for _, name := range []string{"Cookie", "Authorization", "Sec-Fetch-Mode", "X-Restrict-Access-Context"} {
		if rng.IntN(2) == 0 {
			h[name] = []string{"v"}
			innocent++
		}
	}
	return h, innocent
}

func TestALaterHeaderIsNotWrittenIntoAnotherRequest(t *testing.T) {
	table := mustNew(t, Default())
	one, two := http.Header{}, http.Header{}
	table.At(Canonical).Apply(one)
	table.At(Canonical).Apply(two)
	one.Add(policyHeader, "one")
	two.Add(policyHeader, "two")
	if got := one.Values(policyHeader); len(got) != 2 || got[1] != "one" {
		t.Errorf("another request's header is written into this one's: %q", got)
	}
	if got := table.Tags(Canonical)[0].Value; got != homeTenant+":"+homePolicy {
		t.Errorf("the table itself says %q", got)
	}
}

func TestTaggingAnOrdinaryRequestAllocatesNothing(t *testing.T) {
	for _, table := range modes(t) {
		for _, n := range []hosts.Name{"login.microsoftonline.com", "login.live.com", "westeurope.login.microsoft.com",
			"device.login.microsoftonline.us", "graph.microsoft.com", "contoso-my.sharepoint.com"} {
			h, site, tags := browserHeader(), table.At(n), table.Tags(n)
			site.Apply(h) // the map grows once
			if allocs := testing.AllocsPerRun(100, func() {
				for _, tag := range tags {
					delete(h, tag.Header)
				}
				site.Apply(h)
			}); allocs != 0 {
				t.Errorf("%s: Apply makes %v allocations", n, allocs)
			}
		}
	}
	h := browserHeader()
	if allocs := testing.AllocsPerRun(100, func() { Strip(h) }); allocs != 0 {
		t.Errorf("Strip makes %v allocations", allocs)
	}
}

func browserHeader() http.Header {
	return http.Header{
		"Accept": {"*/*"}, "Accept-Encoding": {"gzip"}, "Accept-Language": {"en"}, "Cookie": {"a=b"},
		"Origin": {"https://login.microsoftonline.com"}, "Referer": {"https://login.microsoftonline.com/"},
		"Sec-Fetch-Dest": {"empty"}, "Sec-Fetch-Mode": {"cors"}, "Sec-Fetch-Site": {"same-origin"}, "User-Agent": {"x"},
	}
}

func BenchmarkApply(b *testing.B) {
	table, err := New(Default(), homeTenant, homePolicy)
	if err != nil {
		b.Fatal(err)
	}
	h, site := browserHeader(), table.At(Canonical)
	b.ReportAllocs()
	for b.Loop() {
		site.Apply(h)
	}
}
