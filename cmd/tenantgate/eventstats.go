package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenantgate/tenantgate/audit"
)

// tally counts events.
type tally struct {
	Events  int            `json:"events"`
	First   time.Time      `json:"first"`
	Last    time.Time      `json:"last"`
	Kind    map[string]int `json:"kind"`
	Verdict map[string]int `json:"verdict"`
	Reason  map[string]int `json:"reason"`
	Tenant  map[string]int `json:"tenant"`
	Client  map[string]int `json:"client"`
}

func (t *tally) add(s audit.Summary) {
	if t.Events == 0 {
		*t = tally{First: s.Time, Kind: map[string]int{}, Verdict: map[string]int{}, Reason: map[string]int{}, Tenant: map[string]int{}, Client: map[string]int{}}
	}
	t.Events++
	t.Last = s.Time
	for _, one := range []struct {
		in  map[string]int
		key string
	}{{t.Kind, s.Kind}, {t.Verdict, s.Verdict}, {t.Reason, s.Reason}, {t.Tenant, s.Tenant}, {t.Client, s.Client}} {
		if one.key != "" {
			one.in[one.key]++
		}
	}
}

func eventsStats() *cobra.Command {
	var of selection
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Count events by verdict, reason, tenant and client",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var t tally
			err := of.each(func(q audit.Query, file *os.File) error {
				_, err := audit.Lines(file, func(line []byte) error {
					if s, ok := q.Match(line); ok {
						t.add(s)
					}
					return nil
				})
				if err != nil {
					return broke{err, ""}
				}
				return nil
			})
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(t)
			}
			return t.print(cmd.OutOrStdout())
		},
	}
	of.flags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// mostRows is how many rows of each table a person sees.
const mostRows = 10

func (t *tally) print(w io.Writer) error {
	if t.Events == 0 {
		_, err := fmt.Fprintln(w, "no events")
		return err
	}
	fmt.Fprintf(w, "%d events, %s to %s\n", t.Events, t.First.Format(time.RFC3339), t.Last.Format(time.RFC3339))
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, one := range []struct {
		name string
		in   map[string]int
	}{{"kind", t.Kind}, {"verdict", t.Verdict}, {"reason", t.Reason}, {"tenant", t.Tenant}, {"client", t.Client}} {
		keys := make([]string, 0, len(one.in))
		for key := range one.in {
			keys = append(keys, key)
		}
		slices.SortFunc(keys, func(a, b string) int { return cmp.Or(one.in[b]-one.in[a], strings.Compare(a, b)) })
		for _, key := range keys[:min(len(keys), mostRows)] {
			fmt.Fprintf(tab, "%s\t%s\t%d\n", one.name, visible(key), one.in[key])
		}
	}
	return tab.Flush()
}
