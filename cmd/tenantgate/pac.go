package main

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"

	"github.com/spf13/cobra"

	"github.com/tenantgate/tenantgate/config"
	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/pac"
	"github.com/tenantgate/tenantgate/tagging"
)

func pacCommand() *cobra.Command {
	var from source
	var group, client string
	cmd := &cobra.Command{
		Use:   "pac -c FILE",
		Short: "Print the PAC file that the admin listener serves",
		Long: `pac prints the PAC file that the admin listener serves: everybody's, or that of
a group, or of the client at an address.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := from.read()
			if err != nil {
				return err
			}
			b, err := assemble(f, offline)
			if err != nil {
				return err
			}
			var addr netip.Addr
			if client != "" {
				if addr, err = netip.ParseAddr(client); err != nil {
					return usage{fmt.Errorf("--client %s is not an address", client)}
				}
			}
			if group != "" && !b.pac.Has(group) {
				return fmt.Errorf("pac.groups has no %q", group)
			}
			return pac.Write(cmd.OutOrStdout(), b.pac.Script(group, addr, reachable(f.Listen.Proxy)))
		},
	}
	from.flags(cmd, true)
	cmd.Flags().StringVar(&group, "group", "", "print the file of the group called `NAME`")
	cmd.Flags().StringVar(&client, "client", "", "print the file of the client at `IP`")
	cmd.AddCommand(pacLintCommand(), pacEvalCommand())
	return cmd
}

// pacHosts are the hosts that a PAC file is about: whatever must arrive here,
// and of that the names that people sign in at.
func pacHosts(brought hosts.Set, tags *tagging.Table) pac.Hosts {
	return pac.Hosts{Restricted: brought, SignIn: tags.Hosts().Union(tags.Refused()).Without(tagging.Exempt()), Exempt: tagging.Exempt()}
}

// pacFile serves /proxy.pac, and /wpad.dat where the configuration in force
// wants it.
func (d *daemon) pacFile() http.Handler {
	file := pac.Handler(func(group string, client netip.Addr) pac.Script {
		return d.now.Load().pac.Script(group, client, reachable(d.addr("proxy")))
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wpad.dat" && !d.now.Load().file.PAC.WPAD {
			http.NotFound(w, r)
			return
		}
		d.pacs.Add(1)
		file.ServeHTTP(w, r)
	})
}

// pacNotes tell what an administrator should know of the PAC file, though it
// is as the settings say.
func pacNotes(f config.File) []string {
	var notes []string
	if f.PAC.FailOpen {
		notes = append(notes, "pac.fail_open is true: whoever keeps a client from reaching the proxy is not restricted at all")
	}
	host, port, err := net.SplitHostPort(f.Listen.Proxy)
	if err != nil || len(f.PAC.Proxies) > 0 {
		return notes
	}
	admin, _, _ := net.SplitHostPort(f.Listen.Admin)
	ip, adminIP := net.ParseIP(host), net.ParseIP(admin)
	switch {
	case host == "" || ip != nil && ip.IsUnspecified():
		notes = append(notes, "the PAC file sends clients to "+reachable(":"+port)+"; where they do not know that name, set pac.proxies")
	case ip != nil && ip.IsLoopback() && f.Listen.Admin != "" && (adminIP == nil || !adminIP.IsLoopback()):
		notes = append(notes, "the PAC file sends clients to "+f.Listen.Proxy+", which is their own machine; set pac.proxies")
	}
	return notes
}

// reachable is addr as clients write it: an address that means every
// interface becomes this machine's name.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		if name, err := os.Hostname(); err == nil {
			host = name
		}
	}
	return net.JoinHostPort(host, port)
}
