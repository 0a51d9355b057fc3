package hosts

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// entry is one line of a corpus: a quoted input and what follows it.
type entry struct {
	input  string
	fields []string
}

func corpus(t testing.TB, name string) []entry {
	t.Helper()
	src, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var list []entry
	for line := range strings.Lines(string(src)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		quoted, err := strconv.QuotedPrefix(line)
		if err != nil {
			t.Fatalf("%s: %s: %v", name, line, err)
		}
		input, err := strconv.Unquote(quoted)
		if err != nil {
			t.Fatalf("%s: %s: %v", name, line, err)
		}
		list = append(list, entry{input, strings.Fields(line[len(quoted):])})
	}
	return list
}

func TestANameIsCanonicalOrRefused(t *testing.T) {
	for _, e := range corpus(t, "testdata/names.txt") {
		got, err := Parse(e.input)
		if want := strings.Trim(e.fields[0], "-"); string(got) != want || (err == nil) != (want != "") {
			t.Errorf("Parse(%q) = %q, %v, want %q", e.input, got, err, e.fields[0])
		}
		if err != nil && !errors.Is(err, ErrInvalid) {
			t.Errorf("Parse(%q): %v is not ErrInvalid", e.input, err)
		}
	}
}

func TestAnErrorNamesTheLetterThatIsNotAllowed(t *testing.T) {
	for label, letter := range map[string]string{
		"b\u00fccher": "\u00fc", "l\u043egin": "\u043e", "login\u200b": "\u200b", "login\x00": "\x00", "login\xff": "\ufffd",
	} {
		want := fmt.Sprintf("%v: %q is not allowed in %q", ErrInvalid, letter, label)
		if _, err := Parse(label + ".example"); err == nil || err.Error() != want {
			t.Errorf("Parse(%q) = %v, want %s", label, err, want)
		}
	}
}

func TestANameHasTheLengthsOfTheDNS(t *testing.T) {
	label := strings.Repeat("a", 63)
	longest := strings.Join([]string{label, label, label, label[:61]}, ".")
	for name, ok := range map[string]bool{
		label + ".test":                   true,
		label + "a.test":                  false,
		longest:                           true,
		longest + ".":                     true,
		longest + "a":                     false,
		strings.Repeat("a.", 126) + "a":   true,
		strings.Repeat("a.", 127) + "a":   false,
		strings.Repeat("a.", 1<<20) + "a": false,
	} {
		if _, err := Parse(name); (err == nil) != ok {
			t.Errorf("%d octets: %v, want accepted: %v", len(name), err, ok)
		}
	}
}

func TestANameHasLettersDigitsHyphensAndUnderscoresOnly(t *testing.T) {
	for b := range 256 {
		c := string([]byte{byte(b)})
		want := c == "." || ldh.MatchString(strings.ToLower("a"+c+"a"))
		if n, err := Parse("a" + c + "a.test"); (err == nil) != want || want && string(n) != strings.ToLower("a"+c+"a.test") {
			t.Errorf("%q: %q, %v", c, n, err)
		}
	}
}

func TestAnAuthorityIsCanonicalOrRefused(t *testing.T) {
	for _, e := range corpus(t, "testdata/authorities.txt") {
		for i, port := range []uint16{0, 443} {
			got, err := ParseAuthority(e.input, port)
			if want := e.fields[i]; want == "-" {
				if !errors.Is(err, ErrInvalid) || got != (Authority{}) {
					t.Errorf("ParseAuthority(%q, %d) = %v, %v, want refused", e.input, port, got, err)
				}
			} else if err != nil || got.String() != want {
				t.Errorf("ParseAuthority(%q, %d) = %v, %v, want %s", e.input, port, got, err, want)
			}
		}
	}
}

func TestAnAuthorityKnowsItsHostWithoutBrackets(t *testing.T) {
	for input, want := range map[string]string{
		"Login.Microsoft.com:443": "login.microsoft.com",
		"127.0.0.1:443":           "127.0.0.1",
		"[2001:DB8::1]:443":       "2001:db8::1",
	} {
		a, err := ParseAuthority(input, 0)
		if err != nil || a.Host() != want {
			t.Errorf("%s: %q, %v, want %q", input, a.Host(), err, want)
		}
	}
}

// ldh is RFC 1123's grammar, with the underscore that real names have.
var ldh = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$`)

func FuzzParse(f *testing.F) {
	for _, e := range corpus(f, "testdata/names.txt") {
		f.Add(e.input)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := Parse(s)
		if err != nil {
			if n != "" {
				t.Fatalf("Parse(%q) = %q with %v", s, n, err)
			}
			return
		}
		if !ldh.MatchString(string(n)) || len(n) > 253 {
			t.Fatalf("Parse(%q) = %q", s, n)
		}
		if !strings.EqualFold(strings.TrimSuffix(s, "."), string(n)) {
			t.Fatalf("Parse(%q) = %q is another name", s, n)
		}
		if again, err := Parse(string(n)); err != nil || again != n {
			t.Fatalf("Parse(%q) = %q, then %q, %v", s, n, again, err)
		}
		if _, err := netip.ParseAddr(string(n)); err == nil {
			t.Fatalf("Parse(%q) = %q is an address", s, n)
		}
	})
}

func FuzzParseAuthority(f *testing.F) {
	for _, e := range corpus(f, "testdata/authorities.txt") {
		f.Add(e.input, uint16(0))
		f.Add(e.input, uint16(443))
	}
	f.Fuzz(func(t *testing.T, s string, port uint16) {
		a, err := ParseAuthority(s, port)
		if err != nil {
			if a != (Authority{}) {
				t.Fatalf("ParseAuthority(%q) = %v with %v", s, a, err)
			}
			return
		}
		if a.Port == 0 || (a.Name == "") == !a.Addr.IsValid() || a.Addr.Zone() != "" {
			t.Fatalf("ParseAuthority(%q, %d) = %#v", s, port, a)
		}
		if a.Name != "" && !ldh.MatchString(string(a.Name)) {
			t.Fatalf("ParseAuthority(%q) = %q", s, a.Name)
		}
		if again, err := ParseAuthority(a.String(), 0); err != nil || again != a {
			t.Fatalf("ParseAuthority(%q) = %v, then %v, %v", s, a, again, err)
		}
		sameAsURL(t, s, a)
	})
}

// sameAsURL checks that net/url, which HTTP clients dial by, sees the same
// destination.
func sameAsURL(t *testing.T, s string, a Authority) {
	t.Helper()
	u, err := url.Parse("https://" + s + "/")
	if err != nil || u.User != nil {
		t.Fatalf("%q is %v, but no URL has it: %v, %v", s, a, u, err)
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if addr, err := netip.ParseAddr(host); err == nil {
		host = addr.String()
	}
	if host != a.Host() || u.Port() != "" && u.Port() != strconv.Itoa(int(a.Port)) {
		t.Fatalf("%q is %v here, %s port %s in a URL", s, a, host, u.Port())
	}
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("login.microsoftonline.com"); err != nil {
			b.Fatal(err)
		}
	}
}
