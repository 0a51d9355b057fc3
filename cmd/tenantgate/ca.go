package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tenantgate/tenantgate/certs"
	"github.com/tenantgate/tenantgate/config"
)

func caCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ca",
		Short: "Make, show, export or rotate the interception CA",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usage{errors.New("ca needs init, show, export or rotate")}
		},
	}
	cmd.AddCommand(caInit(), caShow(), caExport(), caRotate())
	return cmd
}

// onCA is a subcommand that does something with the CA of a configuration:
// dir is where it lives, b is what it must cover.
func onCA(use, short string, do func(cmd *cobra.Command, dir string, b *built) error) *cobra.Command {
	var from source
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := from.read()
			if err != nil {
				return err
			}
			b, err := assemble(f, offline)
			if err != nil {
				return err
			}
			return do(cmd, filepath.Join(f.State, "ca"), b)
		},
	}
	from.flags(cmd, true)
	return cmd
}

func caInit() *cobra.Command {
	return onCA("init", "Make the CA, as the first run does", func(cmd *cobra.Command, dir string, b *built) error {
		if err := makeState(b.file); err != nil {
			return err
		}
		return describe(cmd)(certs.Open(dir, b.restricted))
	})
}

func caShow() *cobra.Command {
	var asJSON bool
	cmd := onCA("show", "Print the CA: validity, fingerprint, and the only names it can speak for", func(cmd *cobra.Command, dir string, _ *built) error {
		a, err := inspect(dir)
		if err != nil {
			return err
		}
		if asJSON {
			return json.NewEncoder(cmd.OutOrStdout()).Encode(a.Summary())
		}
		return a.Describe(cmd.OutOrStdout())
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func caExport() *cobra.Command {
	var format string
	cmd := onCA("export", "Print the CA certificate, for endpoints to trust", func(cmd *cobra.Command, dir string, _ *built) error {
		if format != "pem" && format != "der" {
			return usage{fmt.Errorf("--format %s: want pem or der", format)}
		}
		a, err := inspect(dir)
		if err != nil {
			return err
		}
		return a.Export(cmd.OutOrStdout(), format)
	})
	cmd.Flags().StringVar(&format, "format", "pem", "pem or der")
	return cmd
}

func caRotate() *cobra.Command {
	var prepare bool
	cmd := onCA("rotate", "Replace the CA by a new one; --prepare makes it first, for endpoints to trust", func(cmd *cobra.Command, dir string, b *built) error {
		if prepare {
			return describe(cmd)(certs.Prepare(dir, b.restricted))
		}
		return describe(cmd)(certs.Rotate(dir, b.restricted))
	})
	cmd.Flags().BoolVar(&prepare, "prepare", false, "make the next CA and keep the present one at work")
	return cmd
}

// describe prints the CA that was made.
func describe(cmd *cobra.Command) func(*certs.Authority, error) error {
	return func(a *certs.Authority, err error) error {
		if err != nil {
			return broke{err, ""}
		}
		return a.Describe(cmd.OutOrStdout())
	}
}

func inspect(dir string) (*certs.Authority, error) {
	a, err := certs.Inspect(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, broke{fmt.Errorf("no CA in %s", dir), "the first run makes it, or: tenantgate ca init"}
	}
	if err != nil {
		return nil, broke{err, ""}
	}
	return a, nil
}

// stateDir is the directory that f keeps its state in.
func stateDir(f config.File, name string) string { return filepath.Join(f.State, name) }
