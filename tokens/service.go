package tokens

import (
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
)

// services issue tokens of their own that name no tenant: Azure Container
// Registry (in answer to a token of Entra's, which was judged) and Azure
// DevOps (to its agents). On the service's own hosts such a token is what a key
// is, judged by whose the registry or the organization is; anywhere else it is
// a token that nobody can read. The issuers are not documented.
var services = [...]struct {
	issuer string
	hosts  hosts.Set
}{
	{"Azure Container Registry", hosts.MustParseSet("*.azurecr.io", "*.azurecr.us", "*.azurecr.cn")},
	{"app.vstoken.visualstudio.com", hosts.MustParseSet("dev.azure.com", "*.dev.azure.com", "*.visualstudio.com")},
}

// service is the place of a service in services, from one on.
type service uint8

// serviceOf returns the service that issued a token, zero for none.
func serviceOf(issuer string) service {
	for i := range services {
		if services[i].issuer == strings.TrimPrefix(issuer, "https://") {
			return service(i + 1)
		}
	}
	return 0
}

// has tells whether n is a host of the service.
func (s service) has(n hosts.Name) bool { return s != 0 && services[s-1].hosts.Has(n) }

// asKey is t as its own service takes it.
func (t *Token) asKey() *Token {
	key := *t
	key.Kind, key.Unreadable, key.Why, key.key = Key, false, "", nil
	return &key
}
