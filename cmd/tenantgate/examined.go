package main

import (
	"net"
	"time"

	"github.com/tenantgate/tenantgate/console"
)

// examined is what the last self-proof found, for the page /doctor, and what to
// type on a device to find out about its own way here.
func (d *daemon) examined() console.Examination {
	f := d.now.Load().file
	e := console.Examination{Every: f.Doctor.Every}
	if when := d.proven.when.Load(); when != 0 {
		e.When = time.Unix(when, 0)
		for _, found := range *d.proven.last.Load() {
			e.Findings = append(e.Findings, console.Finding{Check: found.Check, Status: string(found.Status), What: found.What, Hint: found.Hint})
		}
	}
	if f.Listen.Proxy != "" {
		at := reachable(d.addr("proxy"))
		e.Devices = append(e.Devices,
			console.Command{What: "A device that uses the proxy", Line: "tenantgate doctor --from-client --proxy " + at + " --pac http://" + reachable(d.addr("admin")) + "/proxy.pac",
				Want: "Every line passes, or says what to do. It needs nothing but the program, and no configuration."},
			console.Command{What: "The same without the program", Line: "curl -sSv -o /dev/null --proxy http://" + at + " https://login.microsoftonline.com/",
				Want: "The certificate's issuer is the tenantgate interception CA, and curl trusts it."})
	}
	if f.Listen.DNS != "" {
		host, _, err := net.SplitHostPort(reachable(d.addr("dns")))
		if err == nil {
			e.Devices = append(e.Devices,
				console.Command{What: "A device that knows only the resolver", Line: "tenantgate doctor --from-client --resolver " + host,
					Want: "Names lead here, no record leads round, and what is here decrypts sign-in hosts."},
				console.Command{What: "The same without the program", Line: "nslookup login.microsoftonline.com " + host + "\nnslookup -type=HTTPS login.microsoftonline.com " + host + "\nnslookup use-application-dns.net " + host,
					Want: "The proxy's address; no record; and no such name, so that Firefox stays with this resolver."})
		}
	}
	return e
}
