package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/tenantgate/tenantgate/config"
	"github.com/tenantgate/tenantgate/policy/entra"
)

// syncWait bounds one sync.
const syncWait = 2 * time.Minute

func policySync() *cobra.Command {
	var file, output string
	cmd := &cobra.Command{
		Use:   "sync -c FILE",
		Short: "Read Entra's settings from Microsoft Graph into the file that policy.from names",
		Long: `sync asks Microsoft Graph, with the identity of policy.sync, for the
cross-tenant access settings of the home tenant, checks that tenant.policy is
the default policy's id, and writes them as import does to the file that
policy.from names, or STATE/policy/entra.yaml. The file is replaced at once or
not at all: where anything fails, the last good one stays. A running proxy
takes it at the next reload.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f, src, err := unlaid(file)
			if err != nil {
				return err
			}
			b, err := assemble(f, offline)
			if err != nil {
				return f.Locate(err)
			}
			if output == "" {
				output = f.Policy.From
			}
			if output == "" {
				output = stateDir(f, "policy/entra.yaml")
			}
			s := syncing{file: file, src: src, config: f, output: output, transport: b.rules.HTTP}
			return s.run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "configuration `FILE`")
	_ = cmd.MarkFlagFilename("config", "yaml", "yml")
	_ = cmd.MarkFlagRequired("config")
	cmd.Flags().StringVarP(&output, "output", "o", "", "write this `FILE` instead")
	return cmd
}

// unlaid reads a configuration without what policy.from names: before the
// first sync that is not there.
func unlaid(file string) (config.File, []byte, error) {
	src, err := os.ReadFile(file)
	if err != nil {
		return config.File{}, nil, err
	}
	f, err := config.Parse(file, src)
	return f, src, err
}

// syncing is one run of policy sync.
type syncing struct {
	file      string
	src       []byte
	config    config.File
	output    string
	transport http.RoundTripper
}

func (s *syncing) run(ctx context.Context, out, notes io.Writer) error {
	g, err := newGraphClient(s.config.Policy.Sync, s.config.Tenant.ID, s.transport)
	if err != nil {
		return s.config.Locate(err)
	}
	ctx, cancel := context.WithTimeout(ctx, syncWait)
	defer cancel()
	got, err := g.settings(ctx)
	if err != nil {
		return broke{err, s.hint()}
	}
	sayNotes(notes, got)
	if err := s.samePolicy(got); err != nil {
		return err
	}
	var text bytes.Buffer
	if err := got.WriteYAML(&text); err != nil {
		return err
	}
	if err := s.usable(text.Bytes()); err != nil {
		return fmt.Errorf("what Graph says cannot be used here: %w", err)
	}
	changed, err := replaceFile(s.output, text.Bytes())
	word, meanwhile := "unchanged", "the last good file stays"
	if changed {
		word, meanwhile = "written", "the new file is there, but a power loss may bring the old one back"
	}
	if err != nil {
		return broke{err, meanwhile}
	}
	_, err = fmt.Fprintf(out, "%s: %s, the default and %d organizations\n", s.output, word, len(got.Partners))
	return err
}

// hint tells what stays in force when Graph could not be asked.
func (s *syncing) hint() string {
	const grant = "the identity of policy.sync needs Policy.Read.All"
	info, err := os.Stat(s.output)
	if err != nil {
		return grant
	}
	return fmt.Sprintf("%s; %s of %s stays", grant, s.output, info.ModTime().UTC().Format(time.RFC3339))
}

// samePolicy checks the ID in the header: with any other, Entra refuses every
// tagged sign-in (AADSTS1000108).
func (s *syncing) samePolicy(got *entra.Settings) error {
	id := got.PolicyID()
	if s.config.Tagging.Version != "v2" || id == "" || id == s.config.Tenant.Policy {
		return nil
	}
	return s.config.Locate(config.Problem{
		Path: "tenant.policy", What: fmt.Sprintf("is not the id of the default cross-tenant access policy, which Graph says is %s", id),
		Hint: "write that one: Entra refuses every tagged sign-in otherwise",
	})
}

// usable builds what the configuration amounts to with the new file.
func (s *syncing) usable(text []byte) error {
	f, err := config.Parse(s.file, s.src)
	if err != nil {
		return err
	}
	if err := f.Underlay(s.output, text); err != nil {
		return err
	}
	_, err = assemble(f, offline)
	return err
}

// newSettings is the pattern of a file that is being written.
const newSettings = ".entra-*.yaml"

// replaceFile puts text in place of the file at path: whatever happens, there is
// the old file or the new one, whole. With changed and an error the new one is
// there, but a power loss may bring the old one back.
func replaceFile(path string, text []byte) (changed bool, err error) {
	dir := filepath.Dir(path)
	sweep(dir)
	old, err := os.ReadFile(path)
	if err == nil && bytes.Equal(old, text) {
		return false, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return false, err
	}
	tmp, err := os.CreateTemp(dir, newSettings) // 0600
	if err != nil {
		return false, err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(text)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return false, err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return false, err
	}
	return true, syncDirectory(dir)
}

// sweep removes what syncs that were killed left in dir. A younger file may be
// that of a sync that runs; one that cannot be removed is in nobody's way.
func sweep(dir string) {
	left, _ := fs.Glob(os.DirFS(dir), newSettings) // the pattern is good
	for _, name := range left {
		path := filepath.Join(dir, name)
		if info, err := os.Lstat(path); err == nil && time.Since(info.ModTime()) > time.Hour {
			_ = os.Remove(path)
		}
	}
}

// syncDirectory makes a name given in dir survive a power loss.
func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
