package directory

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/setting"
)

// Settings is the directory section of the configuration.
type Settings struct {
	// Hosts are the directory IDs of hosts that nobody can be asked for: exact
	// names, *.suffix for every name beneath it, or an organization of Azure
	// DevOps as dev.azure.com/{organization}.
	Hosts map[string]string `yaml:"hosts"`
}

// Check reports what is wrong with s by itself: errors are *setting.Error.
func (s Settings) Check() error {
	var bad error
	for pattern, tenant := range s.Hosts {
		path := "hosts." + pattern
		if _, _, err := parsePattern(pattern); err != nil {
			bad = errors.Join(bad, setting.Errorf(path, "write a host name, *.suffix, or dev.azure.com/{organization}", "%v", err))
		}
		if _, ok := guid(tenant); !ok {
			bad = errors.Join(bad, setting.Errorf(path, "write the directory ID of its tenant", "%q is not a directory ID", tenant))
		}
	}
	return bad
}

// beneath gives every name beneath a suffix to a tenant.
type beneath struct{ suffix, tenant string }

// parsePattern reads a host, *.suffix, or a host with an organization behind it.
func parsePattern(pattern string) (n hosts.Name, wild bool, err error) {
	host, path, has := strings.Cut(pattern, "/")
	host, wild = strings.CutPrefix(host, "*.")
	n, err = hosts.Parse(host)
	if err != nil || !has {
		return n, wild, err
	}
	org := Resource(n, path)
	if wild || org == n {
		return "", false, fmt.Errorf("%q names no organization", pattern)
	}
	return org, false, nil
}

// give takes the answers of Config.Tenants.
func (d *Directory) give(tenants map[string]string) error {
	var bad []error
	for pattern, tenant := range tenants {
		n, wild, err := parsePattern(pattern)
		id, ok := guid(tenant)
		switch {
		case err != nil:
			bad = append(bad, fmt.Errorf("tenant of %q: %w", pattern, err))
		case !ok:
			bad = append(bad, fmt.Errorf("tenant of %q: %q is no directory ID", pattern, tenant))
		case wild:
			d.beneath = append(d.beneath, beneath{"." + string(n), id})
		default:
			d.given[string(n)] = id
		}
	}
	// The longest suffix is the closest.
	slices.SortFunc(d.beneath, func(a, b beneath) int { return cmp.Compare(len(b.suffix), len(a.suffix)) })
	return errors.Join(bad...)
}

// givenHost returns the tenant that name was given, empty if none.
func (d *Directory) givenHost(name string) string {
	if tenant, ok := d.given[name]; ok {
		return tenant
	}
	for _, b := range d.beneath {
		if strings.HasSuffix(name, b.suffix) {
			return b.tenant
		}
	}
	return ""
}
