// Command tenantgate enforces Microsoft Entra tenant restrictions at a
// company's egress. It wires the packages of this module; a file per
// subcommand.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/tenantgate/tenantgate/config"
)

// Exit codes, as the contract has them.
const (
	exitWrong = 1 // the configuration or the input is wrong
	exitUsage = 2 // the command line is wrong
	exitBroke = 3 // it broke at run time
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is main with its surroundings as arguments, for the scripts in testdata.
func run(args []string, in io.Reader, out, errs io.Writer) int {
	root := command()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	cmd, err := root.ExecuteC()
	return report(errs, cmd, err)
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:   "tenantgate",
		Short: "Enforce Microsoft Entra tenant restrictions at the egress",
		Long: `tenantgate is a forward proxy that decrypts only the hosts that matter, tags
sign-ins so that Entra refuses foreign tenants, refuses foreign tokens on data
traffic, and leaves one event for every attempt.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return cmd.Help()
		},
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage{err} })
	root.AddCommand(runCommand(), checkCommand(), explainCommand(), caCommand(), pacCommand(), demoCommand(), versionCommand(), manCommand(),
		eventsCommand(), sinksCommand(), spoolCommand(), policyCommand(), onboardCommand(), doctorCommand())
	return root
}

// usage is an error of the command line.
type usage struct{ error }

// broke is an error at run time, with a hint.
type broke struct {
	err  error
	hint string
}

func (b broke) Error() string { return b.err.Error() }
func (b broke) Unwrap() error { return b.err }

// report prints err, which cmd ended with, one line of what and then a hint, and
// returns the exit code.
func report(w io.Writer, cmd *cobra.Command, err error) int {
	if err == nil {
		return 0
	}
	if errors.Is(err, errSilent) {
		return exitWrong
	}
	if bad, ok := errors.AsType[*config.Problems](err); ok {
		_ = bad.Print(w, style(w))
		return exitWrong
	}
	fmt.Fprintln(w, "tenantgate:", err)
	if b, ok := errors.AsType[broke](err); ok {
		if b.hint != "" {
			fmt.Fprintln(w, "hint:", b.hint)
		}
		return exitBroke
	}
	if _, ok := errors.AsType[usage](err); ok || isUsage(err) {
		fmt.Fprintln(w, "hint:", cmd.CommandPath(), "--help")
		return exitUsage
	}
	return exitWrong
}

// isUsage recognizes cobra's own complaints, which have no type.
func isUsage(err error) bool {
	for _, start := range []string{"unknown command", "accepts ", "requires at least", "required flag", "if any flags in the group", "at least one of the flags", "unknown flag", "unknown shorthand"} {
		if len(err.Error()) >= len(start) && err.Error()[:len(start)] == start {
			return true
		}
	}
	return false
}

func style(w io.Writer) config.Style {
	if terminal(w) {
		return config.Coloured
	}
	return config.Plain
}

// terminal tells whether somebody watches w, and wants colours.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
