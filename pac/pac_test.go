package pac

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantgate/tenantgate/hosts"
)

var update = flag.Bool("update", false, "write the golden file")

func small() Script {
	return Script{
		Restricted: hosts.MustParseSet("login.microsoftonline.com", "*.login.microsoftonline.us", "*.sharepoint.com"),
		Exempt:     hosts.MustParseSet("device.login.microsoftonline.us", "*.certauth.login.microsoftonline.us"),
		Proxies:    []string{"proxy-a.contoso.com:8080", "[2001:db8::1]:8080"},
	}
}

func mustSource(t *testing.T, s Script) []byte {
	t.Helper()
	src, err := source(s)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func TestTheFileReadsAsTheGoldenOne(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, small()); err != nil {
		t.Fatal(err)
	}
	const name = "testdata/proxy.pac.golden"
	if *update {
		if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("%s (go test -update writes it): %s", name, diff)
	}
}

func TestEqualScriptsGiveEqualFiles(t *testing.T) {
	s := small()
	s.Restricted = hosts.MustParseSet("*.sharepoint.com").Union(hosts.MustParseSet("*.login.microsoftonline.us", "Login.MicrosoftOnline.com."))
	if diff := cmp.Diff(mustSource(t, small()), mustSource(t, s)); diff != "" {
		t.Error(diff)
	}
	s.Proxies = append(s.Proxies, "proxy-b.contoso.com:8080")
	if bytes.Equal(mustSource(t, small()), mustSource(t, s)) {
		t.Error("another proxy, the same file")
	}
}

func TestARestrictedHostIsNeverDirect(t *testing.T) {
	s := small()
	for _, n := range names(500, "tenant%d.sharepoint.com") {
		got, err := Route(s, n)
		if err != nil || strings.Contains(got, direct) || strings.Count(got, "PROXY ") != 2 {
			t.Errorf("%s: %q, %v", n, got, err)
		}
	}
	if bytes.Count(mustSource(t, s), []byte(direct)) != 1 {
		t.Error("the file has a second way to answer DIRECT")
	}
}

func TestFailOpenIsWrittenInCapitals(t *testing.T) {
	s := small()
	s.FailOpen = true
	if !bytes.Contains(mustSource(t, s), []byte("// FAIL OPEN:")) {
		t.Error("whoever reads the file is not told")
	}
	got, err := Route(s, "login.microsoftonline.com")
	if err != nil || !strings.HasPrefix(got, "PROXY ") || !strings.HasSuffix(got, "; DIRECT") {
		t.Errorf("%q, %v", got, err)
	}
}

func TestAProxyThatGoesLeavesItsHostsToAllOthers(t *testing.T) {
	s := Script{Restricted: hosts.MustParseSet("*.sharepoint.com"), Proxies: []string{"a.test:1", "b.test:1", "c.test:1", "d.test:1"}}
	less := s
	less.Proxies = []string{"d.test:1", "b.test:1", "a.test:1"} // c is gone, and the order is another
	heirs := map[string]int{}
	for _, n := range names(3000, "tenant%d.sharepoint.com") {
		before, err1 := Route(s, n)
		after, err2 := Route(less, n)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		if want := strings.TrimPrefix(strings.Replace("; "+before, "; PROXY c.test:1", "", 1), "; "); after != want {
			t.Fatalf("%s: %q became %q, want %q", n, before, after, want)
		}
		if strings.HasPrefix(before, "PROXY c.test:1") {
			first, _, _ := strings.Cut(after, ";")
			heirs[first]++
		}
	}
	for _, p := range less.Proxies {
		if heirs["PROXY "+p] < 100 {
			t.Errorf("%s inherits %d of about 750 hosts", p, heirs["PROXY "+p])
		}
	}
}

