package pac

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/needs"
	"github.com/tenantgate/tenantgate/pac/judge"
)

// node runs a script of testdata with input on its standard input.
func node(t *testing.T, input []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), needs.Tool(t, "node"), args...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v: %s", err, stderr.Bytes())
	}
	return out
}

// question is what a client asks the PAC file, and the host it means; an empty
// name is no host that could be restricted.
type question struct {
	url, host string
	name      hosts.Name
}

func evaluate(t *testing.T, src []byte, questions []question) []string {
	t.Helper()
	var cases [][2]string
	for _, q := range questions {
		cases = append(cases, [2]string{q.url, q.host})
	}
	input, err := json.Marshal(map[string]any{"pac": string(src), "cases": cases})
	if err != nil {
		t.Fatal(err)
	}
	var out struct{ Answers, Globals []string }
	if err := json.Unmarshal(node(t, input, "testdata/eval.js"), &out); err != nil {
		t.Fatal(err)
	}
	want := []string{"FindProxyForURL", "direct", "inOrder", "key", "last", "listed", "proxied", "proxies", "weight"}
	if diff := cmp.Diff(want, out.Globals); diff != "" {
		t.Errorf("names that the file defines: %s", diff)
	}
	if len(out.Answers) != len(questions) {
		t.Fatalf("%d answers to %d questions", len(out.Answers), len(questions))
	}
	return out.Answers
}

// variants are the files that settings make of one.
func variants(t *testing.T) map[string]Script {
	t.Helper()
	all := map[string]Script{}
	for name, change := range map[string]func(*Script){
		"plain":     func(*Script) {},
		"client":    func(s *Script) { s.Client = "2001:db8::7" },
		"fail open": func(s *Script) { s.FailOpen = true },
		"exempt":    func(s *Script) { s.ExemptToProxy = true },
		"bypass":    func(s *Script) { s.Bypass = hosts.MustParseSet(s.Restricted.Patterns()[:5]...) },
		"many":      func(s *Script) { s.Proxies = append(s.Proxies, manyProxies(20)...) },
	} {
		s := patterns(t)
		change(&s)
		all[name] = s
	}
	return all
}

func manyProxies(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("proxy-%d.contoso.com:8080", i))
	}
	return all
}

// TestThePACFileAndTheProxyAgreeOnEveryHost asks two JavaScript engines about
// 1,000 hosts in every spelling and compares with the set that the proxy uses.
func TestThePACFileAndTheProxyAgreeOnEveryHost(t *testing.T) {
	for name, s := range variants(t) {
		t.Run(name, func(t *testing.T) { agrees(t, s) })
	}
}

func agrees(t *testing.T, s Script) {
	rng := rand.New(rand.NewPCG(3, 4))
	var questions []question
	for _, n := range manyHosts(rng, s.Restricted, s.Exempt) {
		questions = append(questions, spellings(rng, n)...)
	}
	for _, literal := range []string{"20.190.128.1", "40.126.0.1", "::1", "[2603:1006:2000::1]", "0x7f.1", "2130706433", "", ".", "localhost"} {
		questions = append(questions, question{url: "https://" + literal + "/", host: literal})
	}
	restricted := s.Restricted.Without(s.Exempt).Without(s.Bypass)
	if s.ExemptToProxy { // what the patterns take out beside Exempt still goes direct
		exceptions := hosts.MustParseSet(s.Restricted.Exceptions()...)
		restricted = hosts.MustParseSet(append(s.Restricted.Patterns(), s.Exempt.Patterns()...)...).Without(exceptions)
	}
	second, err := judge.Load(mustSource(t, s), judge.Facts{})
	if err != nil {
		t.Fatal(err)
	}
	proxied := 0
	for i, got := range evaluate(t, mustSource(t, s), questions) {
		q := questions[i]
		want := direct
		if q.name != "" {
			var err error
			if want, err = Route(s, q.name); err != nil {
				t.Fatal(err)
			}
		}
		if q.name != "" && i%7 == 0 {
			if again, err := second.Find(q.url); err != nil || again.String() != got {
				t.Errorf("%s: a second engine says %s, %v, want %q", q.url, again, err, got)
			}
		}
		if got != want || (got == direct) == restricted.Has(q.name) || strings.HasSuffix(got, "; DIRECT") != (s.FailOpen && got != direct) {
			t.Errorf("%s, host %q: %q, want %q; restricted: %v", q.url, q.host, got, want, restricted.Has(q.name))
		}
		if got != direct {
			proxied++
		}
	}
	if proxied < 1000 || len(questions)-proxied < 1000 {
		t.Errorf("%d of %d answers are a proxy: the test asks too little", proxied, len(questions))
	}
}

