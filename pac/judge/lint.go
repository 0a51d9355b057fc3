package judge

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/dop251/goja/ast"

	"github.com/tenantgate/tenantgate/hosts"
)

// Lint judges a file.
func Lint(src []byte, s Subject) Report {
	l := &lint{subject: s, found: map[string]*Finding{}, report: Report{Size: len(src), Findings: []Finding{}}}
	program, err := parse(src)
	if err != nil {
		l.whole(err)
		return l.done()
	}
	l.words = wordsOf(program)
	l.bytes(src)
	for _, name := range []string{"FindProxyForURL", "FindProxyForURLEx"} {
		if name == "FindProxyForURLEx" && !l.words.names[name] {
			continue // WinHTTP asks it where it is there, and then nothing else
		}
		if err := l.function(program, name); err != nil {
			l.whole(err)
			break
		}
	}
	l.style()
	return l.done()
}

// lint is one file while it is judged.
type lint struct {
	subject Subject
	words   words
	found   map[string]*Finding
	report  Report
	used    learnt
}

// function asks one function of the file everything.
func (l *lint) function(program *ast.Program, name string) error {
	f, err := load(program, Facts{}, name)
	if err != nil {
		return err
	}
	good, err := l.here(f)
	if err != nil {
		return err
	}
	addresses, names, clocks := f.learnt.others()
	l.used = f.learnt
	for rule, worlds := range map[string][]world{"network": addresses, "dns": names, "clock": clocks} {
		for _, w := range worlds {
			if err := l.elsewhere(program, name, rule, w, good); err != nil {
				return err
			}
		}
	}
	return nil
}

// here asks about every host in the usual surroundings, and returns the sign-in
// hosts whose every answer was right.
func (l *lint) here(f *File) ([]string, error) {
	var good []string
	for _, host := range l.hosts(l.subject.SignIn.Patterns(), true) {
		ok, err := l.signIn(f, host)
		if err != nil {
			return nil, err
		}
		if ok {
			good = append(good, host)
		}
	}
	for _, host := range l.hosts(l.subject.Data.Patterns(), true) {
		if a, err := l.ask(f, "https://"+host+"/", host); err != nil {
			return nil, err
		} else if a.Direct() || a.FailsOpen() {
			l.add("data-direct", host, "https://"+host+"/", a, "")
		}
	}
	for _, host := range l.hosts(l.subject.Exempt.Patterns(), false) {
		if a, err := l.ask(f, "https://"+host+"/", host); err != nil {
			return nil, err
		} else if !a.Direct() && !l.ours(a) {
			l.add("device-proxied", host, "https://"+host+"/", a, "")
		}
	}
	return good, l.alike(f)
}

// signIn asks about one sign-in host in every spelling.
func (l *lint) signIn(f *File, host string) (bool, error) {
	scheme := false // http is wrong by itself, whatever comes behind the host
	for _, q := range spellings(host, l.words.bait()) {
		if scheme && q.rule == "url" && strings.HasPrefix(q.url, "http:") {
			continue
		}
		a, err := l.ask(f, q.url, q.host)
		if err != nil {
			return false, err
		}
		rule := q.rule
		switch {
		case rule == "" && a.Direct():
			rule = "sign-in-direct"
		case rule == "" && a.FailsOpen():
			rule = "sign-in-fails-open"
		case rule == "" && len(l.subject.Proxies) > 0 && !l.ours(a):
			rule = "sign-in-elsewhere"
		case rule == "" || !a.Direct():
			continue
		}
		l.add(rule, q.host, q.url, a, "")
		scheme = scheme || rule == "scheme"
		if q.rule == "" {
			return false, nil
		}
	}
	return true, nil
}

// elsewhere asks about sign-in hosts in another world.
func (l *lint) elsewhere(program *ast.Program, name, rule string, w world, list []string) error {
	f, err := load(program, w.facts, name)
	if err != nil {
		return err
	}
	for _, host := range list {
		a, err := l.ask(f, "https://"+host+"/", host)
		if err != nil {
			return err
		}
		if a.Direct() || a.FailsOpen() {
			l.add(rule, host, "https://"+host+"/", a, w.when)
		}
	}
	return nil
}

// alike asks about names that only look like sign-in hosts, in a file that does
// not send everything to a proxy.
func (l *lint) alike(f *File) error {
	a, err := l.ask(f, "https://www.example.com/", "www.example.com")
	if err != nil || !a.Direct() {
		return err
	}
	for _, p := range l.subject.SignIn.Patterns() {
		name := strings.TrimPrefix(p, "*.")
		for _, other := range []string{"evil" + name, "evil-" + name, name + ".example.com"} {
			n, err := hosts.Parse(other)
			if err != nil || l.subject.SignIn.Has(n) || l.subject.Data.Has(n) {
				continue
			}
			a, err := l.ask(f, "https://"+other+"/", other)
			if err != nil {
				return err
			}
			if !a.Direct() {
				l.add("look-alike", other, "https://"+other+"/", a, "")
			}
		}
	}
	return nil
}

// ask asks once, and keeps what is wrong with the answer itself.
func (l *lint) ask(f *File, url, host string) (Answer, error) {
	l.report.Asked++
	a, understood, err := f.ask(url, host)
	if errors.Is(err, ErrThrows) {
		direct, _ := parseAnswer("") // a client without a mandatory file goes DIRECT
		l.add("throws", host, url, direct, strings.TrimPrefix(err.Error(), ErrThrows.Error()+": "))
		return direct, nil
	}
	if err == nil && !understood {
		l.add("answer", host, url, a, "")
	}
	return a, err
}

// ours tells whether every proxy of the answer is one of ours.
func (l *lint) ours(a Answer) bool {
	if len(l.subject.Proxies) == 0 {
		return false
	}
	return !slices.ContainsFunc(a, func(h Hop) bool {
		return h.Kind != "DIRECT" && !slices.ContainsFunc(l.subject.Proxies, func(p string) bool { return strings.EqualFold(p, h.At) })
	})
}

// bytes looks at the file as it is sent.
func (l *lint) bytes(src []byte) {
	if i := bytes.IndexFunc(src, func(r rune) bool { return r >= 0x80 }); i >= 0 {
		l.add("not-ascii", "", "", nil, "")
	}
}

// style tells what the file is made of, where that is trouble.
func (l *lint) style() {
	if m := l.words.modern; len(m) > 0 {
		l.add("modern", "", "", nil, strings.Join(m, ", "))
	}
	if used := l.words.uses(asking); len(used) > 0 {
		l.add("asks-dns", "", "", nil, strings.Join(used, ", "))
	}
	if l.used.random {
		l.add("random", "", "", nil, "")
	}
}

// whole keeps what keeps the file from working at all.
func (l *lint) whole(err error) {
	for cause, rule := range map[error]string{ErrTooLarge: "too-large", ErrSyntax: "syntax", ErrNoFunction: "no-function", ErrThrows: "throws", ErrEndless: "endless"} {
		if errors.Is(err, cause) {
			detail, _ := strings.CutPrefix(strings.TrimPrefix(err.Error(), cause.Error()), ": ")
			l.add(rule, "", "", nil, detail)
		}
	}
}
