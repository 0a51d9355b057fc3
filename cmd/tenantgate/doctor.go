package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenantgate/tenantgate/doctor"
	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/pac"
	"github.com/tenantgate/tenantgate/pac/judge"
	"github.com/tenantgate/tenantgate/proxy"
)

// visit is what the command line says of an examination.
type visit struct {
	from           source
	device         bool
	proxy, pac, ca string
	resolver       string
	quic, canary   string
	asJSON         bool
}

func doctorCommand() *cobra.Command {
	var v visit
	cmd := &cobra.Command{
		Use:   "doctor {-c FILE | --from-client {--proxy HOST:PORT [--pac URL] | --resolver HOST} [--ca FILE]}",
		Short: "Find out whether sign-ins are restricted, and what to do where they are not",
		Long: `doctor does what a client would do and looks at what comes back: from the server
with its configuration, or from a device with --from-client. Each check passes,
warns, fails or is skipped, in a line, with a hint. It changes nothing. Nothing is
sent to a canary tenant or over UDP unless one is named. Exit code 1 if a check
fails.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := v.subject()
			if err != nil {
				return err
			}
			slow := &slowly{w: cmd.ErrOrStderr()}
			list := doctor.Examine(cmd.Context(), s, slow.begin)
			slow.end()
			if err := tellFindings(cmd.OutOrStdout(), list, v.asJSON); err != nil {
				return err
			}
			if doctor.Bad(list) {
				return errSilent
			}
			return nil
		},
	}
	v.flags(cmd)
	return cmd
}

func (v *visit) flags(cmd *cobra.Command) {
	v.from.flags(cmd, false)
	f := cmd.Flags()
	f.BoolVar(&v.device, "from-client", false, "this is a device, not the server")
	f.StringVar(&v.proxy, "proxy", "", "the proxy is at `HOST:PORT`")
	f.StringVar(&v.resolver, "resolver", "", "the resolver that steers names is at `HOST[:PORT]`; without --proxy this device knows nothing else")
	f.StringVar(&v.pac, "pac", "", "the PAC file is at `URL`")
	f.StringVar(&v.ca, "ca", "", "the CA's certificate, PEM, is in `FILE`; it need not be, to know tenantgate's own")
	f.StringVar(&v.canary, "canary", "", "`TENANT` that a sign-in must be refused to; default: doctor.canary")
	f.StringVar(&v.quic, "quic", "", "send one QUIC packet to `HOST:PORT`, which must not be answered")
	f.BoolVar(&v.asJSON, "json", false, "print one JSON object")
	cmd.MarkFlagsMutuallyExclusive("config", "from-client")
	cmd.MarkFlagsOneRequired("config", "from-client")
	cmd.MarkFlagsMutuallyExclusive("config", "proxy")
	cmd.MarkFlagsMutuallyExclusive("config", "resolver")
	_ = cmd.MarkFlagFilename("ca", "pem", "crt")
}

func (v *visit) subject() (*doctor.Subject, error) {
	if v.device && v.proxy == "" && v.resolver == "" {
		return nil, usage{errors.New("--from-client takes --proxy, or --resolver where names are steered")}
	}
	for _, at := range []string{v.proxy, v.quic} {
		if _, err := hosts.ParseAuthority(at, 0); at != "" && err != nil {
			return nil, usage{fmt.Errorf("%s is not HOST:PORT", at)}
		}
	}
	s := &doctor.Subject{Route: routeOf, Ranges: proxy.SignInRanges(), QUIC: v.quic, Agent: "tenantgate-doctor/" + release, Now: time.Now}
	if !v.device {
		if err := v.server(s); err != nil {
			return nil, err
		}
	}
	s.Proxy, s.PAC, s.Canary.Tenant = cmp.Or(v.proxy, s.Proxy), cmp.Or(v.pac, s.PAC), cmp.Or(v.canary, s.Canary.Tenant)
	if err := (doctor.Config{Canary: s.Canary}).Check(""); err != nil {
		return nil, usage{fmt.Errorf("--%w", err)}
	}
	if v.device {
		s.Device, s.Lookup = true, lookup
	}
	if v.resolver != "" {
		s.Ask = askAt(v.resolver)
	}
	if v.ca == "" {
		return s, nil
	}
	text, err := os.ReadFile(v.ca)
	if err != nil {
		return nil, err
	}
	s.Root, err = firstCertificate(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", v.ca, err)
	}
	return s, nil
}

// server fills in what the configuration says.
func (v *visit) server(s *doctor.Subject) error {
	f, err := v.from.read()
	if err != nil {
		return err
	}
	b, err := assemble(f, offline)
	if err != nil {
		return err
	}
	trusted, err := trustedRoots(stateDir(f, "ca"))
	if err != nil {
		return err
	}
	s.Root, s.Mode, s.Canary = trusted[0], f.Mode, f.Doctor.Canary
	s.Proxy, s.Admin = local(f.Listen.Proxy), local(f.Listen.Admin)
	s.Proxies, s.ExemptToProxy = b.pac.Proxies(reachable(f.Listen.Proxy)), f.PAC.Exempt == pac.ToProxy
	if s.Admin != "" {
		s.PAC = "http://" + s.Admin + "/proxy.pac"
	}
	if f.Upstream.Roots != "" {
		if s.Roots, err = os.ReadFile(f.Upstream.Roots); err != nil {
			return err
		}
	}
	switch {
	case f.Upstream.Parent != "":
	case f.Upstream.Resolver != "":
		r := resolverAt(f.Upstream.Resolver)
		s.Lookup = func(ctx context.Context, host string) ([]netip.Addr, error) { return r.LookupNetIP(ctx, "ip", host) }
	default:
		s.Lookup = lookup
	}
	return nil
}

func lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// local is a listener's address as this machine reaches it.
func local(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

// routeOf runs a PAC file as a browser on this machine would.
func routeOf(src []byte, host string) (doctor.Route, error) {
	f, err := judge.Load(src, judge.Facts{Now: time.Now()})
	if err != nil {
		return doctor.Route{}, err
	}
	answer, err := f.Find("https://" + host + "/")
	if err != nil || answer.Direct() {
		return doctor.Route{}, err
	}
	r := doctor.Route{FailsOpen: answer.FailsOpen()}
	for _, hop := range answer {
		if hop.At != "" {
			r.Proxies = append(r.Proxies, hop.At)
		}
	}
	return r, nil
}

// slowly says what is being waited for, once it has been for two seconds.
type slowly struct {
	w    io.Writer
	last *time.Timer
}

func (s *slowly) begin(name string) {
	s.end()
	s.last = time.AfterFunc(2*time.Second, func() { fmt.Fprintf(s.w, "doctor: still at %s\n", name) })
}

func (s *slowly) end() {
	if s.last != nil {
		s.last.Stop()
	}
}

func tellFindings(w io.Writer, list []doctor.Finding, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(map[string]any{"ok": !doctor.Bad(list), "checks": list})
	}
	for _, f := range list {
		if _, err := fmt.Fprintf(w, "%-8s %-12s %s\n", f.Status, f.Check, visible(f.What)); err != nil {
			return err
		}
		if f.Hint != "" && f.Status != doctor.Pass {
			if _, err := fmt.Fprintf(w, "%21s hint: %s\n", "", visible(f.Hint)); err != nil {
				return err
			}
		}
	}
	return nil
}
