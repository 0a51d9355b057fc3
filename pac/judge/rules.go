package judge

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
)

// rule is what a finding says.
type rule struct {
	name       string
	severity   Severity
	what, hint string
}

// rules are everything that can be found, in the order in which it is told.
var rules = []rule{
	{"too-large", Error, "the file has 1 MB or more, and Chromium takes none of that size", "match suffixes instead of naming every host"},
	{"syntax", Error, "the file does not parse: clients go DIRECT, or nowhere where the file is mandatory", "run it in an engine before it is served"},
	{"no-function", Error, "there is no function FindProxyForURL: clients go DIRECT", "define FindProxyForURL(url, host)"},
	{"endless", Error, "the file does not come to an end: clients hang, or give it up and go DIRECT", "no loop whose end depends on the host"},
	{"throws", Error, "the file fails for some hosts: clients then go DIRECT", "test values before use, and return a proxy at the end"},
	{"sign-in-direct", Error, "sign-in hosts go DIRECT: nothing restricts the tenant there", "send them to the proxy before any rule that answers DIRECT"},
	{"sign-in-fails-open", Error, "sign-in hosts go DIRECT when no proxy answers: whoever keeps a client from reaching it is free", "no DIRECT behind the proxies of these hosts"},
	{"sign-in-elsewhere", Error, "sign-in hosts go to a proxy that is not ours", "name our proxies, or chain that proxy to ours"},
	{"case", Error, "a host in capitals goes DIRECT: WinHTTP passes the host as it was typed", "begin with host = host.toLowerCase()"},
	{"trailing-dot", Error, "a host with a dot at its end goes DIRECT, and it is the same host", "strip one trailing dot first"},
	{"port", Error, "a sign-in host goes DIRECT where the URL names a port", "compare host, not url"},
	{"scheme", Error, "a sign-in host goes DIRECT under another scheme", "compare host, not url"},
	{"url", Error, "a path or a query makes a sign-in host go DIRECT", "compare host, not url: anybody can write a URL"},
	{"network", Error, "where the client has another address, sign-in hosts go DIRECT", "no DIRECT by the client's address: it is ambiguous, and anybody can have another one"},
	{"clock", Error, "at some times sign-in hosts go DIRECT", "no rule about time for these hosts"},
	{"data-direct", Warning, "hosts that take tokens go DIRECT, at least as the last resort: a foreign tenant's tokens are not seen there", "send them to the proxy as well"},
	{"device-proxied", Warning, "device sign-in goes to a proxy, and must not be decrypted there: it presents TLS client certificates", "send these hosts DIRECT, or see that the proxy tunnels them"},
	{"dns", Warning, "what the DNS says sends sign-in hosts DIRECT: whoever answers it decides", "compare names only"},
	{"answer", Warning, "an answer has parts that clients do not understand; alone, they mean DIRECT", "PROXY host:port; PROXY host:port"},
	{"look-alike", Warning, "names that only look like sign-in hosts go to the proxy too", "compare whole names, or from a dot on: dnsDomainIs compares the ends of two texts"},
	{"asks-dns", Warning, "the file asks the DNS or for the client's address: each request waits for it, names leak, and answers differ by network", "compare names only"},
	{"random", Warning, "answers are random: a session changes its proxy", "spread by a hash of the host"},
	{"modern", Warning, "the script engine of WinHTTP may not read this, and then there is no file", "keep to ES3"},
	{"not-ascii", Warning, "the file is not plain ASCII, and clients differ in how they read the rest", "keep to ASCII"},
}

// maxHosts bounds the hosts that a finding names.
const maxHosts = 200

// add keeps that a rule was broken. detail is what the rule itself does not
// know: a circumstance, or the words concerned.
func (l *lint) add(name, host, url string, a Answer, detail string) {
	i := slices.IndexFunc(rules, func(r rule) bool { return r.name == name })
	f := l.found[name]
	if f == nil {
		f = &Finding{Rule: name, Severity: rules[i].severity, What: rules[i].what, Hint: rules[i].hint}
		if url == "" && detail != "" {
			f.What += ": " + detail
		}
		if url != "" {
			f.Example = &Example{URL: url, Host: host, Answer: a.String(), When: detail}
		}
		l.found[name] = f
	}
	if host != "" && len(f.Hosts) < maxHosts && !slices.Contains(f.Hosts, host) {
		f.Hosts = append(f.Hosts, host)
	}
}

func (l *lint) done() Report {
	for _, r := range rules {
		if f := l.found[r.name]; f != nil {
			l.report.Findings = append(l.report.Findings, *f)
		}
	}
	slices.SortStableFunc(l.report.Findings, func(a, b Finding) int { return cmp.Compare(a.Severity, b.Severity) })
	return l.report
}

// spelling is a question about a host; rule is what is broken if it alone is
// answered DIRECT.
type spelling struct{ rule, url, host string }

func spellings(host, bait string) []spelling {
	upper := strings.ToUpper(host)
	return []spelling{
		{"", "https://" + host + "/", host},
		{"case", "https://" + upper + "/", upper},
		{"trailing-dot", "https://" + host + "./", host + "."},
		{"port", "https://" + host + ":443/", host},
		{"port", "https://" + host + ":8443/", host},
		{"scheme", "http://" + host + "/", host},
		{"scheme", "wss://" + host + "/", host},
		{"url", "https://" + host + "/" + bait, host}, // WinHTTP, and what reads a PAC file itself
		{"url", "http://" + host + "/" + bait, host},  // browsers show these whole
	}
}

// hosts are names that fit the patterns: one for each, and those that the file
// itself speaks of.
func (l *lint) hosts(patterns []string, exempted bool) []string {
	var all []string
	for _, p := range patterns {
		name, beneath := strings.CutPrefix(p, "*.")
		if beneath {
			name = "contoso." + name
		}
		all = append(all, name)
	}
	set, err := hosts.ParseSet(patterns...)
	if err != nil {
		return all
	}
	for _, text := range l.words.literals {
		text = strings.Trim(strings.Trim(text, "*"), ".")
		for _, name := range []string{text, "contoso." + text} {
			if n, err := hosts.Parse(name); err == nil && set.Has(n) {
				all = append(all, string(n))
			}
		}
	}
	slices.Sort(all)
	all = slices.Compact(all)
	if !exempted {
		return all
	}
	return slices.DeleteFunc(all, func(name string) bool { n, err := hosts.Parse(name); return err == nil && l.subject.Exempt.Has(n) })
}