func TestAClientThatIsSpreadUsesOneProxyForEveryHost(t *testing.T) {
	first := map[string]int{}
	for i := range 600 {
		s := Script{Restricted: hosts.MustParseSet("*.sharepoint.com"), Proxies: []string{"a.test:1", "b.test:1", "c.test:1"}, Client: fmt.Sprintf("10.1.%d.%d", i/250, i%250)}
		one, _ := Route(s, "x.sharepoint.com")
		other, _ := Route(s, "y.sharepoint.com")
		if one == "" || one != other {
			t.Fatalf("%s: %q and %q", s.Client, one, other)
		}
		proxy, _, _ := strings.Cut(one, ";")
		first[proxy]++
	}
	for proxy, n := range first {
		if n < 120 || n > 280 || len(first) != 3 {
			t.Errorf("%s comes first for %d of 600 clients, %d proxies are used", proxy, n, len(first))
		}
	}
}

func TestAnExemptHostGoesDirectThoughAPatternCoversIt(t *testing.T) {
	s := small()
	for host, want := range map[hosts.Name]bool{
		"login.microsoftonline.com":            true,
		"virginia.login.microsoftonline.us":    true,
		"device.login.microsoftonline.us":      false,
		"t1.certauth.login.microsoftonline.us": false,
		"www.example.com":                      false,
	} {
		got, err := Route(s, host)
		if err != nil || strings.HasPrefix(got, "PROXY ") != want || strings.Contains(got, "DIRECT") == want {
			t.Errorf("%s: %q, %v; to a proxy: %v", host, got, err, want)
		}
	}
}

func TestWhatWouldSendEverythingDirectIsRefused(t *testing.T) {
	for name, breakIt := range map[string]func(*Script){
		"nothing":            func(s *Script) { *s = Script{} },
		"no restricted host": func(s *Script) { s.Restricted = hosts.Set{} },
		"no proxy":           func(s *Script) { s.Proxies = nil },
		"no port":            func(s *Script) { s.Proxies = []string{"proxy.contoso.com"} },
		"a listen address":   func(s *Script) { s.Proxies = []string{":8080"} },
		"every address":      func(s *Script) { s.Proxies = []string{"0.0.0.0:8080"} },
		"every address, v6":  func(s *Script) { s.Proxies = []string{"[::]:8080"} },
		"a way out":          func(s *Script) { s.Proxies = []string{"a.test:8080; DIRECT"} },
		"one bad of two":     func(s *Script) { s.Proxies = append(s.Proxies, "\"; DIRECT//:1") },
		"a line end":         func(s *Script) { s.Proxies = []string{"a.test\n:8080"} },
		"U+2028":             func(s *Script) { s.Proxies = []string{"a\u2028.test:8080"} },
	} {
		s := small()
		breakIt(&s)
		var b bytes.Buffer
		if err := Write(&b, s); err == nil || b.Len() != 0 {
			t.Errorf("%s: error %v, %d octets written", name, err, b.Len())
		}
		if route, err := Route(s, "login.microsoftonline.com"); err == nil {
			t.Errorf("%s: routed to %q", name, route)
		}
	}
}

func TestEverythingInTheFileIsPlainASCII(t *testing.T) {
	for _, s := range []string{`";alert(1)//`, "*/", "\n", "\r", "\u2028", "</script>", `\`, "'", "ö", "\x00"} {
		q := quote(s)
		inner := q[1 : len(q)-1]
		if q[0] != '"' || q[len(q)-1] != '"' || strings.ContainsAny(inner, "\"'/*\n\r<>") {
			t.Errorf("quote(%q) = %s", s, q)
		}
	}
	for i, c := range mustSource(t, small()) {
		if c >= 0x7f || c < ' ' && c != '\n' {
			t.Errorf("octet %d is %#x", i, c)
		}
	}
}

func TestHostsAreSpreadEvenlyAndAlwaysTheSameWay(t *testing.T) {
	s := Script{Restricted: hosts.MustParseSet("*.sharepoint.com"), Proxies: []string{"a.test:1", "b.test:1", "c.test:1"}}
	first := map[string]int{}
	for _, n := range names(3000, "tenant%d.sharepoint.com") {
		route, err := Route(s, n)
		if err != nil {
			t.Fatal(err)
		}
		proxy, _, _ := strings.Cut(route, ";")
		first[proxy]++
	}
	for proxy, n := range first {
		if n < 700 || n > 1300 {
			t.Errorf("%s comes first for %d of 3000 hosts", proxy, n)
		}
	}
	if len(first) != 3 {
		t.Errorf("%d proxies are used, want 3", len(first))
	}
}
