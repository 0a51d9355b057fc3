package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenantgate/tenantgate/pac/judge"
)

// pacFacts are what eval tells the file, as it stands on the command line.
type pacFacts struct {
	at, myIP string
	resolve  []string
}

func pacEvalCommand() *cobra.Command {
	var facts pacFacts
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "eval PACFILE|URL URL...",
		Short: "Say what a PAC file answers for URLs",
		Long: `eval runs a PAC file for each URL, as a browser would: of https only the host is
shown to it. The script sees no file, no network and no clock but what the flags
say; without them every name is one public address, the client is 10.0.0.5, and
it is now.`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			given, err := facts.parse()
			if err != nil {
				return usage{err}
			}
			src, err := readPAC(cmd.Context(), args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			f, err := judge.Load(src, given)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			return evalAll(cmd, f, args[1:], asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	cmd.Flags().StringVar(&facts.myIP, "my-ip", "", "the client's address is `IP`")
	cmd.Flags().StringVar(&facts.at, "at", "", "it is `TIME` (2026-11-18T11:00:00Z)")
	cmd.Flags().StringArrayVar(&facts.resolve, "resolve", nil, "the DNS knows `HOST=IP`, and nothing else; may be repeated")
	return cmd
}

// evaluated is one line of eval --json.
type evaluated struct {
	URL    string `json:"url"`
	Answer string `json:"answer,omitempty"`
	Error  string `json:"error,omitempty"`
}

func evalAll(cmd *cobra.Command, f *judge.File, urls []string, asJSON bool) error {
	var bad []error
	out := json.NewEncoder(cmd.OutOrStdout())
	for _, u := range urls {
		e := evaluated{URL: u}
		answer, err := f.Find(u)
		if err != nil {
			e.Error = err.Error()
			bad = append(bad, fmt.Errorf("%s: %w", u, err))
		} else {
			e.Answer = answer.String()
		}
		switch {
		case asJSON:
			if err := out.Encode(e); err != nil {
				return err
			}
		case err == nil:
			fmt.Fprintf(cmd.OutOrStdout(), "%s\t%s\n", u, e.Answer)
		}
	}
	for _, note := range f.Notes() {
		fmt.Fprintln(cmd.ErrOrStderr(), "alert:", note)
	}
	return errors.Join(bad...)
}

func (p pacFacts) parse() (judge.Facts, error) {
	f := judge.Facts{Now: time.Now()}
	var err error
	if p.at != "" {
		if f.Now, err = time.Parse(time.RFC3339, p.at); err != nil {
			return f, fmt.Errorf("--at %s is not a time such as 2026-11-18T11:00:00Z", p.at)
		}
	}
	if p.myIP != "" {
		if f.MyIP, err = netip.ParseAddr(p.myIP); err != nil {
			return f, fmt.Errorf("--my-ip %s is not an address", p.myIP)
		}
	}
	if len(p.resolve) == 0 {
		return f, nil
	}
	known := map[string]netip.Addr{}
	for _, s := range p.resolve {
		host, ip, _ := strings.Cut(s, "=")
		a, err := netip.ParseAddr(ip)
		if err != nil || host == "" {
			return f, fmt.Errorf("--resolve %s is not HOST=IP", s)
		}
		known[strings.ToLower(host)] = a
	}
	f.Resolve = func(host string) (netip.Addr, bool) {
		a, ok := known[strings.ToLower(strings.TrimSuffix(host, "."))]
		return a, ok
	}
	return f, nil
}
