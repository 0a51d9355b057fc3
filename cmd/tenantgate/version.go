package main

import (
	"crypto/fips140"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// release is the version of this program; a tag of the repository.
const release = "0.1.0-dev"

// build is what "version" prints.
type build struct {
	Version string `json:"version"`
	Commit  string `json:"commit"`
	Go      string `json:"go"`
	FIPS    string `json:"fips,omitempty"` // release of the FIPS 140-3 module that does the cryptography; empty: not in that mode
}

func thisBuild() build {
	b := build{Version: release, Commit: "unknown", Go: runtime.Version(), FIPS: flavour()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	dirty := false
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.modified":
			dirty = s.Value == "true"
		}
	}
	if dirty {
		b.Commit += "+changes"
	}
	return b
}

// flavour tells whether the cryptography is that of Go's FIPS 140-3 module, in
// its mode, and of which release: "v1.0.0", with "only" what it may do at all.
func flavour() string {
	switch {
	case fips140.Enforced():
		return fips140.Version() + " only"
	case fips140.Enabled():
		return fips140.Version()
	}
	return ""
}

func versionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print version, commit and Go version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b := thisBuild()
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(b)
			}
			if b.FIPS != "" {
				b.Go += ", FIPS 140-3 module " + b.FIPS
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "tenantgate %s (commit %s, %s)\n", b.Version, b.Commit, b.Go)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}
