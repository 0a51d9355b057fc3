// Package doctor finds out whether what devices send is restricted, from the
// server or from a device, and says what to do where it is not.
//
// It does what a client would do and looks at what comes back; it changes
// nothing. What it asks sign-in hosts for is recorded like anybody's traffic.
package doctor

import (
	"context"
	"crypto/x509"
	"net"
	"net/netip"
	"time"

	"github.com/tenantgate/tenantgate/hosts"
)

// Status is how a check ended.
type Status string

// The statuses. Only Fail makes a report bad.
const (
	Pass    Status = "pass"
	Warn    Status = "warn"
	Fail    Status = "fail"
	Skipped Status = "skipped" // it does not apply, or what it needs was not given
)

// Finding is what a check found.
type Finding struct {
	Check  string `json:"check"`
	Status Status `json:"status"`
	What   string `json:"what"`
	Hint   string `json:"hint,omitempty"`
}

// Subject is what is examined. What is left out is not checked.
type Subject struct {
	Proxy string // host:port of the explicit proxy as it is reached from here; empty: names are steered
	PAC   string // URL of the PAC file
	Admin string // host:port of the admin listener
	Mode  string // of the server; empty: not known from here

	Route         func(src []byte, host string) (Route, error) // runs a PAC file
	Proxies       []string                                     // where the file may send sign-ins, beside Proxy
	ExemptToProxy bool                                         // the file is meant to send exempt hosts to the proxy

	Root   *x509.Certificate // what signs the proxy's leaves; nil: not known from here
	Roots  []byte            // more roots of origins than the system's, PEM
	Device bool              // the system's store is a device's: it has to trust Root

	Ranges []netip.Prefix                                               // the published addresses of the sign-in service
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error) // DNS as it is used here; nil: none is

	// Ask asks the resolver that was named for records of a type, and returns its
	// code and how many answers there are; nil: none was named.
	Ask  func(ctx context.Context, name, kind string) (code string, answers int, err error)
	Dial func(ctx context.Context, network, addr string) (net.Conn, error) // how steered hosts are reached; nil: as usual

	Canary Canary
	QUIC   string // host:port that may be sent a QUIC packet
	Agent  string // User-Agent of what is sent
	Now    func() time.Time
}

// Route is where a PAC file sends a host.
type Route struct {
	Proxies   []string // host:port in the order that they are tried; none: DIRECT
	FailsOpen bool     // DIRECT comes after them
}

// signIn are the hosts whose tags Microsoft documents (tenant-restrictions-v2).
var signIn = []hosts.Name{"login.microsoftonline.com", "login.microsoft.com", "login.windows.net", "login.live.com"}

// devices are hosts that must not be decrypted: device sign-in and registration
// present a TLS client certificate (tenant-restrictions).
var devices = []hosts.Name{"device.login.microsoftonline.com", "enterpriseregistration.windows.net"}

// check is one question, and the sentence that says that it is being asked.
type check struct {
	name string
	run  func(*Subject, context.Context) Finding
}

// everything is asked from top to bottom, what others depend on first.
var everything = []check{
	{"mode", (*Subject).mode},
	{"proxy", (*Subject).reach},
	{"ready", (*Subject).ready},
	{"sinks", (*Subject).sinks},
	{"pac", (*Subject).pac},
	{"trust", (*Subject).trust},
	{"intercepted", (*Subject).intercepted},
	{"tag", (*Subject).tag},
	{"exempt", (*Subject).exempt},
	{"clock", (*Subject).clock},
	{"dns", (*Subject).dns},
	{"discovery", (*Subject).discovery},
	{"quic", (*Subject).quic},
}

// proof are the checks that show that restrictions hold, on a schedule.
var proof = []string{"proxy", "intercepted", "tag", "exempt"}

// patience bounds one check.
const patience = 15 * time.Second

// Examine asks everything there is to ask of s. begin, which may be nil, is
// told the name of each check before it starts.
func Examine(ctx context.Context, s *Subject, begin func(name string)) []Finding {
	return s.examine(ctx, everything, begin)
}

// Prove asks only whether restrictions hold.
func Prove(ctx context.Context, s *Subject) []Finding {
	var some []check
	for _, c := range everything {
		for _, name := range proof {
			if c.name == name {
				some = append(some, c)
			}
		}
	}
	return s.examine(ctx, some, nil)
}

func (s *Subject) examine(ctx context.Context, checks []check, begin func(string)) []Finding {
	var all []Finding
	for _, c := range checks {
		if begin != nil {
			begin(c.name)
		}
		bounded, cancel := context.WithTimeout(ctx, patience)
		f := c.run(s, bounded)
		cancel()
		f.Check = c.name
		all = append(all, f)
	}
	return all
}

// Bad tells whether a check failed.
func Bad(list []Finding) bool {
	for _, f := range list {
		if f.Status == Fail {
			return true
		}
	}
	return false
}

func pass(what string) Finding       { return Finding{Status: Pass, What: what} }
func warn(what, hint string) Finding { return Finding{Status: Warn, What: what, Hint: hint} }
func fail(what, hint string) Finding { return Finding{Status: Fail, What: what, Hint: hint} }
func skip(what, hint string) Finding { return Finding{Status: Skipped, What: what, Hint: hint} }
