package links

import "strings"

// graphRule is how the links of one kind of Graph request are found.
type graphRule struct {
	last   string // the last segment
	inside string // or what stands anywhere in the path, lower case
	kind   Kind
	find   func(f *finding, r resource, body value)

	deletes bool // a deletion changes what holds between two tenants
}

// graphRules are what can make a link: Graph's reference of invitations,
// cross-tenant access settings and multitenant organizations, and Azure AD
// Graph's redeemInvitation, which is not documented any more.
var graphRules = []graphRule{
	{last: "$batch", kind: Unreadable},
	{last: "invitations", kind: GuestInvitation, find: invitation},
	{last: "servicePrincipals", kind: ServicePrincipal, find: servicePrincipal},
	{inside: "/federatedidentitycredentials", kind: FederatedCredential, find: federatedCredential},
	{last: "redeemInvitation", kind: GuestRedemption, find: redemption},
	{inside: "/crosstenantaccesspolicy", kind: CrossTenantPolicy, find: crossTenantPolicy, deletes: true},
	{inside: "/multitenantorganization", kind: CrossTenantPolicy, find: crossTenantPolicy, deletes: true},
}

func graphKind(path string) *graphRule {
	path = strings.TrimRight(plain(path), "/")
	last := path[strings.LastIndexByte(path, '/')+1:]
	for i := range graphRules {
		k := &graphRules[i]
		if k.last != "" && strings.EqualFold(k.last, last) || k.inside != "" && indexFold(path, k.inside) >= 0 {
			return k
		}
	}
	return nil
}

func (f *finding) graph(k *graphRule, path string) {
	path = plain(path)
	r := resource{id: "/" + strings.Trim(path, "/")}
	if k.find == nil {
		f.graphBatch(r)
		return
	}
	if f.deletes {
		k.find(f, r, value{&node{kind: 'w'}, nil})
		return
	}
	if n, ok := f.content(k.kind, r); ok {
		k.find(f, r, value{n, nil})
	}
}

// invitation reads who is invited, and whether a guest is to redeem anew.
func invitation(f *finding, r resource, body value) {
	kind := GuestInvitation
	for _, v := range f.at(body, "resetRedemption") {
		if strings.EqualFold(v.text, "true") {
			kind = GuestRedemption
		}
	}
	f.every(kind, r, body, Domain, "invitedUserEmailAddress")
}

func redemption(f *finding, r resource, body value) {
	before := len(f.links)
	f.every(GuestRedemption, r, body, Domain, "acceptedAs")
	if len(f.links) == before {
		f.hidden(GuestRedemption, r, "an invitation that the request does not describe", "")
	}
}

// crossTenantPolicy reads whose settings are changed: the tenant in the path
// or in the body, else the default that holds for all of them.
func crossTenantPolicy(f *finding, r resource, body value) {
	before := len(f.links)
	for segment := range strings.SplitSeq(r.id, "/") {
		if id, ok := key(segment); ok {
			f.add(Link{Kind: CrossTenantPolicy, Resource: r.id, Target: id, TargetKind: Tenant})
		}
	}
	f.every(CrossTenantPolicy, r, body, Tenant, "tenantId")
	f.every(CrossTenantPolicy, r, body, Tenant, "addedByTenantId")
	if len(f.links) == before {
		f.everybody(CrossTenantPolicy, r, "the default for every tenant", "")
	}
}

// key returns the GUID that a segment is, or is keyed with: partners('…'),
// partners(tenantId='…') (OData 4.01, URL conventions, 4.3).
func key(segment string) (string, bool) {
	if open := strings.IndexByte(segment, '('); open >= 0 {
		segment = strings.TrimSuffix(segment[open+1:], ")")
		segment = strings.Trim(segment[strings.IndexByte(segment, '=')+1:], "' ")
	}
	return guid(segment)
}
