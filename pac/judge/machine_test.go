package judge

import (
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"
)

func facts() Facts {
	names := map[string]string{"www.contoso.example": "198.51.100.7", "v6.contoso.example": "2001:db8::7"}
	return Facts{
		Now: time.Date(2026, time.November, 18, 11, 0, 0, 0, time.UTC),
		Resolve: func(host string) (netip.Addr, bool) {
			a, err := netip.ParseAddr(names[host])
			return a, err == nil
		},
	}
}

// TestMain has the tests and the browsers that they start live in UTC, before
// any timer can ask for the zone.
func TestMain(m *testing.M) {
	time.Local = time.UTC
	if err := os.Setenv("TZ", "UTC"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func TestTheFunctionsAreThoseOfNetscape(t *testing.T) {
	table, err := os.ReadFile("testdata/builtins.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(table)) {
		expression, want, ok := strings.Cut(strings.TrimSpace(line), " -> ")
		if line[0] == '#' || !ok {
			continue
		}
		n++
		f, err := Load([]byte("function FindProxyForURL(url, host) { alert(\"\" + ("+expression+")); return \"DIRECT\"; }"), facts())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Find("https://x/"); err != nil {
			t.Errorf("%s: %v", expression, err)
		} else if got := strings.Trim(f.Notes()[0], `"`); got != want {
			t.Errorf("%s = %s, want %s", expression, got, want)
		}
	}
	if n < 80 {
		t.Errorf("%d rows", n)
	}
}

func TestNoFileRunsForEver(t *testing.T) {
	for name, src := range map[string]string{
		"a loop":               "for (;;) {}",
		"a loop in a function": "function FindProxyForURL() { for (;;) {} }",
		"one that catches":     "function FindProxyForURL() { for (;;) { try { for (;;) {} } catch (e) {} } }",
		"recursion":            "function FindProxyForURL() { return FindProxyForURL(); }",
		"memory":               "function FindProxyForURL() { var a = []; for (;;) { a.push(new Array(1000).join('x') + a.length); } }",
		"a regular expression": `function FindProxyForURL() { return /^(?=(a+)+$)(a+)+\1b$/.test("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac"); }`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := Load([]byte(src), Facts{})
			if err == nil {
				_, err = f.Find("https://login.microsoftonline.com/")
			}
			if !errors.Is(err, ErrEndless) {
				t.Error(err)
			}
		})
	}
}

func TestWhatIsNoPACFileIsNotRun(t *testing.T) {
	for name, c := range map[string]struct {
		src  string
		want error
	}{
		"nothing":         {"", ErrNoFunction},
		"half a function": {"function FindProxyForURL(", ErrSyntax},
		"HTML":            {"<!doctype html><title>Sign in</title>", ErrSyntax},
		"1 MB":            {strings.Repeat(" ", MaxSize), ErrTooLarge},
		"deep brackets":   {strings.Repeat("(", 100_000), ErrSyntax},
		"a throw":         {"throw new Error('x')", ErrThrows},
		"a number":        {"FindProxyForURL = 7", ErrNoFunction},
	} {
		if _, err := Load([]byte(c.src), Facts{}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func TestAnswersAreReadAsChromiumDoes(t *testing.T) {
	for text, want := range map[string]string{
		"":                             "DIRECT",
		"DIRECT":                       "DIRECT",
		" direct ":                     "DIRECT",
		"PROXY a:1":                    "PROXY a:1",
		"proxy A:1;SOCKS5 b:2; DIRECT": "PROXY a:1; SOCKS5 b:2; DIRECT",
		"HTTPS a:1":                    "HTTPS a:1",
		"PROXI a:1":                    "DIRECT",
		"PROXI a:1; PROXY b:1":         "PROXY b:1",
		"PROXY":                        "DIRECT",
		";;":                           "DIRECT",
	} {
		if got, _ := parseAnswer(text); got.String() != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestABrowserShowsOnlyTheHostOfHTTPS(t *testing.T) {
	f, err := Load([]byte("function FindProxyForURL(url, host) { alert(url + ' ' + host); return null; }"), Facts{})
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		"https://u:p@Login.microsoftonline.com:8443/a?b#c": `"https://Login.microsoftonline.com:8443/ Login.microsoftonline.com"`,
		"http://u:p@a.test/x?y#z":                          `"http://a.test/x?y a.test"`,
		"login.microsoftonline.com":                        `"https://login.microsoftonline.com/ login.microsoftonline.com"`,
		"wss://a.test/socket":                              `"wss://a.test/ a.test"`,
		"https://[2001:db8::1]/":                           `"https://[2001:db8::1]/ 2001:db8::1"`,
	} {
		f.notes = nil
		a, err := f.Find(address)
		if err != nil || !a.Direct() || f.Notes()[0] != want {
			t.Errorf("%s: %v, %v, shown %s, want %s", address, a, err, f.Notes(), want)
		}
	}
}

func FuzzLintSurvivesAnyFile(f *testing.F) {
	f.Add([]byte("function FindProxyForURL(url, host) { return 'PROXY a:1; DIRECT'; }"))
	f.Add([]byte("var FindProxyForURL = (u, h) => `PROXY ${h}`"))
	f.Add([]byte("function FindProxyForURL(u, h) { return isInNet(h, '10.0.0.0', '255.0.0.0') ? 1 : dateRange(1, 'JAN') }"))
	f.Fuzz(func(t *testing.T, src []byte) {
		r := Lint(src, subject())
		if r.Size != len(src) || len(r.Findings) == 0 && r.Asked == 0 {
			t.Errorf("%d findings after %d questions", len(r.Findings), r.Asked)
		}
	})
}
