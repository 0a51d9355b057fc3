package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/certs"
	"github.com/tenantgate/tenantgate/config"
)

// hazards are environment variables by which somebody else than the
// configuration decides whom the proxy believes, where it sends credentials,
// or who can read them. Whatever our own code makes of one, nobody who runs
// this program has a use for it.
var hazards = []struct {
	names []string
	what  string
	do    string
	harms func(value string) string // what of the value does harm; nil: any value does
}{
	{[]string{"SSLKEYLOGFILE"}, "asks programs to write down the keys of their connections", "unset it", nil},
	{[]string{"SSL_CERT_FILE", "SSL_CERT_DIR"}, "replaces the system's roots, by which origins are judged", "unset it, and name roots of your own in upstream.roots", nil},
	{[]string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}, "names a proxy, which is ignored", "unset it, and name a parent proxy in upstream.parent", nil},
	{[]string{"GODEBUG"}, "changes how the Go runtime behaves", "unset what is named", godebug},
	{[]string{"GOTRACEBACK"}, "asks for a core dump at a crash", "unset it", core},
	{[]string{"LD_PRELOAD", "LD_AUDIT"}, "loads code into programs that are linked dynamically", "unset it", nil},
}

// harmless are the settings of GODEBUG that change neither TLS nor HTTP nor
// what is believed: of all others there are too many, and more with each
// release, to list those that do (tlsrsakex, tls10server, x509sha1,
// httplaxcontentlength, http2debug, which logs headers, …).
var harmless = []string{
	"asyncpreemptoff", "cgocheck", "containermaxprocs", "decoratemappings", "gccheckmark", "gcpacertrace", "gcshrinkstackoff", "gcstoptheworld",
	"gctrace", "inittrace", "madvdontneed", "memprofilerate", "netdns", "profstackdepth", "schedtrace", "scheddetail", "scavtrace", "updatemaxprocs",
	"disablethp", "clobberfree", "traceallocfree", "tracebackancestors", "tracebacklabels",
}

// godebug names the settings that are not known to be harmless. FIPS 140-3
// mode may be switched on, and not off.
func godebug(value string) string {
	var bad []string
	for setting := range strings.SplitSeq(value, ",") {
		key, v, _ := strings.Cut(strings.TrimSpace(setting), "=")
		switch {
		case key == "", slices.Contains(harmless, key), key == "fips140" && (v == "on" || v == "only"):
		case len(key) > 40 || strings.Trim(key, "abcdefghijklmnopqrstuvwxyz0123456789") != "":
			bad = append(bad, "something unreadable")
		default:
			bad = append(bad, key)
		}
	}
	return strings.Join(bad, ", ")
}

func core(value string) string {
	if value == "crash" || value == "wer" {
		return value
	}
	return ""
}

// hazardous returns what is wrong with an environment. It tells no values: a
// proxy's may hold a password.
func hazardous(environ []string) (found []config.Problem) {
	for _, h := range hazards {
		for _, entry := range environ {
			name, value, _ := strings.Cut(entry, "=")
			if value == "" || !slices.ContainsFunc(h.names, func(n string) bool { return strings.EqualFold(n, name) }) {
				continue
			}
			what := name + " " + h.what
			if h.harms != nil {
				harm := h.harms(value)
				if harm == "" {
					continue
				}
				what += ": " + harm
			}
			found = append(found, config.Problem{Path: "hardened", What: "the environment variable " + what, Hint: h.do})
		}
	}
	return found
}

// harden refuses to run where a secret could get out of the process or
// somebody else decides what it believes. Where the configuration does not ask
// for that, it is told.
func harden(f config.File, warn func(string)) error {
	found := hazardous(os.Environ())
	if err := certs.HardenProcess(); err != nil {
		found = append(found, config.Problem{Path: "hardened", What: fmt.Sprintf("core dumps could not be turned off: %v", err), Hint: "the kernel and its limits must let the process make itself undumpable"})
	}
	if f.Hardened {
		return together(found)
	}
	for _, p := range found {
		warn(p.What + " (" + p.Hint + ")")
	}
	return nil
}

// together is one problem for all that is found, as there is one setting.
func together(found []config.Problem) error {
	if len(found) == 0 {
		return nil
	}
	all, hints := make([]string, len(found)), make([]string, len(found))
	for i, p := range found {
		all[i], hints[i] = p.What, p.Hint
	}
	return config.Problem{Path: "hardened", What: strings.Join(all, "; "), Hint: strings.Join(slices.Compact(hints), "; ")}
}

// environment is what check tells of the environment it runs in, which need
// not be that of the service: problems in hardened mode, else notes.
func environment(f config.File) (notes []string, bad error) {
	found := hazardous(os.Environ())
	if f.Hardened {
		return nil, together(found)
	}
	for _, p := range found {
		notes = append(notes, p.What+" ("+p.Hint+")")
	}
	return notes, nil
}
