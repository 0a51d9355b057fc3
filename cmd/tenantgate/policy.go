package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/tenantgate/tenantgate/policy/entra"
)

func policyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Bring Entra's cross-tenant access settings here, and test the policy",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usage{errors.New("policy needs import, sync, test or migrate")}
		},
	}
	cmd.AddCommand(policyImport(), policySync(), policyTest(), policyMigrate())
	return cmd
}

func policyImport() *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE...",
		Short: "Write Entra's settings, as Microsoft Graph tells them, as a policy section",
		Long: `import reads what Microsoft Graph answers to
  GET /beta/policies/crossTenantAccessPolicy/default
  GET /beta/policies/crossTenantAccessPolicy/partners
one answer a file, - for standard input, and writes the policy section of a
configuration to standard output. What it cannot carry over it says on standard
error and in comments; what it cannot tell, the section refuses.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var s entra.Settings
			for _, name := range args {
				text, err := readInput(name, cmd.InOrStdin())
				if err != nil {
					return err
				}
				if err := s.Add(text); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				if s.Next != "" {
					return fmt.Errorf("%s: has more pages at Graph: fetch them too (az rest and Get-Mg… -All do), or run policy sync", name)
				}
			}
			sayNotes(cmd.ErrOrStderr(), &s)
			return s.WriteYAML(cmd.OutOrStdout())
		},
	}
}

// sayNotes says what was not carried over.
func sayNotes(w io.Writer, s *entra.Settings) {
	for _, n := range s.Notes {
		fmt.Fprintln(w, "note:", visible(n.String()))
	}
	if s.Default == nil {
		fmt.Fprintln(w, "note: no default settings were read; the built-in ones stay")
	}
}

// maxInput is the longest file that is read.
const maxInput = 16 << 20

// readInput reads a file, or standard input for -.
func readInput(name string, in io.Reader) ([]byte, error) {
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(text) > maxInput {
		return nil, fmt.Errorf("%s: is longer than %d octets", name, maxInput)
	}
	return text, nil
}
