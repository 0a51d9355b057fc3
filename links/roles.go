package links

import "strings"

// roleAssignment reads who is given a role, at once or to be activated later.
// A principal is known by an object ID of the directory it is given in, so that
// nobody can tell a guest or the local object of another tenant's application
// from one of ours; groups and devices are ours, unless they say ForeignGroup
// (Azure, roleAssignments, principalType). An identity that a template makes is
// of where it is deployed.
func roleAssignment(f *finding, r resource, body value) {
	const field = "properties.principalId"
	kind := ""
	for _, t := range f.at(body, "properties", "principalType") {
		kind = strings.ToLower(t.text)
	}
	for _, v := range f.at(body, "properties", "principalId") {
		switch {
		case kind == "group" || kind == "device", kind == "serviceprincipal" && v.kind == hiddenKind:
		default:
			f.far(RoleAssignment, r, v, Name, field)
		}
	}
	f.every(RoleAssignment, r, body, Name, "properties", "delegatedManagedIdentityResourceId")
}
