package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tenantgate/tenantgate/config"
	"github.com/tenantgate/tenantgate/directory"
	"github.com/tenantgate/tenantgate/policy/entra"
	"github.com/tenantgate/tenantgate/tokens"
)

// migration is a v1 list on its way to v2.
type migration struct {
	home        tokens.Tenant
	restrictMSA bool
	domain      func(ctx context.Context, domain string) (string, error)
	notes       io.Writer
}

func policyMigrate() *cobra.Command {
	var file, home string
	var restrictMSA bool
	cmd := &cobra.Command{
		Use:   "migrate -c FILE | --tenant GUID [--restrict-msa] LIST",
		Short: "Turn a v1 list of permitted tenants into v2 settings for Microsoft Graph",
		Long: `migrate writes the bodies of POST https://graph.microsoft.com/beta/$batch that
make a v1 list, tagging.v1.allowed or the value of Restrict-Access-To-Tenants,
the tenant restrictions of the cross-tenant access policy: a default that
blocks, and a partner that is allowed for each tenant. It sends nothing but the
look-up of domains. Restrictions apply once requests carry the v2 header.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			m := migration{restrictMSA: restrictMSA, notes: cmd.ErrOrStderr()}
			list, err := m.source(file, home, args)
			if err != nil {
				return err
			}
			tenants, err := m.tenants(cmd.Context(), list)
			if err != nil {
				return err
			}
			return entra.WriteBatches(cmd.OutOrStdout(), entra.Migrate(tenants))
		},
	}
	cmd.Flags().StringVarP(&file, "config", "c", "", "configuration `FILE` with tagging.version: v1")
	_ = cmd.MarkFlagFilename("config", "yaml", "yml")
	cmd.Flags().StringVar(&home, "tenant", "", "directory ID of the home tenant (`GUID`), with LIST")
	cmd.Flags().BoolVar(&restrictMSA, "restrict-msa", false, "personal accounts were kept out with restrict-msa, with LIST")
	cmd.MarkFlagsMutuallyExclusive("config", "tenant")
	cmd.MarkFlagsMutuallyExclusive("config", "restrict-msa")
	return cmd
}

// source finds the list, and who tells the tenants of domains.
func (m *migration) source(file, home string, args []string) ([]string, error) {
	switch {
	case file != "" && len(args) == 0:
		f, err := (&source{file: file}).read()
		if err != nil {
			return nil, err
		}
		return m.configured(f)
	case file == "" && home != "" && len(args) == 1:
		id, ok := tokens.ParseTenant(home)
		if !ok {
			return nil, usage{fmt.Errorf("--tenant: %q is not a directory ID", home)}
		}
		d, err := directory.New(directory.Config{})
		if err != nil {
			return nil, err
		}
		m.home, m.domain = id, d.Domain
		return strings.Split(args[0], ","), nil
	}
	return nil, usage{errors.New("give -c FILE alone, or --tenant GUID and the list")}
}

func (m *migration) configured(f config.File) ([]string, error) {
	if f.Tagging.Version != "v1" {
		return nil, errors.New("the configuration has tagging.version: v2 already")
	}
	b, err := assemble(f, surroundings{digestKey: make([]byte, 32)})
	if err != nil {
		return nil, f.Locate(err)
	}
	m.home, m.domain, m.restrictMSA = tokens.Tenant(f.Tenant.ID), b.directory.Domain, f.Tagging.V1.RestrictMSA
	return f.Tagging.V1.Allowed, nil
}

// tenants returns the directory IDs that need a partner's entry. A domain that
// nobody can tell the tenant of is an error: leaving it out would lock its
// users out.
func (m *migration) tenants(ctx context.Context, list []string) ([]string, error) {
	var all, unknown []string
	add := func(id tokens.Tenant) {
		if !slices.Contains(all, string(id)) {
			all = append(all, string(id))
		}
	}
	for _, one := range list {
		one = strings.TrimSpace(one)
		id, ok := tokens.ParseTenant(one)
		if !ok {
			answer, err := m.domain(ctx, one)
			if id, ok = tokens.ParseTenant(answer); err != nil || !ok {
				unknown = append(unknown, visible(one))
				continue
			}
		}
		switch id {
		case m.home:
			fmt.Fprintf(m.notes, "note: %s is the home tenant: v2 does not restrict it, so it needs no entry\n", visible(one))
		case tokens.Passthrough:
			fmt.Fprintf(m.notes, "note: %s let personal accounts into Office.com and Azure: v2 does not restrict those, so it needs no entry\n", id)
		default:
			add(id)
		}
	}
	if len(unknown) > 0 {
		return nil, fmt.Errorf("nobody can tell which tenant this is, write its directory ID: %s", strings.Join(unknown, ", "))
	}
	if m.restrictMSA {
		fmt.Fprintln(m.notes, "note: personal accounts were kept out, and the default keeps them out; allow single applications with a partner", tokens.Consumer)
	} else {
		fmt.Fprintln(m.notes, "note: v1 let personal accounts in, so they get an entry; leave it out to keep them out")
		add(tokens.Consumer)
	}
	fmt.Fprintln(m.notes, "note: a partner that exists already is answered 409: send its body without tenantId with PATCH to …/partners/TENANT")
	fmt.Fprintln(m.notes, "note: v1 judged our own people as guests as well; v2 leaves them to the outbound settings")
	return all, nil
}
