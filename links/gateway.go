package links

import "strings"

// authorization makes a key with which a gateway of another subscription, in
// any tenant, joins a circuit or a port (Azure, ExpressRoute authorizations).
func authorization(f *finding, r resource, _ value) {
	r.id = r.parent(2)
	f.everybody(CircuitAuthorization, r, "whoever has the authorization key", "")
}

// inlineAuthorizations are those written in the circuit itself.
func inlineAuthorizations(f *finding, r resource, body value) {
	if len(f.at(body, "properties", "authorizations", "name")) > 0 {
		f.everybody(CircuitAuthorization, r, "whoever has the authorization key", "properties.authorizations")
	}
}

// gatewayConnection reads where a gateway is to be connected: a circuit, a
// gateway, or a device that is known by its address only.
func gatewayConnection(f *finding, r resource, body value) {
	f.every(GatewayConnection, r, body, Name, "properties", "peer", "id")
	f.every(GatewayConnection, r, body, Name, "properties", "virtualNetworkGateway2", "id")
	f.device(r, body, "localNetworkGateway2")
	if len(f.at(body, "properties", "peer", "id")) == 0 && len(f.at(body, "properties", "authorizationKey")) > 0 {
		f.hidden(GatewayConnection, r, "a circuit that the request does not name", "properties.authorizationKey")
	}
}

// circuitConnection is the same of a virtual WAN's gateway, or of two circuits
// (Global Reach).
func circuitConnection(f *finding, r resource, body value) {
	f.every(GatewayConnection, r, body, Name, "properties", "expressRouteCircuitPeering", "id")
	f.every(GatewayConnection, r, body, Name, "properties", "peerExpressRouteCircuitPeering", "id")
	f.every(GatewayConnection, r, body, Name, "properties", "peerExpressRouteCircuitPeeringId")
}

func vpnConnection(f *finding, r resource, body value) { f.device(r, body, "remoteVpnSite") }

// device keeps a tunnel to a device outside Azure. The resource that describes
// it is of our own subscription and says nothing of whose the device is.
func (f *finding) device(r resource, body value, field string) {
	for _, v := range f.at(body, "properties", field, "id") {
		if v.kind != '"' || v.text == "" {
			f.far(GatewayConnection, r, v, Name, "properties."+field+".id")
			continue
		}
		name := v.text[strings.LastIndexByte(v.text, '/')+1:]
		f.add(Link{Kind: GatewayConnection, Resource: r.id, Subscription: r.subscription, Target: "the device of " + name, TargetKind: Name, Field: "properties." + field + ".id"})
	}
}
