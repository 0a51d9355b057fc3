package links

import (
	"slices"
	"strings"
)

// rule is how the links of one type of resource, or of one action, are found.
type rule struct {
	last  string   // the last type, or the action
	of    []string // the whole type, lower case; if nil, of any resource
	kind  Kind     // what it makes if its body cannot be read
	find  func(f *finding, r resource, body value)
	holds contents
}

// contents are what holds other requests or resources.
type contents uint8

const (
	nothing contents = iota
	requests
	resources
)

// rules are what can make a link: REST reference of Azure Resource Manager.
// The shapes of a change of directory and of a billing transfer, as the portal
// asks for them, are not documented.
var rules = []rule{
	{"virtualNetworkPeerings", []string{"microsoft.network/virtualnetworks/virtualnetworkpeerings"}, Peering, peering, nothing},
	{"virtualNetworks", []string{"microsoft.network/virtualnetworks"}, Unreadable, virtualNetwork, nothing},
	{"privateEndpoints", []string{"microsoft.network/privateendpoints"}, PrivateEndpoint, privateEndpoint, nothing},
	{"privateEndpointConnections", nil, Approval, approval, nothing},
	{"privateLinkServices", []string{"microsoft.network/privatelinkservices"}, PrivateLink, privateLinkService, nothing},
	{"hubVirtualNetworkConnections", nil, HubConnection, hubConnection, nothing},
	{"virtualHubs", []string{"microsoft.network/virtualhubs"}, Unreadable, virtualHub, nothing},
	{"scopeConnections", nil, NetworkManager, scopeConnection, nothing},
	{"networkManagerConnections", nil, NetworkManager, managerConnection, nothing},
	{"staticMembers", nil, NetworkManager, staticMember, nothing},
	{"virtualNetworkLinks", nil, DNSLink, dnsLink, nothing},
	{"registrationDefinitions", nil, Lighthouse, lighthouse, nothing},
	{"aliases", []string{"microsoft.subscription/aliases"}, Transfer, alias, nothing},
	{"acceptOwnership", nil, Transfer, acceptOwnership, nothing},
	{"changeTenantRequest", nil, Transfer, changeDirectory, nothing},
	{"changeTenant", nil, Transfer, changeDirectory, nothing},
	{"changeDirectory", nil, Transfer, changeDirectory, nothing},
	{"initiateTransfer", nil, Transfer, initiateTransfer, nothing},
	{"objectReplicationPolicies", nil, Replication, replicationPolicy, nothing},
	{"storageAccounts", []string{"microsoft.storage/storageaccounts"}, Unreadable, storageAccount, nothing},
	{"listAccountSas", nil, SASExport, exportSAS, nothing},
	{"listServiceSas", nil, SASExport, exportSAS, nothing},
	{"listKeys", nil, KeyExport, exportKey, nothing},
	{"listConnectionStrings", nil, KeyExport, exportKey, nothing},
	{"listCredentials", nil, KeyExport, exportKey, nothing},
	{"listAdminKeys", nil, KeyExport, exportKey, nothing},
	{"listSharedKey", nil, KeyExport, exportKey, nothing},
	{"listClusterAdminCredential", nil, KeyExport, exportKey, nothing},
	{"diskEncryptionSets", nil, CustomerKey, customerKey, nothing},
	{"databaseAccounts", []string{"microsoft.documentdb/databaseaccounts"}, CustomerKey, customerKey, nothing},
	{"servers", []string{"microsoft.sql/servers"}, CustomerKey, customerKey, nothing},
	{"keys", []string{"microsoft.sql/servers/keys", "microsoft.sql/managedinstances/keys"}, CustomerKey, customerKey, nothing},
	{"flexibleServers", nil, CustomerKey, customerKey, nothing},
	{"registries", []string{"microsoft.containerregistry/registries"}, CustomerKey, customerKey, nothing},
	{"namespaces", []string{"microsoft.eventhub/namespaces", "microsoft.servicebus/namespaces"}, CustomerKey, customerKey, nothing},
	{"workspaces", []string{"microsoft.machinelearningservices/workspaces", "microsoft.databricks/workspaces"}, CustomerKey, customerKey, nothing},
	{"accounts", []string{"microsoft.cognitiveservices/accounts"}, CustomerKey, customerKey, nothing},
	{"vaults", []string{"microsoft.recoveryservices/vaults"}, CustomerKey, customerKey, nothing},
	{"authorizations", []string{"microsoft.network/expressroutecircuits/authorizations", "microsoft.network/expressrouteports/authorizations"}, CircuitAuthorization, authorization, nothing},
	{"expressRouteCircuits", []string{"microsoft.network/expressroutecircuits"}, CircuitAuthorization, inlineAuthorizations, nothing},
	{"connections", []string{"microsoft.network/connections"}, GatewayConnection, gatewayConnection, nothing},
	{"connections", []string{"microsoft.network/expressroutecircuits/peerings/connections"}, GatewayConnection, circuitConnection, nothing},
	{"expressRouteConnections", nil, GatewayConnection, circuitConnection, nothing},
	{"vpnConnections", nil, GatewayConnection, vpnConnection, nothing},
	{"federatedIdentityCredentials", nil, FederatedCredential, federatedCredential, nothing},
	{"roleAssignments", nil, RoleAssignment, roleAssignment, nothing},
	{"roleAssignmentScheduleRequests", nil, RoleAssignment, roleAssignment, nothing},
	{"roleEligibilityScheduleRequests", nil, RoleAssignment, roleAssignment, nothing},
	{"galleries", []string{"microsoft.compute/galleries"}, Unreadable, gallery, nothing},
	{"share", []string{"microsoft.compute/galleries/share"}, GallerySharing, shareGallery, nothing},
	{"beginGetAccess", nil, DiskExport, exportDisk, nothing},
	{"importImage", nil, RegistryImport, importImage, nothing},
	{"deployments", []string{"microsoft.resources/deployments"}, Unreadable, nil, resources},
	{"deploymentStacks", nil, Unreadable, nil, resources},
	{"versions", []string{"microsoft.resources/templatespecs/versions"}, Unreadable, nil, resources},
	{"artifacts", []string{"microsoft.blueprint/blueprints/artifacts"}, Unreadable, nil, resources},
	{"batch", nil, Unreadable, nil, requests},
}

