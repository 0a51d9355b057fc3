package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenantgate/tenantgate/audit"
)

func spoolCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "spool",
		Short: "Show, send again or empty what waits for the sinks",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usage{errors.New("spool needs ls, replay or purge")}
		},
	}
	cmd.AddCommand(spoolList(), spoolReplay(), spoolPurge())
	return cmd
}

func spoolList() *cobra.Command {
	var from source
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "Print the segments, how far each sink is, and what was set aside",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := from.read()
			if err != nil {
				return err
			}
			s, err := audit.InspectSpool(stateDir(f, "events"))
			if errors.Is(err, fs.ErrNotExist) {
				return broke{errors.New("there is no spool"), "the first run with a sink makes it"}
			}
			if err != nil {
				return broke{err, ""}
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(s)
			}
			if err := printSpool(cmd.OutOrStdout(), s); err != nil || f.Events.Leftover(stateDir(f, "events")) == 0 {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "\nno sink is configured: nothing of this is sent, and it goes when it is older than %v\n", f.Events.Spool.Age())
			return err
		},
	}
	from.flags(cmd, true)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func printSpool(w io.Writer, s audit.SpoolState) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SEGMENT\tFROM\tBYTES\tUNTIL")
	for _, g := range s.Segments {
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\n", g.Kind, g.First, g.Bytes, g.Until.UTC().Format(time.RFC3339))
	}
	fmt.Fprintln(t, "\t\t\t\nSINK\tKIND\tTAKEN TO\tWAITING")
	for _, c := range s.Cursors {
		fmt.Fprintf(t, "%s\t%s\t%d\t%d bytes\n", visible(c.Sink), visible(c.Kind), c.Taken, c.Waiting)
	}
	for _, d := range s.Dead {
		fmt.Fprintf(t, "%s\tset aside\t\t%d bytes\n", visible(d.Sink), d.Bytes)
	}
	return t.Flush()
}

func spoolReplay() *cobra.Command {
	var from source
	var want wanted
	var dead, asJSON bool
	cmd := &cobra.Command{
		Use:   "replay NAME",
		Short: "Send a sink what the spool holds once more, or with --dead what was set aside",
		Long: `replay sends events to the sink NAME again. It moves no cursor and may run
beside the proxy. The receiver gets the events with the same event.id.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f, err := from.read()
			if err != nil {
				return err
			}
			q, err1 := want.read(time.Now())
			sink, err2 := sinkNamed(f, args[0])
			if err := errors.Join(err1, err2); err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			r := audit.Replay{Dir: stateDir(f, "events"), Sink: sink, Observer: observerOf(f), Query: q, Dead: dead}
			return replay(ctx, r, cmd.OutOrStdout(), cmd.ErrOrStderr(), asJSON)
		},
	}
	from.flags(cmd, true)
	want.flags(cmd)
	cmd.Flags().BoolVar(&dead, "dead", false, "the events that were set aside")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object at the end")
	return cmd
}

// replay runs r, with a bar for who watches.
func replay(ctx context.Context, r audit.Replay, out, errs io.Writer, asJSON bool) error {
	watched := terminal(errs)
	if watched {
		r.Progress = func(p audit.Progress) { fmt.Fprintf(errs, "\r\x1b[K%s", bar(p)) }
	}
	p, err := r.Run(ctx)
	if watched {
		fmt.Fprint(errs, "\r\x1b[K")
	}
	if asJSON {
		if e := json.NewEncoder(out).Encode(map[string]any{"sent": p.Sent, "refused": p.Refused, "bytes": p.Done, "complete": err == nil}); e != nil {
			return e
		}
	} else {
		fmt.Fprintf(out, "%d events sent, %d refused\n", p.Sent, p.Refused)
	}
	if err != nil {
		return broke{fmt.Errorf("replay: %w", err), "it can be repeated: event.id tells what comes twice"}
	}
	return nil
}

// barWidth is how wide the bar of a whole replay is.
const barWidth = 30

func bar(p audit.Progress) string {
	done := barWidth
	if p.Total > 0 {
		done = int(min(p.Done, p.Total) * barWidth / p.Total)
	}
	text := fmt.Sprintf("[%s%s] %d%% %d events", strings.Repeat("=", done), strings.Repeat(" ", barWidth-done), done*100/barWidth, p.Sent)
	if p.Problem != "" {
		text += ", " + visible(p.Problem)
	}
	return text
}

func spoolPurge() *cobra.Command {
	var from source
	var before string
	var all bool
	cmd := &cobra.Command{
		Use:   "purge --all | --before TIME",
		Short: "Remove what waits for the sinks; the events file keeps it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if all == (before != "") {
				return usage{errors.New("purge needs --all or --before")}
			}
			f, err := from.read()
			if err != nil {
				return err
			}
			at, err := moment("--before", before, time.Now())
			if err != nil {
				return err
			}
			if _, err := audit.InspectSpool(stateDir(f, "events")); err != nil {
				return broke{err, "the first run with a sink makes the spool"}
			}
			n, err := audit.PurgeSpool(stateDir(f, "events"), at)
			if errors.Is(err, audit.ErrLocked) {
				return broke{err, "stop the proxy first"}
			}
			if err != nil {
				return broke{err, ""}
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d bytes removed\n", n)
			return err
		},
	}
	from.flags(cmd, true)
	cmd.Flags().StringVar(&before, "before", "", "what was written before then: RFC 3339, or a `TIME` ago such as 24h")
	cmd.Flags().BoolVar(&all, "all", false, "everything")
	return cmd
}
