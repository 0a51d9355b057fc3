package links

import "strings"

const remoteNetwork = "remoteVirtualNetwork"

// peering reads …/virtualNetworks/{}/virtualNetworkPeerings/{}.
func peering(f *finding, r resource, body value) {
	f.every(Peering, r, body, Name, "properties", remoteNetwork, "id")
}

// virtualNetwork reads the peerings that are written inline.
func virtualNetwork(f *finding, r resource, body value) {
	for _, p := range f.at(body, "properties", "virtualNetworkPeerings") {
		if p.kind == hiddenKind {
			f.hidden(TemplateLink, r, "an expression", "properties.virtualNetworkPeerings")
			continue
		}
		peering(f, f.child(r, "virtualNetworkPeerings", p), p)
	}
}

// privateEndpoint reads whose service an endpoint leads to. Its alias names no
// tenant.
func privateEndpoint(f *finding, r resource, body value) {
	for _, list := range []string{"manualPrivateLinkServiceConnections", "privateLinkServiceConnections"} {
		f.every(PrivateEndpoint, r, body, Name, "properties", list, "properties", "privateLinkServiceId")
	}
}

// approval reads a connection that somebody made to a resource, when it is
// approved. The endpoint is the other side's, which need not be written.
func approval(f *finding, r resource, body value) {
	const state = "privateLinkServiceConnectionState"
	for _, status := range f.at(body, "properties", state, "status") {
		switch {
		case status.kind == hiddenKind:
			f.hidden(TemplateLink, r, "an expression", "properties."+state+".status")
			continue
		case !strings.EqualFold(strings.TrimSpace(status.text), "Approved"):
			continue
		}
		if len(f.at(body, "properties", "privateEndpoint", "id")) == 0 {
			f.hidden(Approval, r, "an endpoint that the request does not name", "properties."+state+".status")
			continue
		}
		f.every(Approval, r, body, Name, "properties", "privateEndpoint", "id")
	}
}

// privateLinkService reads who may see a service and who need not be approved.
func privateLinkService(f *finding, r resource, body value) {
	f.every(PrivateLink, r, body, Subscription, "properties", "visibility", "subscriptions")
	f.every(PrivateLink, r, body, Subscription, "properties", "autoApproval", "subscriptions")
}

func hubConnection(f *finding, r resource, body value) {
	f.every(HubConnection, r, body, Name, "properties", remoteNetwork, "id")
}

// virtualHub reads the connections that are written inline, as older versions
// of the API had them.
func virtualHub(f *finding, r resource, body value) {
	f.every(HubConnection, r, body, Name, "properties", "virtualNetworkConnections", "properties", remoteNetwork, "id")
}

// scopeConnection reads which tenant's subscription or management group a
// network manager is to reach into.
func scopeConnection(f *finding, r resource, body value) {
	f.every(NetworkManager, r, body, Tenant, "properties", "tenantId")
	f.every(NetworkManager, r, body, Name, "properties", "resourceId")
}

func managerConnection(f *finding, r resource, body value) {
	f.every(NetworkManager, r, body, Name, "properties", "networkManagerId")
}

func staticMember(f *finding, r resource, body value) {
	f.every(NetworkManager, r, body, Name, "properties", "resourceId")
}

// dnsLink reads which network a private zone or a ruleset is to answer.
func dnsLink(f *finding, r resource, body value) {
	f.every(DNSLink, r, body, Name, "properties", "virtualNetwork", "id")
}