func TestTheFileIsES3(t *testing.T) {
	for name, s := range variants(t) {
		if out := node(t, mustSource(t, s), "--expose-internals", "testdata/parse.js"); string(out) != "ok" {
			t.Errorf("%s: %s", name, out)
		}
	}
}

// patterns reads testdata/patterns.txt. Half of the exceptions are the set's
// own, half are the script's.
func patterns(t *testing.T) Script {
	t.Helper()
	src, err := os.ReadFile("testdata/patterns.txt")
	if err != nil {
		t.Fatal(err)
	}
	var in, out []string
	for line := range strings.Lines(string(src)) {
		line = strings.TrimSpace(line)
		if p, ok := strings.CutPrefix(line, "- "); ok {
			out = append(out, p)
		} else if line != "" && line[0] != '#' {
			in = append(in, line)
		}
	}
	return Script{
		Restricted: hosts.MustParseSet(in...).Without(hosts.MustParseSet(out[:len(out)/2]...)),
		Exempt:     hosts.MustParseSet(out[len(out)/2:]...),
		Proxies:    []string{"proxy-a.contoso.com:8080", "10.0.0.2:8080", "[2001:db8::3]:8080"},
	}
}

// manyHosts returns 1,000 hosts in, beneath, above and beside the sets.
func manyHosts(rng *rand.Rand, sets ...hosts.Set) []hosts.Name {
	seen := map[hosts.Name]bool{}
	var list []hosts.Name
	add := func(s string) {
		if n, err := hosts.Parse(s); err == nil && !seen[n] {
			seen[n] = true
			list = append(list, n)
		}
	}
	var names []string
	for _, s := range sets {
		for _, p := range slices.Concat(s.Patterns(), s.Exceptions()) {
			name, beneath := strings.CutPrefix(p, "*.")
			names = append(names, name)
			add(name)
			if beneath {
				add("contoso." + name)
			}
		}
	}
	for _, name := range []string{"tostring", "valueof", "watch", "direct", "proxied", "proxies", "length", "prototype", "www.example.com"} {
		add(name)
	}
	for len(list) < 1000 {
		name := names[rng.IntN(len(names))]
		cut := rng.IntN(len(name))
		label := fmt.Sprintf("t%d", rng.IntN(1000))
		add([]string{
			label + "." + name, "a." + label + "." + name, // beneath
			"evil" + label + name, "evil-" + name, // evillogin.microsoftonline.com
			name + "." + label + ".test", name + "." + label + ".com", // login.microsoftonline.com.evil.test
			name[:cut] + label + name[cut:], name[cut:], // a letter more, labels less
			strings.Replace(name, ".", "-", 1) + "." + label, strings.Replace(name, "o", "0", 1) + label,
			"xn--" + label + "." + name, name + label,
		}[rng.IntN(12)])
	}
	return list
}

// spellings returns the ways in which clients ask for n.
func spellings(rng *rand.Rand, n hosts.Name) []question {
	mixed := []byte(n)
	for i, c := range mixed {
		if 'a' <= c && c <= 'z' && rng.IntN(2) == 0 {
			mixed[i] -= 'a' - 'A'
		}
	}
	var list []question
	for _, host := range []string{string(n), strings.ToUpper(string(n)), string(mixed), string(n) + ".", string(mixed) + "."} {
		for _, format := range []string{"https://%s/", "https://%s:8443/", "http://%s/a?b=c", "wss://%s/"} {
			list = append(list, question{fmt.Sprintf(format, host), host, n})
		}
	}
	return list
}

func names(n int, format string) []hosts.Name {
	var list []hosts.Name
	for i := range n {
		list = append(list, hosts.Name(fmt.Sprintf(format, i)))
	}
	return list
}
