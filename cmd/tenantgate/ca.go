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

// caDir is where the CA of a configuration lives, and what it must cover.
func caDir(from *source) (string, *built, error) {
	f, err := from.read()
	if err != nil {
		return "", nil, err
	}
	b, err := assemble(f, offline)
	return filepath.Join(f.State, "ca"), b, err
}

func caInit() *cobra.Command {
	var from source
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make the CA, as the first run does",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, b, err := caDir(&from)
			if err != nil {
				return err
			}
			if err := makeState(b.file); err != nil {
				return err
			}
			a, err := certs.Open(dir, b.restricted)
			if err != nil {
				return broke{err, ""}
			}
			return a.Describe(cmd.OutOrStdout())
		},
	}
	from.flags(cmd, true)
	return cmd
}

func caShow() *cobra.Command {
	var from source
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Print the CA: validity, fingerprint, and the only names it can speak for",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, _, err := caDir(&from)
			if err != nil {
				return err
			}
			a, err := inspect(dir)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(a.Summary())
			}
			return a.Describe(cmd.OutOrStdout())
		},
	}
	from.flags(cmd, true)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

func caExport() *cobra.Command {
	var from source
	var format string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Print the CA certificate, for endpoints to trust",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "pem" && format != "der" {
				return usage{fmt.Errorf("--format %s: want pem or der", format)}
			}
			dir, _, err := caDir(&from)
			if err != nil {
				return err
			}
			a, err := inspect(dir)
			if err != nil {
				return err
			}
			return a.Export(cmd.OutOrStdout(), format)
		},
	}
	from.flags(cmd, true)
	cmd.Flags().StringVar(&format, "format", "pem", "pem or der")
	return cmd
}

func caRotate() *cobra.Command {
	var from source
	var prepare bool
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Replace the CA by a new one; --prepare makes it first, for endpoints to trust",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, b, err := caDir(&from)
			if err != nil {
				return err
			}
			change := certs.Rotate
			if prepare {
				change = certs.Prepare
			}
			a, err := change(dir, b.restricted)
			if err != nil {
				return broke{err, ""}
			}
			return a.Describe(cmd.OutOrStdout())
		},
	}
	from.flags(cmd, true)
	cmd.Flags().BoolVar(&prepare, "prepare", false, "make the next CA and keep the present one at work")
	return cmd
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
