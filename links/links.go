// Package links finds the cross-tenant links that an Azure Resource Manager or Graph request would make.
//
// It reads and does not judge: it knows subscriptions, tenants and domains by
// their names in a request, not whose they are. Two ends in one subscription
// are no link. What hides its far end is reported as such, never left out.
// Paths and bodies are as entra.md's sources and the REST reference have them;
// where a shape is not documented, a body of another shape finds nothing.
package links

import (
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
)

// Kind is what a link is.
type Kind string

// The kinds of link.
const (
	Peering           Kind = "vnet-peering"         // own resource, or inline in a virtual network
	PrivateEndpoint   Kind = "private-endpoint"     // manual or automatic
	PrivateLink       Kind = "private-link-service" // whom a service is visible to, whom it approves by itself
	Approval          Kind = "connection-approval"  // of a private endpoint connection
	HubConnection     Kind = "virtual-hub-connection"
	NetworkManager    Kind = "network-manager" // scope connections, network manager connections, static members
	Lighthouse        Kind = "lighthouse"      // delegated resource management
	Transfer          Kind = "subscription-transfer"
	Replication       Kind = "storage-replication"
	GallerySharing    Kind = "gallery-sharing"
	DiskExport        Kind = "disk-export"
	DNSLink           Kind = "dns-link"
	RegistryImport    Kind = "acr-import"
	GuestInvitation   Kind = "guest-invitation"
	GuestRedemption   Kind = "guest-redemption"
	CrossTenantPolicy Kind = "cross-tenant-policy"

	RoleAssignment       Kind = "role-assignment"       // to somebody whose tenant nobody can tell, or of another one
	CircuitAuthorization Kind = "circuit-authorization" // a key with which others join an ExpressRoute circuit
	GatewayConnection    Kind = "gateway-connection"    // of ExpressRoute or a VPN
	SASExport            Kind = "sas-export"
	KeyExport            Kind = "key-export"
	CustomerKey          Kind = "customer-managed-key" // in somebody's vault
	NetworkReference     Kind = "network-reference"    // another subscription in any other write to a network
	ServicePrincipal     Kind = "service-principal"    // an application made known in our tenant
	FederatedCredential  Kind = "federated-credential" // trust in tokens of another issuer

	TemplateLink Kind = "template-link" // a linked template, or an expression that hides where a template's link leads
	Unreadable   Kind = "unreadable"    // a body that can make a link and cannot be read
)

// Kinds returns every kind.
func Kinds() []Kind {
	return []Kind{
		Peering, PrivateEndpoint, PrivateLink, Approval, HubConnection, NetworkManager, Lighthouse, Transfer,
		Replication, GallerySharing, DiskExport, DNSLink, RegistryImport, GuestInvitation, GuestRedemption,
		CrossTenantPolicy, RoleAssignment, CircuitAuthorization, GatewayConnection, SASExport, KeyExport, CustomerKey,
		NetworkReference, ServicePrincipal, FederatedCredential, TemplateLink, Unreadable,
	}
}

// TargetKind is how the far end of a link is named.
type TargetKind string

// The kinds of target.
const (
	Subscription TargetKind = "subscription" // Target is its ID, lower case
	Tenant       TargetKind = "tenant"       // Target is a directory ID, lower case
	Domain       TargetKind = "domain"       // Target is a domain, lower case
	Host         TargetKind = "host"         // Target is the name of a vault's host, lower case
	Alias        TargetKind = "alias"        // of a private link service: it names no tenant
	Everybody    TargetKind = "everybody"    // open to whoever asks; Target says what
	Name         TargetKind = "name"         // of a resource, a registry, a template: nobody can tell whose it is
	Hidden       TargetKind = "hidden"       // Target says why nobody can tell
)

// Link is one end of ours tied to one elsewhere.
type Link struct {
	Kind         Kind
	Resource     string // path of the near end; bounded
	Subscription string // of the near end, lower case; empty if it has none
	Target       string // the far end; bounded
	TargetKind   TargetKind
	Field        string // where the far end stands in the body: properties.remoteVirtualNetwork.id
}

