package proxy_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/proxy/proxytest"
)

// attack is one file of testdata/attacks: what is sent, and what must become
// of it. README.md beside the files tells how one is written.
type attack struct {
	file, class string
	keys        map[string]string
	events      []string // path=value of the event that is left
	sections    map[string]string
}

// known are the keys of a case.
var known = []string{
	"id", "title", "way", "alpn", "target", "sni", "spell", "max", "pieces", "early", "offer", "ech", "names",
	"meant", "policy", "methods", "expect", "event", "tagged", "dialled", "origin",
}

// key returns the value of a key for one run: the most specific spelling of it
// wins, as in "expect steered h2", "expect h2", "expect". What is diverted ends
// as what is steered, and SOCKS as CONNECT.
func (a *attack) key(name string, r run) string {
	way, alpn := r.words()
	if way == "diverted" {
		if _, own := a.keys[name+" diverted"]; !own {
			way = "steered"
		}
	}
	for _, full := range []string{name + " " + way + " " + alpn, name + " " + way, name + " " + alpn, name} {
		if v, ok := a.keys[full]; ok {
			return v
		}
	}
	return ""
}

// run is one way of carrying a case out.
type run struct {
	way string // explicit, steered, socks, diverted
	h2  bool
}

func (r run) words() (way, alpn string) {
	if r.h2 {
		return r.way, "h2"
	}
	return r.way, "h1"
}

func (r run) String() string {
	way, alpn := r.words()
	return way + "-" + alpn
}

// runs returns the ways in which the case applies. What is explicit is asked
// for by SOCKS too, and what is steered is diverted too: in one protocol, as
// the ways differ before there is any. The race detector sees no more of that
// in a thousand cases than in those that are about the ways.
func (a *attack) runs() []run {
	var all []run
	alpns := strings.Fields(a.keys["alpn"])
	for _, way := range strings.Fields(a.keys["way"]) {
		for _, alpn := range alpns {
			all = append(all, run{way, alpn == "h2"})
		}
		switch {
		case slowed && a.class != "address" && a.class != "authority":
		case way == "explicit" && a.viaSOCKS():
			all = append(all, run{"socks", alpns[len(alpns)-1] == "h2"})
		case way == "steered":
			all = append(all, run{"diverted", alpns[0] == "h2"})
		}
	}
	return all
}

// viaSOCKS tells whether a SOCKS request can say what the case's CONNECT does.
func (a *attack) viaSOCKS() bool {
	_, raw := a.sections["connect"]
	_, ok := proxytest.SOCKS(a.keys["target"])
	return ok && !raw && a.keys["alpn"] != "plain"
}

// attacks reads every case.
func attacks(t *testing.T) []*attack {
	t.Helper()
	files, err := filepath.Glob("testdata/attacks/*/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	var all []*attack
	ids := map[string]string{}
	for _, file := range files {
		a, err := readAttack(file)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if other := ids[a.keys["id"]]; other != "" {
			t.Fatalf("%s and %s have the same id", file, other)
		}
		ids[a.keys["id"]] = file
		all = append(all, a)
	}
	if len(all) < 30 {
		t.Fatalf("%d cases: the corpus is not here", len(all))
	}
	return all
}

func readAttack(file string) (*attack, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	a := &attack{
		file: filepath.Base(file), class: filepath.Base(filepath.Dir(file)),
		keys: map[string]string{"way": "explicit steered", "meant": "93.184.215.14:443"}, sections: map[string]string{},
	}
	section := ""
	for line := range strings.Lines(string(text)) {
		name, isName := strings.CutPrefix(strings.TrimSpace(line), "-- ")
		switch {
		case isName && strings.HasSuffix(name, " --"):
			section = strings.TrimSuffix(name, " --")
			a.sections[section] = ""
		case section != "":
			a.sections[section] += line
		default:
			if err := a.line(strings.TrimSpace(line)); err != nil {
				return nil, err
			}
		}
	}
	return a, a.complete()
}

func (a *attack) line(line string) error {
	if line == "" || strings.HasPrefix(line, "#") {
		return nil
	}
	name, value, ok := strings.Cut(line, ":")
	first, _, _ := strings.Cut(name, " ")
	value = strings.TrimSpace(value)
	if !ok || !slices.Contains(known, first) {
		return fmt.Errorf("line %q: no such key", line)
	}
	if name == "event" {
		a.events = append(a.events, value)
		return nil
	}
	a.keys[name] = value
	return nil
}

// complete fills in what a case leaves out.
func (a *attack) complete() error {
	for _, name := range []string{"id", "title", "expect"} {
		if a.keys[name] == "" {
			return fmt.Errorf("no %s", name)
		}
	}
	if !strings.HasPrefix(a.file, a.keys["id"]+"-") {
		return fmt.Errorf("id %s and file name differ", a.keys["id"])
	}
	if a.keys["alpn"] == "" {
		a.keys["alpn"] = "h1"
		if _, ok := a.sections["frames"]; ok {
			a.keys["alpn"] = "h2"
		}
	}
	if a.keys["alpn"] == "plain" {
		a.keys["way"] = "explicit"
	}
	host := strings.TrimSuffix(a.keys["target"], ":443")
	if _, ok := a.keys["sni"]; !ok {
		a.keys["sni"] = host
	}
	return nil
}

// outcome is what must become of one request or connection.
type outcome struct {
	word   string // PASS, TUNNEL, BLOCK, CLOSE, RESET
	status int
	reason string
}

// want reads "BLOCK 403 external-account; PASS 200".
func (a *attack) want(r run) ([]outcome, error) {
	var all []outcome
	for part := range strings.SplitSeq(a.key("expect", r), ";") {
		words := strings.Fields(part)
		if len(words) == 0 || !slices.Contains([]string{"PASS", "TUNNEL", "BLOCK", "CLOSE", "RESET"}, words[0]) {
			return nil, fmt.Errorf("expect %q", part)
		}
		o := outcome{word: words[0]}
		for _, w := range words[1:] {
			if n, err := strconv.Atoi(w); err == nil {
				o.status = n
			} else {
				o.reason = w
			}
		}
		all = append(all, o)
	}
	return all, nil
}
