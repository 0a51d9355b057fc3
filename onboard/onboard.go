// Package onboard writes what administrators copy to bring devices here: trust,
// proxy settings, browser policies, firewall rules and a notice for users,
// filled in for one installation.
//
// It changes no device itself, and everything that it writes is public: the
// CA's certificate is in it, its key is not.
package onboard

import (
	"bytes"
	"crypto/sha1" // Windows names certificates by it; nothing is proved with it
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/tagging"
)

// Installation is what there is to know of one installation.
type Installation struct {
	Tenant, Policy string              // the home tenant, and the id of its policy
	V2             bool                // tags are those of tenant restrictions v2
	Roots          []*x509.Certificate // what endpoints trust: the CA at work, and the next one if it is prepared
	PAC            string              // URL of the PAC file as endpoints reach it
	Proxies        []string            // host:port as endpoints reach them, at least one
	Tags           *tagging.Table      // who reads which restriction headers
	SignIn         []netip.Prefix      // the published addresses of the sign-in service
	ExemptDirect   bool                // the PAC file sends exempt hosts past the proxy
	Version        string              // of the program that wrote the files
}

// Errors of an installation that nothing can be written for.
var (
	ErrNoRoot  = errors.New("onboard: no certificate for endpoints to trust")
	ErrNoProxy = errors.New("onboard: no proxy for endpoints to use")
)

// facts are what a template can say.
type facts struct {
	Installation
	Host, Port string // of the first proxy
	Exempt     []string
	NoProxy    []string // exempt hosts as NO_PROXY has them
	Injections []Injection
	Browsers   []string       // preference domains of Chromium's relatives on macOS
	V4, V6     []netip.Prefix // the sign-in ranges
	Near4      []netip.Addr   // proxies that are named by address
	Near6      []netip.Addr
	Files      []artifact
}

func newFacts(i Installation) (facts, error) {
	if len(i.Roots) == 0 {
		return facts{}, ErrNoRoot
	}
	if len(i.Proxies) == 0 {
		return facts{}, ErrNoProxy
	}
	if err := checkPAC(i.PAC); err != nil {
		return facts{}, err
	}
	f := facts{Installation: i, Exempt: tagging.Exempt().Patterns(), Injections: Injections(i.Tags), Browsers: []string{"com.google.Chrome", "com.microsoft.Edge"}}
	for n, p := range i.Proxies {
		at, err := hosts.ParseAuthority(p, 0)
		if err != nil {
			return facts{}, fmt.Errorf("onboard: proxy: %w", err)
		}
		if n == 0 {
			f.Host, f.Port = at.Host(), fmt.Sprint(at.Port)
		}
		switch {
		case at.Addr.Is4():
			f.Near4 = append(f.Near4, at.Addr)
		case at.Addr.Is6():
			f.Near6 = append(f.Near6, at.Addr)
		}
	}
	for _, p := range i.SignIn {
		if p.Addr().Is4() {
			f.V4 = append(f.V4, p)
			continue
		}
		f.V6 = append(f.V6, p)
	}
	for _, p := range f.Exempt {
		f.NoProxy = append(f.NoProxy, strings.TrimPrefix(p, "*"))
	}
	for _, a := range artifacts {
		if !a.v2 || i.V2 {
			f.Files = append(f.Files, a)
		}
	}
	return f, nil
}

// checkPAC takes a URL that survives every file it is written to.
func checkPAC(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		return fmt.Errorf("onboard: %q is not the http or https URL of a PAC file", address)
	}
	// The rest of RFC 3986 is left out where a shell or cmd.exe acts upon it.
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:/?=._-[]"
	if strings.Trim(address, plain) != "" || strings.ContainsFunc(address, func(r rune) bool { return !strings.ContainsRune(plain, r) }) {
		return fmt.Errorf("onboard: the URL of the PAC file has more in it than letters, digits and :/?=._-: %q", address)
	}
	return nil
}

// Notes tell what an administrator should know before the files are used.
func (i Installation) Notes() []string {
	var notes []string
	if u, err := url.Parse(i.PAC); err == nil {
		addr, err := netip.ParseAddr(u.Hostname())
		if u.Hostname() == "localhost" || err == nil && (addr.IsLoopback() || addr.IsUnspecified()) {
			notes = append(notes, "endpoints cannot fetch the PAC file at "+i.PAC+", which is their own machine: set listen.admin, or give --pac-url")
		}
	}
	for _, p := range i.Proxies {
		if at, err := hosts.ParseAuthority(p, 0); err == nil && at.Addr.IsLoopback() {
			notes = append(notes, "endpoints cannot reach the proxy at "+p+", which is their own machine: set pac.proxies")
		}
	}
	if i.ExemptDirect {
		notes = append(notes, "firewall: device registration goes to the addresses that the rules close, and pac.exempt sends it past the proxy: set pac.exempt: proxy before they are loaded")
	}
	if !i.V2 {
		notes = append(notes, "tagging.version is v1: Windows' own tenant restrictions are v2 and were left out, since the two must not meet on one request")
	}
	return notes
}

// Thumbprint is how Windows names a certificate.
func thumbprint(c *x509.Certificate) string {
	sum := sha1.Sum(c.Raw)
	return fmt.Sprintf("%X", sum[:])
}

func fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":")
}

// uuid makes the same identifier of the same words, as RFC 9562 has version 8:
// a device that gets the file again replaces what it has.
func uuid(words ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(words, "\x00")))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	return strings.ToUpper(fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16]))
}

// crlf ends lines as Windows does.
func crlf(text []byte) []byte { return bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n")) }
