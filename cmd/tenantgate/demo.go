package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/tenantgate/tenantgate/config"
	"github.com/tenantgate/tenantgate/demo"
)

func demoCommand() *cobra.Command {
	var exit bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the real proxy in front of an imitation of Microsoft's cloud",
		Long: `demo needs no account, no network and no root. It walks through the scenarios,
prints each verdict and the event it left, then stays up with the console until
Ctrl-C. With --exit it stops after the walk; exit code 0 means that each
scenario ended as it should.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			return runDemo(ctx, cmd.OutOrStdout(), exit)
		},
	}
	cmd.Flags().BoolVar(&exit, "exit", false, "stop after the walk")
	return cmd
}

func runDemo(ctx context.Context, out io.Writer, exit bool) error {
	cloud, err := demo.NewCloud()
	if err != nil {
		return broke{fmt.Errorf("start the imitation cloud: %w", err), ""}
	}
	defer cloud.Close()
	state, err := os.MkdirTemp("", "tenantgate-demo-")
	if err != nil {
		return broke{err, "set TMPDIR to a directory that can be written"}
	}
	defer os.RemoveAll(state)
	d, err := open(demoConfig(state), nil, demoSurroundings(cloud), slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- d.serve(ctx) }()
	walked := demo.Walk(ctx, out, demoStage(cloud, d, terminal(out)))
	if !exit && ctx.Err() == nil {
		demoStays(out, d, state)
		<-ctx.Done()
	}
	cancel()
	if err := <-served; err != nil {
		return broke{err, ""}
	}
	if walked != nil {
		return broke{walked, "that is a fault of tenantgate: please report it"}
	}
	return nil
}

// demoConfig is the configuration of the demo: the smallest that works, on
// ports that are free.
func demoConfig(state string) config.File {
	f := config.Default()
	f.State = state
	f.Tenant = config.Tenant{ID: demo.Home.ID, Policy: demo.Home.Policy, Domains: demo.Home.Domains}
	f.Listen.Proxy, f.Listen.Admin = "127.0.0.1:0", "127.0.0.1:0"
	return f
}

// demoSurroundings put the proxy on the imitation cloud: its names, its
// addresses, its root.
func demoSurroundings(cloud *demo.Cloud) surroundings {
	return surroundings{
		roots:    cloud.RootPEM(),
		resolver: cloudResolver{cloud},
		connect:  cloudConnect(cloud),
		allow:    []netip.Prefix{netip.MustParsePrefix(demo.Addresses)},
	}
}

func demoStage(cloud *demo.Cloud, d *daemon, colour bool) demo.Stage {
	pool := x509.NewCertPool()
	pool.AddCert(d.ca.Certificate())
	pool.AppendCertsFromPEM(cloud.RootPEM())
	events := filepath.Join(d.now.Load().file.State, "events", "events.jsonl")
	return demo.Stage{
		Proxy: "http://" + d.addr("proxy"), Roots: pool, Cloud: cloud, Colour: colour,
		Events: func() ([]byte, error) { return os.ReadFile(events) },
	}
}

// demoStays tells what can be done with a demo that stays up.
func demoStays(out io.Writer, d *daemon, state string) {
	both := filepath.Join(state, "roots.pem")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: d.ca.Certificate().Raw})
	if err := os.WriteFile(both, ca, 0o600); err != nil {
		both = stateDir(d.now.Load().file, "ca/ca.crt")
	}
	fmt.Fprintf(out, `
The proxy and its imitation cloud stay up. Try them from another terminal:

  curl --proxy http://%s --cacert %s https://graph.microsoft.com/v1.0/me

  PAC      http://%s/proxy.pac
  Metrics  http://%[3]s/metrics
  Console  http://%[3]s/
  Events   %s

Ctrl-C ends it and leaves nothing behind.
`, d.addr("proxy"), both, d.addr("admin"), filepath.Join(state, "events", "events.jsonl"))
}
