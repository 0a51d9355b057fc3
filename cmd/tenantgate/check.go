package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenantgate/tenantgate/certs"
	"github.com/tenantgate/tenantgate/config"
	"github.com/tenantgate/tenantgate/setting"
)

func checkCommand() *cobra.Command {
	var from source
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "check -c FILE",
		Short: "Say everything that is wrong with a configuration",
		Long: `check builds everything that run would build and stops before listening. It
writes nothing and asks nobody. Every problem is told at once, with file, line,
column, path and a hint.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, err := from.read()
			if err == nil {
				_, unsafe := environment(f)
				err = f.Locate(errors.Join(checkAuthority(f), unsafe))
			}
			if asJSON {
				return printProblems(cmd, f, err)
			}
			if err != nil {
				return err
			}
			return fine(cmd.OutOrStdout(), name(from), f)
		},
	}
	from.flags(cmd, true)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the problems as JSON")
	return cmd
}

// fine says so, and what only a run could tell.
func fine(w io.Writer, name string, f config.File) error {
	b, err := assemble(f, offline)
	if err != nil {
		return err
	}
	for _, odd := range setting.List(setting.In("tagging", b.rules.Tags.Warnings())) {
		fmt.Fprintf(w, "%s: note: %v\n", name, odd)
	}
	noteUnresolved(w, name, b.rules.Policy.LeftOut())
	around, _ := environment(f)
	for _, note := range append(append(pacNotes(f), around...), rootNotes(time.Now())...) {
		fmt.Fprintf(w, "%s: WARNING: %s\n", name, note)
	}
	if n := f.Events.Leftover(stateDir(f, "events")); n > 0 {
		fmt.Fprintf(w, "%s: note: %d bytes of events wait in the spool and no sink is configured; they go when they are older than %v: tenantgate spool purge removes them now\n",
			name, n, f.Events.Spool.Age())
	}
	_, err = fmt.Fprintf(w, "%s: fine\n", name)
	return err
}

func name(from source) string {
	if from.file == "" {
		return "flags"
	}
	return from.file
}

// checkAuthority reports restricted hosts that the CA in STATE may not speak
// for, by name. Where there is no CA yet, the first run makes one that fits.
func checkAuthority(f config.File) error {
	b, err := assemble(f, offline)
	if err != nil {
		return err
	}
	dir := filepath.Join(f.State, "ca")
	a, err := certs.Inspect(dir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if err != nil {
		return err
	}
	bad := []error{keyAccess(filepath.Join(dir, "ca.key"))}
	for _, pattern := range a.Missing(b.restricted) {
		bad = append(bad, config.Problem{
			Path: broughtBy(b, pattern), What: fmt.Sprintf("%s is outside the name constraints of the CA in %s", pattern, dir),
			Hint: "make a CA that covers it: tenantgate ca rotate",
		})
	}
	return errors.Join(bad...)
}

// broughtBy is the setting for whose sake what pattern names is decrypted.
func broughtBy(b *built, pattern string) string {
	if slices.Contains(b.rules.Tags.Providers().Patterns(), pattern) {
		return "tagging.providers"
	}
	return "tokens.hosts"
}

// keyAccess reports a key that others may read, which run refuses.
func keyAccess(file string) error {
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	return config.Problem{
		Path: "state", What: fmt.Sprintf("%s has mode %04o, want 0600", file, info.Mode().Perm()),
		Hint: "whoever could read it can forge certificates: tenantgate ca rotate, or chmod 600 " + file,
	}
}

// printProblems prints err as {"problems":[…]}, which a script can read, with
// the warnings if there are any.
func printProblems(cmd *cobra.Command, f config.File, err error) error {
	list := []config.Problem{}
	bad, ok := errors.AsType[*config.Problems](err)
	if ok {
		list = bad.All
	}
	if err != nil && !ok {
		return err
	}
	told := map[string]any{"problems": list}
	around, _ := environment(f)
	if notes := append(append(pacNotes(f), around...), rootNotes(time.Now())...); len(notes) > 0 {
		told["warnings"] = notes
	}
	if e := json.NewEncoder(cmd.OutOrStdout()).Encode(told); e != nil {
		return e
	}
	if ok {
		return errSilent
	}
	return nil
}

// errSilent is an error that has been told already.
var errSilent = errors.New("")
