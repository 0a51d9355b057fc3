// Package config composes the section each package declares, and reads the file.
//
// A [File] is settings and nothing else. What is wrong with it is told all at
// once, each problem with its line and column; a value that came out of a
// secret reference is never part of what is told.
package config

import (
	"fmt"
	"os"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/directory"
	"github.com/tenantgate/tenantgate/doctor"
	"github.com/tenantgate/tenantgate/pac"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/proxy"
	"github.com/tenantgate/tenantgate/resolver"
	"github.com/tenantgate/tenantgate/signals"
	"github.com/tenantgate/tenantgate/tagging"
	"github.com/tenantgate/tenantgate/tokens"
)

// Schema is the version of the configuration format that this program reads.
const Schema = 1

// The modes.
const (
	Enforce = "enforce" // verdicts are carried out
	Observe = "observe" // verdicts are recorded, requests are forwarded
)

// File is the whole configuration. Only Default, Read, Parse and Flags make one.
type File struct {
	Schema int    `yaml:"schema"`
	State  string `yaml:"state"` // directory of the CA, the event spool and the caches
	Mode   string `yaml:"mode"`  // Enforce or Observe

	Hardened bool `yaml:"hardened"` // refuse to run in an environment that undoes protections

	Tenant  Tenant          `yaml:"tenant"`
	Listen  proxy.Listen    `yaml:"listen"`
	DNS     resolver.Config `yaml:"dns"`
	PAC     pac.Config      `yaml:"pac"`
	Tagging tagging.Config  `yaml:"tagging"`
	Tokens  tokens.Config   `yaml:"tokens"`
	Policy  policy.Config   `yaml:"policy"`
	Links   policy.Links    `yaml:"links"`

	Directory directory.Settings `yaml:"directory"`

	Limits   proxy.Limits   `yaml:"limits"`
	Upstream proxy.Upstream `yaml:"upstream"`
	Events   audit.Config   `yaml:"events"`
	Signals  signals.Config `yaml:"signals"`
	Doctor   doctor.Config  `yaml:"doctor"`

	doc *document // where each setting stands; nil for Default
}

// Tenant is the tenant section of the configuration: whose proxy this is.
type Tenant struct {
	ID      string   `yaml:"id"`      // directory ID of the home tenant, lower case
	Policy  string   `yaml:"policy"`  // ID of the cross-tenant access policy, lower case
	Domains []string `yaml:"domains"` // verified domains of the home tenant, lower case
}

// Default returns what a file that says nothing means. It names no tenant, so
// nothing can be built from it alone.
func Default() File {
	return File{
		Schema:   Schema,
		State:    "/var/lib/tenantgate",
		Mode:     Enforce,
		Listen:   proxy.DefaultListen(),
		DNS:      resolver.Default(),
		PAC:      pac.Default(),
		Tagging:  tagging.Config{Version: "v2"},
		Policy:   policy.Default(),
		Links:    policy.DefaultLinks(),
		Limits:   proxy.DefaultLimits(),
		Upstream: proxy.DefaultUpstream(),
	}
}

// maxFile is the largest configuration that is read, in octets.
const maxFile = 1 << 20

// Read reads the file at path. Its error is a *Problems; the File that comes
// with it holds what could be read, so that the other packages' problems can
// be told in the same breath, see Locate.
func Read(path string) (File, error) {
	src, err := readBounded(path, maxFile)
	if err != nil {
		f := Default()
		f.doc = newDocument(path, "")
		return f, f.doc.fail(Problem{What: unreadable(path, err), Hint: "name a YAML file with -c", err: err})
	}
	f, err := Parse(path, src)
	if f.Policy.From != "" {
		f.doc.underlayFile(&f)
		err = f.doc.err()
	}
	return f, err
}

func unreadable(path string, err error) string {
	info, statErr := os.Stat(path)
	switch {
	case os.IsNotExist(err):
		return "there is no such file"
	case os.IsPermission(err):
		return "may not be read by this user"
	case statErr == nil && info.IsDir():
		return "is a directory, want a file"
	default:
		return fmt.Sprintf("cannot be read: %v", err)
	}
}

// Parse reads a configuration from src; name stands for the file in errors.
// The error, and the File beside it, are as of Read.
func Parse(name string, src []byte) (File, error) {
	f := Default()
	f.doc = newDocument(name, "")
	if root := f.doc.parse(src); root != nil {
		f.doc.decode(&f, root)
		f.doc.check(&f)
	}
	return f, f.doc.err()
}

// Flags makes the configuration of a run without a file: the directory ID of
// the home tenant, the ID of its policy, and where state is kept (empty is
// the default). The error is a *Problems that names the flags.
func Flags(tenant, policy, state string) (File, error) {
	f := Default()
	f.doc = newDocument("", "--")
	f.Tenant = Tenant{ID: tenant, Policy: policy}
	if state != "" {
		f.State = state
	}
	f.doc.check(&f)
	return f, f.doc.err()
}
