// Package judge judges anybody's PAC file: would a sign-in host go DIRECT, or
// a host that must not be decrypted go to a proxy.
//
// It runs the file, in an engine that has no file, no network and no clock of
// its own, for every host that matters and in every spelling that clients use;
// and where the file asks for the client's address, the DNS or the time, in
// other places and at other times as well.
package judge

import (
	"net/url"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
)

// Subject is what a file is judged by.
type Subject struct {
	SignIn  hosts.Set // must arrive at the proxy
	Data    hosts.Set // should: tokens are looked at there
	Exempt  hosts.Set // must not be decrypted
	Proxies []string  // ours, host:port; none: any will do
}

// Severity tells how bad a finding is.
type Severity string

// The severities. A file with an error lets somebody past the proxy, or does
// not work.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Finding is one thing that is wrong with a file, and the hosts it concerns.
type Finding struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	What     string   `json:"what"`
	Hint     string   `json:"hint"`
	Hosts    []string `json:"hosts,omitempty"`
	Example  *Example `json:"example,omitempty"`
}

// Example is one question that shows the finding.
type Example struct {
	URL    string `json:"url"`
	Host   string `json:"host"`
	Answer string `json:"answer"`
	When   string `json:"when,omitempty"` // what the file was told of its surroundings
}

// Report is what became of a file. Its findings are sorted: errors first.
type Report struct {
	Size     int       `json:"size"`
	Asked    int       `json:"asked"` // how many questions
	Findings []Finding `json:"findings"`
}

// Bad tells whether there is an error among the findings.
func (r Report) Bad() bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool { return f.Severity == Error })
}

// Find answers for a URL as clients ask for it: the host as it is written
// there, without its port; of https and wss only the host is shown to the file,
// as Chromium (since 75) and Firefox have it.
func (f *File) Find(address string) (Answer, error) {
	shown, host, err := question(address)
	if err != nil {
		return nil, err
	}
	a, _, err := f.ask(shown, host)
	return a, err
}

// Notes are what the file said with alert.
func (f *File) Notes() []string { return f.notes }

func question(address string) (shown, host string, err error) {
	if !strings.Contains(address, "://") {
		address = "https://" + address
	}
	u, err := url.Parse(address)
	if err != nil {
		return "", "", err
	}
	u.User, u.Fragment = nil, ""
	if u.Path == "" {
		u.Path = "/"
	}
	if s := strings.ToLower(u.Scheme); s == "https" || s == "wss" {
		u.Path, u.RawPath, u.RawQuery, u.ForceQuery = "/", "", "", false
	}
	return u.String(), u.Hostname(), nil
}
