package main

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/tenantgate/tenantgate/onboard"
	"github.com/tenantgate/tenantgate/pac"
	"github.com/tenantgate/tenantgate/proxy"
)

var errNoCertificate = errors.New("holds no certificate in PEM")

func onboardCommand() *cobra.Command {
	var from source
	var out, address string
	var force, asJSON bool
	cmd := &cobra.Command{
		Use:   "onboard -c FILE --out DIR",
		Short: "Write what devices need: trust, policies, firewall rules, a notice for users",
		Long: `onboard writes files to copy, filled in for this installation: the CA's
certificate in every form, a profile for macOS, registry files and Intune values
for Windows, browser policies, scripts for Linux, firewall rules, and a notice
for users. README.txt says what each is for. It changes nothing on this machine
beside DIR, and nothing in DIR is secret.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			i, err := installation(&from, address)
			if err != nil {
				return err
			}
			files, err := onboard.Files(i)
			if err != nil {
				return err
			}
			err = onboard.Write(out, files, force)
			if errors.Is(err, onboard.ErrExists) {
				return fmt.Errorf("%w (--force replaces them)", err)
			}
			if err != nil {
				return broke{err, "name a directory that this user may write"}
			}
			if asJSON {
				return tellFilesAsJSON(cmd.OutOrStdout(), out, files, i.Notes())
			}
			return tellFiles(cmd.OutOrStdout(), out, files, i.Notes())
		},
	}
	from.flags(cmd, true)
	cmd.Flags().StringVar(&out, "out", "", "write below `DIR`, which is made")
	cmd.Flags().StringVar(&address, "pac-url", "", "where endpoints fetch the PAC file, as `URL`; default: http://LISTEN.ADMIN/proxy.pac")
	cmd.Flags().BoolVar(&force, "force", false, "replace files that are there")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was written as one JSON object")
	_ = cmd.MarkFlagRequired("out")
	_ = cmd.MarkFlagDirname("out")
	return cmd
}

// installation is what the configuration says of itself to endpoints.
func installation(from *source, address string) (onboard.Installation, error) {
	f, err := from.read()
	if err != nil {
		return onboard.Installation{}, err
	}
	b, err := assemble(f, offline)
	if err != nil {
		return onboard.Installation{}, err
	}
	roots, err := trustedRoots(stateDir(f, "ca"))
	if err != nil {
		return onboard.Installation{}, err
	}
	if address == "" && f.Listen.Admin == "" {
		return onboard.Installation{}, usage{errors.New("the configuration has no admin listener: say with --pac-url where the PAC file is")}
	}
	return onboard.Installation{
		Tenant: f.Tenant.ID, Policy: f.Tenant.Policy, V2: f.Tagging.Version != "v1", Roots: roots,
		PAC:     cmp.Or(address, "http://"+reachable(f.Listen.Admin)+"/proxy.pac"),
		Proxies: b.pac.Proxies(reachable(f.Listen.Proxy)), Tags: b.rules.Tags, SignIn: proxy.SignInRanges(),
		ExemptDirect: f.PAC.Exempt != pac.ToProxy, Version: release,
	}, nil
}

// trustedRoots are the certificates that endpoints have to trust: that of the CA
// in dir, and of the one that is prepared to follow it.
func trustedRoots(dir string) ([]*x509.Certificate, error) {
	a, err := inspect(dir)
	if err != nil {
		return nil, err
	}
	var der bytes.Buffer
	if err := a.Export(&der, "der"); err != nil {
		return nil, broke{err, ""}
	}
	root, err := x509.ParseCertificate(der.Bytes())
	if err != nil {
		return nil, broke{err, ""}
	}
	text, err := os.ReadFile(dir + "/ca.next.crt")
	if errors.Is(err, fs.ErrNotExist) {
		return []*x509.Certificate{root}, nil
	}
	if err != nil {
		return nil, broke{err, ""}
	}
	next, err := firstCertificate(text)
	if err != nil {
		return nil, broke{fmt.Errorf("ca.next.crt: %w", err), "tenantgate ca rotate --prepare makes it again"}
	}
	return []*x509.Certificate{root, next}, nil
}

// firstCertificate reads the first block of a PEM file.
func firstCertificate(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errNoCertificate
	}
	return x509.ParseCertificate(block.Bytes)
}

func tellFiles(w io.Writer, dir string, files []onboard.File, notes []string) error {
	for _, f := range files {
		fmt.Fprintf(w, "%-32s %s\n", f.Path, f.About)
	}
	for _, note := range notes {
		fmt.Fprintf(w, "note: %s\n", note)
	}
	_, err := fmt.Fprintf(w, "%d files in %s; begin with README.txt\n", len(files), dir)
	return err
}

func tellFilesAsJSON(w io.Writer, dir string, files []onboard.File, notes []string) error {
	type file struct {
		Path  string `json:"path"`
		About string `json:"about"`
		Bytes int    `json:"bytes"`
	}
	said := struct {
		Dir   string   `json:"dir"`
		Files []file   `json:"files"`
		Notes []string `json:"notes"`
	}{dir, nil, append([]string{}, notes...)}
	for _, f := range files {
		said.Files = append(said.Files, file{f.Path, f.About, len(f.Data)})
	}
	return json.NewEncoder(w).Encode(said)
}