// armKind returns a rule for a path of Resource Manager; nil if none makes a
// link of it. It allocates nothing for a plain path.
func armKind(path string) *rule {
	path = plain(path)
	for at := lastFold(path, providers); ; at = lastFold(path[:at], providers) {
		if k := ruleFor(lastType(path, at), ""); k != nil || at < 0 {
			return k
		}
		if inNetwork(path, at) {
			return &anyNetwork
		}
	}
}

// ruleFor returns the rule for a last type, and for the whole type where that
// is known.
func ruleFor(last, types string) *rule {
	for i := range rules {
		k := &rules[i]
		if len(k.last) == len(last) && strings.EqualFold(k.last, last) && (types == "" || k.applies(types)) {
			return k
		}
	}
	return nil
}

func (k *rule) applies(types string) bool { return k.of == nil || slices.Contains(k.of, types) }

// arm finds the links of one request to Resource Manager. A resource may be
// called "providers" itself, so each place where a namespace could begin is
// tried, the last one first.
func (f *finding) arm(path string) {
	path = "/" + strings.Trim(plain(path), "/")
	for at := lastFold(path, providers); ; at = lastFold(path[:at], providers) {
		last := lastType(path, at)
		if k := ruleFor(last, ""); k != nil || inNetwork(path, at) {
			r := parse(path, at)
			if k = ruleFor(last, r.types); k == nil && inNetwork(path, at) {
				k = &anyNetwork
			}
			if k != nil {
				f.request(k, r)
				return
			}
		}
		if at < 0 {
			return
		}
	}
}

func (f *finding) request(k *rule, r resource) {
	if k.holds == requests {
		f.armBatch(r)
		return
	}
	if n, ok := f.content(k.kind, r); ok {
		f.apply(k, r, value{n, nil})
	}
}

// apply finds the links of a resource with the given body.
func (f *finding) apply(k *rule, r resource, body value) {
	if k.holds == resources {
		f.deployment(r, body)
		return
	}
	if k.find != nil {
		k.find(f, r, body)
	}
	f.references(r, body)
}

// content reads the request's body. A body that cannot be read is a link: of
// the kind that the path can make, where it can make one only.
func (f *finding) content(k Kind, r resource) (*node, bool) {
	n, err := f.source.read()
	if err != nil {
		f.hidden(k, r, "body", "")
		return nil, false
	}
	return n, true
}

// hidden keeps a link of which nobody can tell where it leads.
func (f *finding) hidden(k Kind, r resource, what, field string) {
	f.add(Link{Kind: k, Resource: r.id, Subscription: r.subscription, Target: what, TargetKind: Hidden, Field: field})
}

// far keeps the link from r to what v names. A far end in r's own subscription
// is none.
func (f *finding) far(k Kind, r resource, v value, as TargetKind, field string) {
	text := strings.TrimSpace(v.text)
	switch {
	case v.kind == hiddenKind:
		f.hidden(TemplateLink, r, "an expression", field)
		return
	case v.kind != '"' || text == "":
		return
	}
	target, kind := classify(text, as)
	if kind == Subscription && target == r.subscription {
		return
	}
	f.add(Link{Kind: k, Resource: r.id, Subscription: r.subscription, Target: target, TargetKind: kind, Field: field})
}

// every keeps a link for each value at the end of a way.
func (f *finding) every(k Kind, r resource, from value, as TargetKind, way ...string) {
	for _, v := range f.at(from, way...) {
		f.far(k, r, v, as, strings.Join(way, "."))
	}
}

// classify tells what a text names that stands where a resource (Name), a
// subscription, a tenant or a person's address (Domain) belongs.
func classify(text string, as TargetKind) (string, TargetKind) {
	lower := strings.ToLower(text)
	if id, ok := guid(text); ok && (as == Subscription || as == Tenant) {
		return id, as
	}
	if id, ok := subscriptionIn(text); ok && as != Tenant && as != Domain && as != Host {
		return id, Subscription
	}
	if host, ok := hostOf(text); ok && as == Host {
		return host, Host
	}
	switch {
	case as == Subscription && text == "*":
		return "*", Everybody
	case as == Name && strings.HasSuffix(lower, ".privatelinkservice"):
		return lower, Alias
	case as == Domain && strings.Contains(text, "@"):
		return lower[strings.LastIndexByte(lower, '@')+1:], Domain
	case as == Tenant && strings.Contains(text, "."):
		return lower, Domain
	}
	return text, Name
}
