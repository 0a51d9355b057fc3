package links

import (
	"net/url"
	"strings"
)

// exportSAS makes a signature with which anybody can use an account.
func exportSAS(f *finding, r resource, _ value) {
	r.id = r.parent(1)
	f.everybody(SASExport, r, "whoever has the signature", "")
}

// exportKey reads out keys with which anybody can use a resource.
func exportKey(f *finding, r resource, _ value) {
	r.id = r.parent(1)
	f.everybody(KeyExport, r, "whoever has the key", "")
}

// keyWays are where a customer-managed key's vault is named, by its URL.
var keyWays = [][]string{
	{"properties", "encryption", "keyvaultproperties", "keyvaulturi"},      // storage accounts, namespaces
	{"properties", "encryption", "keyVaultProperties", "keyVaultUri"},      // cognitive services, namespaces
	{"properties", "encryption", "keyVaultProperties", "keyIdentifier"},    // registries, machine learning
	{"properties", "encryption", "keyVaultProperties", "keyUri"},           // recovery services
	{"properties", "activeKey", "keyUrl"},                                  // disk encryption sets
	{"properties", "keyVaultKeyUri"},                                       // Cosmos DB
	{"properties", "keyId"},                                                // SQL servers
	{"properties", "uri"},                                                  // their keys
	{"properties", "dataEncryption", "primaryKeyURI"},                      // PostgreSQL, MySQL
	{"properties", "parameters", "encryption", "value", "KeyVaultUri"},     // Databricks
	{"properties", "encryption", "entities", "managedDisk", "keyVaultUri"}, // not documented everywhere
}

// tenantWays are where a key of another tenant is announced: by the application
// of many tenants that is to read it (Azure, cross-tenant customer-managed keys).
var tenantWays = [][]string{
	{"properties", "encryption", "identity", "federatedIdentityClientId"},
	{"properties", "federatedClientId"},
}

// customerKey reads whose vault keeps the key that a resource is encrypted with.
func customerKey(f *finding, r resource, body value) {
	f.every(CustomerKey, r, body, Name, "properties", "activeKey", "sourceVault", "id")
	f.every(CustomerKey, r, body, Name, "properties", "encryption", "keyVaultProperties", "keyVaultArmId")
	seen := map[string]bool{}
	for _, way := range keyWays {
		for _, v := range f.at(body, way...) {
			if v.kind == '"' && !seen[v.text] {
				seen[v.text] = true
				f.far(CustomerKey, r, v, Host, strings.Join(way, "."))
			}
		}
	}
	for _, way := range tenantWays {
		for _, v := range f.at(body, way...) {
			if v.kind == '"' && v.text != "" && !strings.EqualFold(v.text, "None") {
				f.add(Link{Kind: CustomerKey, Resource: r.id, Subscription: r.subscription, Target: "application " + v.text, TargetKind: Name, Field: strings.Join(way, ".")})
			}
		}
	}
}

// hostOf returns the host of a URL, lower case.
func hostOf(text string) (string, bool) {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return "", false
	}
	return strings.ToLower(u.Hostname()), true
}
