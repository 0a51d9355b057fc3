package tagging

import (
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// documented are the names a reviewer reads in Microsoft's documentation and in
// x-ms-diagnostics. They are written here a second time: an oracle that shared
// the table under test could not disagree with it.
var documented = []string{
	"sec-Restrict-Tenant-Access-Policy", "Restrict-Access-To-Tenants", "Restrict-Access-Context",
	"sec-tenant-restriction-access-policy",
}

// TestRandomRequestsLeaveWithOurTagsOnly asks of random requests what a
// reviewer asks (O1): on a host that testdata/tags.txt says is tagged, exactly
// our headers with exactly our values; no other spelling anywhere; whatever is
// nobody's tag as it came. TAG_REQUESTS says how many, TAG_SEED which ones.
func TestRandomRequestsLeaveWithOurTagsOnly(t *testing.T) {
	total, seed := fromEnv(t, "TAG_REQUESTS", 40_000), uint64(fromEnv(t, "TAG_SEED", 1))
	tables, rows := modes(t), readTags(t)
	workers := runtime.GOMAXPROCS(0)
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			g := generator{rand.New(rand.NewPCG(seed, uint64(w)))}
			for i := w; i < total; i += workers {
				mode, r := g.IntN(len(tables)), rows[g.IntN(len(rows))]
				came := g.section()
				if wrong := violation(tables[mode], r, mode, came); wrong != "" {
					t.Errorf("request %d of seed %d to %s, column %d: %s: %q", i, seed, r.host, mode+2, wrong, came)
					return
				}
			}
		})
	}
	all.Wait()
	if !t.Failed() {
		t.Logf("scorecard: %d of %d", total, total)
	}
}

func fromEnv(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q is no number of requests", name, text)
	}
	return n
}

// violation says what is wrong with what leaves, in both ways of making it:
// Apply, and Strip followed by Set. Empty if nothing is.
func violation(table *Table, r row, mode int, came http.Header) string {
	want := map[string]string{}
	var names []string
	for _, tag := range bundles[r.bundles[mode]] {
		want[http.CanonicalHeaderKey(tag.Header)] = tag.Value
		names = append(names, tag.Header)
	}
	applied, set, site := came.Clone(), came.Clone(), table.At(r.host)
	said := site.Apply(applied)
	stripped := site.Strip(set)
	if again := site.Set(set); !slices.Equal(said, names) || !slices.Equal(again, names) {
		return "says it sent " + strings.Join(said, ",") + " and " + strings.Join(again, ",")
	}
	forged := 0
	for name := range came {
		if forgery(name) {
			forged++
		}
	}
	if len(stripped) != min(forged, 16) {
		return "tells of " + strconv.Itoa(len(stripped)) + " forged names, of " + strconv.Itoa(forged)
	}
	for _, left := range []http.Header{applied, set} {
		if wrong := unlike(left, came, want, forged); wrong != "" {
			return wrong
		}
	}
	return ""
}

// unlike compares what leaves with what came, less forgeries, and our own.
func unlike(left, came http.Header, want map[string]string, forged int) string {
	if len(left) != len(came)-forged+len(want) {
		return strconv.Itoa(len(left)) + " names leave"
	}
	for name, values := range left {
		ours, isOurs := want[name]
		switch {
		case isOurs && !slices.Equal(values, []string{ours}):
			return name + " has not our value, once"
		case !isOurs && forgery(name):
			return strconv.Quote(name) + " leaves"
		case !isOurs && !slices.Equal(values, came[name]):
			return strconv.Quote(name) + " was changed"
		}
	}
	return ""
}

// forgery is the oracle's own reading of a name, the slow and plain way.
func forgery(name string) bool {
	name = strings.TrimFunc(name, func(r rune) bool { return r <= ' ' })
	name = strings.ReplaceAll(strings.ToLower(name), "_", "-")
	return slices.ContainsFunc(documented, func(d string) bool { return strings.ToLower(d) == name })
}

type generator struct{ *rand.Rand }

// section is what a client sends: forgeries, near misses, and its own.
func (g generator) section() http.Header {
	h := http.Header{}
	for range g.IntN(6) {
		h[g.spelling(documented[g.IntN(len(documented))])] = g.values()
	}
	if g.IntN(50) == 0 { // more than are told of
		for range 40 {
			h[g.spelling(documented[g.IntN(len(documented))])] = g.values()
		}
	}
	for _, name := range []string{"Cookie", "Authorization", "Sec-Fetch-Mode", "Connection", "X-Restrict-Access-Context", ""} {
		if g.IntN(3) == 0 {
			h[name] = g.values()
		}
	}
	return h
}

// spelling varies a name: case, hyphens, what stands around it; now and then it
// adds, drops or changes a letter, and whose name that is the oracle says.
func (g generator) spelling(name string) string {
	b := []byte(name)
	for i, c := range b {
		switch {
		case c == '-' && g.IntN(4) == 0:
			b[i] = '_'
		case c != '-' && g.IntN(3) == 0:
			b[i] ^= 'a' - 'A'
		}
	}
	around := []string{"", "", "", " ", "\t", "  ", "\r", "\x00", "\x0b "}
	at := g.IntN(len(b))
	switch g.IntN(8) {
	case 0:
		b = slices.Delete(b, at, at+1)
	case 1:
		b = slices.Insert(b, at, "-_x \x7f."[g.IntN(6)])
	case 2:
		b[at] = "-_xA1~"[g.IntN(6)]
	case 3:
		return http.CanonicalHeaderKey(string(b))
	}
	return around[g.IntN(len(around))] + string(b) + around[g.IntN(len(around))]
}

func (g generator) values() []string {
	some := []string{"", "restrict-msa", homeTenant + ":" + homePolicy, "33333333-0000-4000-8000-000000000003:x", " , ", "a,b"}
	return some[g.IntN(3):][:1+g.IntN(3)]
}
