package links

import "strings"

// replicationPolicy reads the two accounts of a replication. They are named by
// their IDs where they may be of different tenants, else by name alone.
func replicationPolicy(f *finding, r resource, body value) {
	for _, field := range []string{"sourceAccount", "destinationAccount"} {
		for _, v := range f.at(body, "properties", field) {
			if !containsSegment(r.id, v.text) {
				f.far(Replication, r, v, Name, "properties."+field)
			}
		}
	}
}

// containsSegment tells whether name is one segment of id: the account itself.
func containsSegment(id, name string) bool {
	return name != "" && !strings.Contains(name, "/") &&
		strings.Contains(strings.ToLower(id)+"/", "/"+strings.ToLower(name)+"/")
}

// storageAccount reads whether accounts of other tenants may replicate, and
// whose key the account is encrypted with.
func storageAccount(f *finding, r resource, body value) {
	customerKey(f, r, body)
	const field = "allowCrossTenantReplication"
	for _, v := range f.at(body, "properties", field) {
		switch {
		case v.kind == hiddenKind:
			f.hidden(TemplateLink, r, "an expression", "properties."+field)
		case strings.EqualFold(v.text, "true"):
			f.everybody(Replication, r, "accounts of any tenant", "properties."+field)
		}
	}
}

// everybody keeps a link that is open to more than one tenant.
func (f *finding) everybody(k Kind, r resource, whom, field string) {
	f.add(Link{Kind: k, Resource: r.id, Subscription: r.subscription, Target: whom, TargetKind: Everybody, Field: field})
}

// gallery reads whether images are to be public.
func gallery(f *finding, r resource, body value) {
	for _, v := range f.at(body, "properties", "sharingProfile", "permissions") {
		if strings.EqualFold(v.text, "Community") {
			f.everybody(GallerySharing, r, "the community", "properties.sharingProfile.permissions")
		}
	}
}

// shareGallery reads with whom images are to be shared.
func shareGallery(f *finding, r resource, body value) {
	for _, op := range f.at(body, "operationType") {
		if strings.EqualFold(op.text, "Remove") || strings.EqualFold(op.text, "Reset") {
			return
		}
	}
	r.id = r.parent(1)
	for _, group := range f.at(body, "groups") {
		for _, v := range f.at(group, "type") {
			switch strings.ToLower(v.text) {
			case "community":
				f.everybody(GallerySharing, r, "the community", "groups.type")
			case "subscriptions":
				f.every(GallerySharing, r, group, Subscription, "ids")
			default: // AADTenants
				f.every(GallerySharing, r, group, Tenant, "ids")
			}
		}
	}
}

// exportDisk makes a URL with which anybody can read a disk or a snapshot.
func exportDisk(f *finding, r resource, _ value) {
	r.id = r.parent(1)
	f.everybody(DiskExport, r, "whoever has the URL", "")
}

// importImage reads from where a registry is to copy an image.
func importImage(f *finding, r resource, body value) {
	r.id = r.parent(1)
	f.every(RegistryImport, r, body, Name, "source", "resourceId")
	f.every(RegistryImport, r, body, Name, "source", "registryUri")
}
