package links

// lighthouse reads which tenant is to manage a scope.
func lighthouse(f *finding, r resource, body value) {
	f.every(Lighthouse, r, body, Tenant, "properties", "managedByTenantId")
}

// alias reads which tenant a new subscription is to be of.
func alias(f *finding, r resource, body value) {
	f.every(Transfer, r, body, Tenant, "properties", "additionalProperties", "subscriptionTenantId")
}

// acceptOwnership takes a subscription over from another tenant:
// /providers/Microsoft.Subscription/subscriptions/{id}/acceptOwnership.
func acceptOwnership(f *finding, r resource, _ value) {
	if id, ok := subscriptionIn(r.id); ok {
		f.add(Link{Kind: Transfer, Resource: r.id, Target: id, TargetKind: Subscription})
		return
	}
	f.hidden(Transfer, r, "a subscription that the request does not name", "")
}

// changeDirectory reads which tenant a subscription is to move to.
func changeDirectory(f *finding, r resource, body value) {
	before := len(f.links)
	for _, field := range []string{"destinationTenantId", "targetTenantId", "subscriptionTenantId", "tenantId"} {
		f.every(Transfer, r, body, Tenant, "properties", field)
		f.every(Transfer, r, body, Tenant, field)
	}
	if len(f.links) == before {
		f.hidden(Transfer, r, "a tenant that the request does not name", "")
	}
}

// initiateTransfer reads to whom the billing of subscriptions is to go.
func initiateTransfer(f *finding, r resource, body value) {
	f.every(Transfer, r, body, Domain, "properties", "recipientEmailId")
}
