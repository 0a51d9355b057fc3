package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/tenantgate/tenantgate/config"
)

// source is where a subcommand takes its configuration from: a file, or the
// three flags that are enough.
type source struct{ file, tenant, policy, state string }

func (s *source) flags(cmd *cobra.Command, alone bool) {
	cmd.Flags().StringVarP(&s.file, "config", "c", "", "configuration `FILE`")
	_ = cmd.MarkFlagFilename("config", "yaml", "yml")
	if !alone {
		return
	}
	cmd.Flags().StringVar(&s.tenant, "tenant", "", "directory ID of the home tenant (`GUID`), without -c")
	cmd.Flags().StringVar(&s.policy, "policy", "", "id of the default cross-tenant access policy (`GUID`), without -c")
	cmd.Flags().StringVar(&s.state, "state", "", "directory for CA, events and caches (`DIR`), without -c")
	cmd.MarkFlagsMutuallyExclusive("config", "tenant")
	cmd.MarkFlagsMutuallyExclusive("config", "policy")
	cmd.MarkFlagsMutuallyExclusive("config", "state")
}

// read returns the configuration. Its error names every problem at once,
// those that only building can find included.
func (s *source) read() (config.File, error) {
	f, err := s.parse()
	if _, usage := errors.AsType[usage](err); usage {
		return f, err
	}
	_, built := assemble(presentable(f), offline)
	return f, f.Locate(errors.Join(err, built))
}

// presentable is f with a tenant filled in where the file has none that can be
// read: config has told that already, and the rest is to be told as well.
func presentable(f config.File) config.File {
	const any = "00000000-0000-0000-0000-00000000000"
	if f.Tenant.ID == "" {
		f.Tenant.ID = any + "1"
	}
	if f.Tenant.Policy == "" {
		f.Tenant.Policy = any + "2"
	}
	return f
}

func (s *source) parse() (config.File, error) {
	switch {
	case s.file != "":
		return config.Read(s.file)
	case s.tenant != "" || s.policy != "":
		return config.Flags(s.tenant, s.policy, s.state)
	default:
		return config.File{}, usage{errors.New("no configuration: give -c FILE, or --tenant GUID --policy GUID")}
	}
}
