package main

import (
	"net"
	"os"

	"github.com/spf13/cobra"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/pac"
	"github.com/tenantgate/tenantgate/tagging"
)

func pacCommand() *cobra.Command {
	var from source
	cmd := &cobra.Command{
		Use:   "pac -c FILE",
		Short: "Print the PAC file that the admin listener serves",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := from.read()
			if err != nil {
				return err
			}
			b, err := assemble(f, offline)
			if err != nil {
				return err
			}
			return pac.Write(cmd.OutOrStdout(), script(b.brought, f.Listen.Proxy))
		},
	}
	from.flags(cmd, true)
	return cmd
}

// script sends the hosts that must arrive here to the proxy that listens on addr.
func script(brought hosts.Set, addr string) pac.Script {
	return pac.Script{Restricted: brought, Exempt: tagging.Exempt(), Proxies: []string{reachable(addr)}}
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
