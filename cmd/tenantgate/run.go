package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/spf13/cobra"

	"github.com/tenantgate/tenantgate/certs"
	"github.com/tenantgate/tenantgate/memory"
)

func runCommand() *cobra.Command {
	var from source
	var replace bool
	cmd := &cobra.Command{
		Use:   "run [-c FILE | --tenant GUID --policy GUID [--state DIR]] [--replace]",
		Short: "Run the proxy",
		Long: `run starts the proxy. SIGHUP reloads everything but listen and state: the new
file takes effect as one snapshot, or the old one stays and the reason is
logged. SIGTERM drains: new clients are refused, and what is under way has 30
seconds to end, after which it is closed. A tunnel that stays takes all of
them. Ctrl-C drains as well; a second one ends it at once.

Sockets that systemd passes (sd_listen_fds(3)) are used where they have a
listener's name or address. With --replace, the process that runs on the same
state directory hands over its event log and new connections, and drains: that
is how another version takes its place without a refused connection. Where none
runs, --replace changes nothing.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			in := surroundings{passed: activation.Files(true), replace: replace}
			return runProxy(ctx, &from, in, cmd.ErrOrStderr())
		},
	}
	from.flags(cmd, true)
	cmd.Flags().BoolVar(&replace, "replace", false, "take over from the process that runs on the same state directory")
	return cmd
}

func runProxy(ctx context.Context, from *source, in surroundings, errs io.Writer) error {
	log := logger(errs)
	context.AfterFunc(ctx, func() { signal.Reset(syscall.SIGINT) }) // a second Ctrl-C does not wait for tunnels
	limit := memory.Tune()
	if err := certs.HardenProcess(); err != nil { // before anything is read; harden tells what went wrong
		log.Debug("core dumps could not be turned off", "err", err)
	}
	f, err := from.read()
	if err != nil {
		return err
	}
	if err := harden(f, func(what string) { log.Warn(what) }); err != nil {
		return f.Locate(err)
	}
	d, err := open(f, from, in, log)
	if err != nil {
		return err
	}
	if torn := d.events.Damaged(); torn != "" {
		log.Warn("the event file had a damaged end, which was set aside", "file", torn)
	}
	log.Info("tenantgate runs", "version", release, "proxy", d.addr("proxy"), "admin", d.addr("admin"),
		"tenant", f.Tenant.ID, "mode", f.Mode, "config", d.now.Load().rules.Hash, "memory_limit", limit)
	if terminal(errs) {
		whatNext(errs, d)
	}
	if err := d.serve(ctx); err != nil {
		return broke{err, ""}
	}
	return nil
}

// whatNext tells who just started the proxy what to do with it.
func whatNext(w io.Writer, d *daemon) {
	ca, err := filepath.Abs(stateDir(d.now.Load().file, "ca/ca.crt"))
	if err != nil {
		ca = stateDir(d.now.Load().file, "ca/ca.crt")
	}
	fmt.Fprintf(w, `
  Endpoints trust   %s
  PAC for clients   http://%s/proxy.pac
  Try it            curl --proxy http://%s --cacert %s https://login.microsoftonline.com/
  Watch it          http://%s/
  Ctrl-C drains, for 30 seconds at most; a second one stops at once.

`, ca, d.addr("admin"), d.addr("proxy"), ca, d.addr("admin"))
}

// logger writes text for a person at a terminal, JSON for anything else.
func logger(w io.Writer) *slog.Logger {
	if terminal(w) {
		return slog.New(slog.NewTextHandler(w, nil))
	}
	return slog.New(slog.NewJSONHandler(w, nil))
}
