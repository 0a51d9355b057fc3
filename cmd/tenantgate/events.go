package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenantgate/tenantgate/audit"
)

func eventsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Show the events in the local file",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usage{errors.New("events needs tail, show or stats")}
		},
	}
	cmd.AddCommand(eventsTail(), eventsShow(), eventsStats())
	return cmd
}

// openEvents opens the events file that a configuration names.
func openEvents(from *source) (*os.File, error) {
	f, err := from.read()
	if err != nil {
		return nil, err
	}
	path := f.Events.File
	if path == "-" {
		return nil, broke{errors.New("events.file is standard output"), "read what collects it"}
	}
	file, err := os.Open(cmp.Or(path, stateDir(f, "events/events.jsonl")))
	if err != nil {
		return nil, broke{err, "the first run makes it"}
	}
	return file, nil
}

// selection is which events of which configuration a subcommand is about.
type selection struct {
	from source
	want wanted
}

func (s *selection) flags(cmd *cobra.Command) {
	s.from.flags(cmd, true)
	s.want.flags(cmd)
}

// each opens the file and hands it to do with the query.
func (s *selection) each(do func(q audit.Query, file *os.File) error) error {
	q, err := s.want.read(time.Now())
	if err != nil {
		return err
	}
	file, err := openEvents(&s.from)
	if err != nil {
		return err
	}
	defer file.Close()
	return do(q, file)
}

func eventsTail() *cobra.Command {
	var of selection
	var n int
	var follow, asJSON bool
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Print the last events, and with -f those that come",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return of.each(func(q audit.Query, file *os.File) error {
				show := printer(cmd.OutOrStdout(), q, asJSON)
				lines, end, err := q.Last(file, n)
				if err != nil {
					return broke{err, ""}
				}
				for _, line := range lines {
					if err := show(line); err != nil {
						return err
					}
				}
				if !follow {
					return nil
				}
				ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
				defer stop()
				return followEvents(ctx, file, end, show)
			})
		},
	}
	of.flags(cmd)
	cmd.Flags().IntVarP(&n, "lines", "n", 10, "how `MANY`")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what comes")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the events as they are in the file")
	return cmd
}

// lookEvery is how often a followed file is looked at.
const lookEvery = 250 * time.Millisecond

// followEvents shows what is added to the file, and goes on with the one that
// takes its name.
func followEvents(ctx context.Context, file *os.File, end int64, show func([]byte) error) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	name := file.Name()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		n, err := audit.Lines(io.NewSectionReader(file, end, 1<<62), show)
		if err != nil {
			return err
		}
		end += n
		here, err1 := file.Stat()
		there, err2 := os.Stat(name)
		if err1 == nil && here.Size() < end {
			end = 0 // it was cut
		}
		if n > 0 || err1 != nil || err2 != nil || os.SameFile(here, there) {
			continue
		}
		next, err := os.Open(name)
		if err != nil {
			continue
		}
		defer next.Close()
		file, end = next, 0
	}
}

func eventsShow() *cobra.Command {
	var from source
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Print one event, and the access event that completes it",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := openEvents(&from)
			if err != nil {
				return err
			}
			defer file.Close()
			q, found := audit.Query{ID: args[0]}, false
			_, err = audit.Lines(file, func(line []byte) error {
				if _, ok := q.Match(line); !ok {
					return nil
				}
				found = true
				var tree any
				if err := json.Unmarshal(line, &tree); err != nil {
					return err
				}
				text, err := json.MarshalIndent(tree, "", "  ")
				if err == nil {
					_, err = fmt.Fprintln(cmd.OutOrStdout(), visible(string(text), '\n'))
				}
				return err
			})
			if err == nil && !found {
				return fmt.Errorf("no event %s in %s", visible(args[0]), file.Name())
			}
			return err
		},
	}
	from.flags(cmd, true)
	return cmd
}

// printer prints the events that q wants: as they are, or one row each.
func printer(w io.Writer, q audit.Query, asJSON bool) func([]byte) error {
	return func(line []byte) error {
		s, ok := q.Match(line)
		if !ok {
			return nil
		}
		if asJSON {
			_, err := w.Write(line)
			return err
		}
		verdict := s.Verdict
		if s.Observed {
			verdict = "observed"
		}
		row := []string{
			s.Time.UTC().Format("2006-01-02T15:04:05.000Z"), cmp.Or(verdict, "-"), cmp.Or(s.Reason, s.Action), cmp.Or(s.Client, "-"), cmp.Or(s.User, "-"),
			strings.TrimSpace(s.Method + " " + s.Host + s.Path), cmp.Or(s.Tenant, "-"), s.ID,
		}
		for i := range row {
			row[i] = visible(row[i])
		}
		_, err := fmt.Fprintln(w, strings.Join(row, "  "))
		return err
	}
}

// visible escapes what a terminal would act upon, but for the runes given.
func visible(s string, but ...rune) string {
	var b strings.Builder
	for _, r := range s {
		if strconv.IsPrint(r) || slices.Contains(but, r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRuneToASCII(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}
