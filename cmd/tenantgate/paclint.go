package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenantgate/tenantgate/config"
	"github.com/tenantgate/tenantgate/pac/judge"
	"github.com/tenantgate/tenantgate/tagging"
)

func pacLintCommand() *cobra.Command {
	var from source
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "lint [-c FILE] PACFILE|URL",
		Short: "Judge anybody's PAC file: would a sign-in host go DIRECT?",
		Long: `lint runs a PAC file, ours or anybody's, for every host that matters and in every
spelling that clients use, in other networks and at other times if the file asks
for them. The script sees no file and no network. With -c, the hosts and the
proxies are those of the configuration. Exit 1 if there is an error.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			subject, err := pacSubject(from)
			if err != nil {
				return err
			}
			src, err := readPAC(cmd.Context(), args[0], cmd.InOrStdin())
			if err != nil {
				return err
			}
			report := judge.Lint(src, subject)
			if err := printReport(cmd.OutOrStdout(), args[0], report, asJSON); err != nil {
				return err
			}
			if report.Bad() {
				return errSilent
			}
			return nil
		},
	}
	from.flags(cmd, false)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the findings as JSON")
	return cmd
}

// pacSubject is what a PAC file is judged by: the hosts of a configuration, or
// those that every one has.
func pacSubject(from source) (judge.Subject, error) {
	f := presentable(config.Default())
	if from.file != "" {
		var err error
		if f, err = from.read(); err != nil {
			return judge.Subject{}, err
		}
	}
	b, err := assemble(f, offline)
	if err != nil {
		return judge.Subject{}, err
	}
	s := judge.Subject{
		SignIn: pacHosts(b.brought, b.rules.Tags).SignIn, Exempt: tagging.Exempt(),
		Data: b.rules.Tokens.Hosts().Without(b.rules.Tags.Hosts()),
	}
	if from.file != "" {
		s.Proxies = b.pac.Proxies(reachable(f.Listen.Proxy))
	}
	return s, nil
}

// shownHosts is how many hosts of a finding are named on a terminal.
const shownHosts = 6

func printReport(w io.Writer, name string, r judge.Report, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(r)
	}
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%s: %s: %s (%s)\n", name, f.Severity, f.What, f.Rule)
		if len(f.Hosts) > 0 {
			shown, more := f.Hosts, ""
			if len(shown) > shownHosts {
				more = fmt.Sprintf(" and %d more", len(shown)-shownHosts)
				shown = shown[:shownHosts]
			}
			fmt.Fprintf(&b, "    hosts: %s%s\n", strings.Join(shown, " "), more)
		}
		if e := f.Example; e != nil {
			fmt.Fprintf(&b, "    %s -> %q", e.URL, e.Answer)
			if e.When != "" {
				fmt.Fprintf(&b, " when %s", e.When)
			}
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "    hint: %s\n", f.Hint)
	}
	errors, warnings := 0, 0
	for _, f := range r.Findings {
		if f.Severity == judge.Error {
			errors++
		} else {
			warnings++
		}
	}
	fmt.Fprintf(&b, "%s: %d octets, %d questions: %d errors, %d warnings\n", name, r.Size, r.Asked, errors, warnings)
	_, err := io.WriteString(w, b.String())
	return err
}
