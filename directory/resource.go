package directory

import (
	"regexp"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
)

// devOps are the hosts that serve every organization of Azure DevOps, each
// beneath its name in the path.
var devOps = hosts.MustParseSet("dev.azure.com", "*.dev.azure.com")

// organizations is the older domain of Azure DevOps, with the organization in
// the first label. The names of no organization there are those of the service
// itself; they are not documented, and one that is missing is asked for a
// tenant that it does not name.
const organizations = ".visualstudio.com"

var serviceNames = regexp.MustCompile(`^(app|www|my|marketplace|status|vssps|(sps|tfs)prod[a-z]*\d*)$`)

// Resource returns the host that stands for what path names on n: for Azure
// DevOps {organization}.visualstudio.com, since one host serves every
// organization; for every other host n itself.
func Resource(n hosts.Name, path string) hosts.Name {
	if devOps.Has(n) {
		first, _, _ := strings.Cut(strings.TrimLeft(path, "/"), "/")
		if first == "" || first[0] == '_' || strings.Contains(first, ".") {
			return n
		}
		if org, err := hosts.Parse(first + organizations); err == nil {
			return org
		}
		return n
	}
	if org := organization(n); org != "" {
		return hosts.Name(org + organizations)
	}
	return n
}

// organization returns the organization that a host of the older domain
// belongs to: contoso.visualstudio.com, contoso.pkgs.visualstudio.com.
func organization(n hosts.Name) string {
	rest, ok := strings.CutSuffix(string(n), organizations)
	if !ok {
		return ""
	}
	org, service, _ := strings.Cut(rest, ".")
	if strings.Contains(service, ".") || service == "services" || serviceNames.MatchString(org) {
		return ""
	}
	return org
}

// domainOf returns the domain, or the directory ID, that a host is named for:
// {name}.onmicrosoft.com and what lies beneath it, and the sign-in hosts of
// external tenants, {name}.b2clogin.com and {name or ID}.ciamlogin.com. That
// the last two are named as the tenant's initial domain is how they are made,
// and not documented: where it is not so, Entra knows no such tenant.
func domainOf(n hosts.Name) string {
	for _, suffix := range []string{".onmicrosoft.com", ".b2clogin.com", ".ciamlogin.com"} {
		rest, ok := strings.CutSuffix(string(n), suffix)
		if !ok {
			continue
		}
		rest = strings.TrimSuffix(rest, ".mail") // Exchange's routing domain of the same tenant
		label := rest[strings.LastIndexByte(rest, '.')+1:]
		if id, ok := guid(label); ok && suffix == ".ciamlogin.com" {
			return id
		}
		return label + ".onmicrosoft.com"
	}
	return ""
}