// Service is whose API a request is for.
type Service uint8

// The services that make links.
const (
	None Service = iota
	ResourceManager
	MicrosoftGraph
)

// Graph are the hosts of Microsoft Graph and of its forerunner in every cloud.
var Graph = hosts.MustParseSet(
	"graph.microsoft.com", "graph.windows.net",
	"graph.microsoft.us", "dod-graph.microsoft.us", "graph.microsoftazure.us", "microsoftgraph.chinacloudapi.cn",
)

// Bounds of one request.
const (
	MaxBody  = 4 << 20 // as much as Resource Manager takes of a request, and Graph of a batch
	maxLinks = 64
	maxText  = 512
)

// Find returns the links that a request would make. Path is the request's,
// decoded once. Body is asked for only where the path can make a link; it
// returns the body without content encodings, or an error if it cannot be
// read, which is a link of its own kind.
func Find(s Service, method, path string, body func() ([]byte, error)) []Link {
	if !Could(s, method, path) {
		return nil
	}
	switch s {
	case ResourceManager:
		if armKind(path) != nil {
			f := &finding{source: source{body: body}}
			f.arm(path)
			return f.links
		}
	case MicrosoftGraph:
		if kind := graphKind(path); kind != nil {
			f := &finding{source: source{body: body}, deletes: method == deletion}
			f.graph(kind, path)
			return f.links
		}
	case None:
	}
	return nil
}

// Could tells whether a request could make a link, by its path alone. It
// allocates nothing.
func Could(s Service, method, path string) bool {
	switch s {
	case ResourceManager:
		return writes(method) && armKind(path) != nil
	case MicrosoftGraph:
		if !writes(method) && method != deletion {
			return false // most requests, without a look at the path
		}
		k := graphKind(path)
		return k != nil && (writes(method) || k.deletes)
	case None:
	}
	return false
}

const deletion = "DELETE"

// writes tells whether method can change something. A method that nobody knows
// is taken for one that can.
func writes(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "TRACE", deletion, "":
		return false
	}
	return true
}

// finding is one run of Find.
type finding struct {
	links   []Link
	source  source
	deletes bool // the request deletes: it has no body
	nested  int  // batches
	steps   int  // of following expressions

	referSteps int // the same of references
}

// add keeps a link, once.
func (f *finding) add(l Link) {
	l.Resource, l.Target, l.Field = shown(l.Resource), shown(l.Target), clip(l.Field)
	same := func(k Link) bool {
		return k.Kind == l.Kind && k.Target == l.Target && k.TargetKind == l.TargetKind && k.Resource == l.Resource
	}
	switch {
	case slices.ContainsFunc(f.links, same):
	case len(f.links) < maxLinks:
		f.links = append(f.links, l)
	default:
		f.links[maxLinks-1] = Link{Kind: Unreadable, Resource: l.Resource, Subscription: l.Subscription, Target: "more links than are read", TargetKind: Hidden}
	}
}

// shown returns s as far as a name can go: what holds anything else, or runs
// longer than a name does, could be a credential that stands in its place.
func shown(s string) string {
	s, _, _ = strings.Cut(s, "?")
	s, _, _ = strings.Cut(s, "#")
	if strings.TrimSpace(s) == "" {
		return notShown
	}
	run := 0
	for i := range len(s) {
		c := s[i]
		switch {
		case strings.IndexByte("/.- ", c) >= 0:
			run = 0
		case c >= 0x80, '0' <= c && c <= '9', 'a' <= c|0x20 && c|0x20 <= 'z', strings.IndexByte("_:(){}*'$=\\", c) >= 0:
			run++
		default:
			return notShown
		}
		if run > maxName || strings.HasPrefix(s[i:], "eyJ") {
			return notShown
		}
	}
	return clip(s)
}

// notShown stands for a text that is no name; maxName is the longest name of
// one part: 80 octets in most of Microsoft.Network, 90 for a resource group.
const (
	notShown = "a text that is no name"
	maxName  = 90
)

func clip(s string) string {
	if len(s) > maxText {
		return strings.ToValidUTF8(s[:maxText], "")
	}
	return s
}
