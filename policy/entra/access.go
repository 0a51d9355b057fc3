package entra

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/tokens"
)

// side is Graph's crossTenantAccessPolicyTargetConfiguration.
type side struct {
	AccessType string   `json:"accessType"`
	Targets    []target `json:"targets"`
}

type target struct {
	Target     string `json:"target"`
	TargetType string `json:"targetType"`
}

// access reads a crossTenantAccessPolicyB2BSetting or
// crossTenantAccessPolicyTenantRestrictions.
func (s *Settings) access(where, name string, text json.RawMessage) (policy.Access, error) {
	var o object
	if err := json.Unmarshal(text, &o); err != nil {
		return policy.Access{}, errors.New("is no object")
	}
	for _, member := range slices.Sorted(maps.Keys(o)) {
		switch member {
		case "usersAndGroups", "applications", "@odata.type":
		default:
			if !null(o[member]) {
				s.note(where, "%s: %.60q is not carried over", name, member)
			}
		}
	}
	users, err := s.side(where, name+".usersAndGroups", o["usersAndGroups"], s.users)
	if err != nil {
		return policy.Access{}, fmt.Errorf("usersAndGroups: %w", err)
	}
	apps, err := s.side(where, name+".applications", o["applications"], s.applications)
	if err != nil {
		return policy.Access{}, fmt.Errorf("applications: %w", err)
	}
	if name != "tenantRestrictions" && users.Setting == "" {
		s.note(where, "%s.usersAndGroups: few tokens show which object a guest is in its own tenant; one that does not show it is refused", name)
	}
	switch {
	case users.Setting == policy.Deny || apps.Setting == policy.Deny:
		return policy.All(policy.Deny), nil
	case users.Setting == policy.Allow && apps.Setting == policy.Allow:
		return policy.All(policy.Allow), nil
	}
	return policy.Access{Users: users, Applications: apps}, nil
}

// side reads one side of a setting; list makes of its targets what is named.
func (s *Settings) side(where, name string, text json.RawMessage,
	list func(where, name string, allowed bool, targets []target) (ids []string, all bool, err error),
) (policy.Targets, error) {
	if null(text) {
		s.note(where, "%s is not there, so nothing of it is allowed", name)
		return policy.Targets{Setting: policy.Deny}, nil
	}
	var in side
	if err := json.Unmarshal(text, &in); err != nil {
		return policy.Targets{}, errors.New("is not as Graph has it")
	}
	if in.AccessType != "allowed" && in.AccessType != "blocked" {
		return policy.Targets{}, fmt.Errorf("accessType %.60q is neither allowed nor blocked", in.AccessType)
	}
	allowed := in.AccessType == "allowed"
	ids, all, err := list(where, name, allowed, in.Targets)
	switch {
	case err != nil:
		return policy.Targets{}, err
	case all && allowed:
		return policy.Targets{Setting: policy.Allow}, nil
	case all:
		return policy.Targets{Setting: policy.Deny}, nil
	case len(ids) == 0:
		s.note(where, "%s names nobody that can be told here, so nothing of it is allowed", name)
		return policy.Targets{Setting: policy.Deny}, nil
	case allowed:
		return policy.Targets{Allow: ids}, nil
	}
	return policy.Targets{Block: ids}, nil
}

// users returns the object IDs among targets. Tokens of other tenants do not
// tell groups: of those allowed they are left out, and where one is blocked
// everybody could be in it.
func (s *Settings) users(where, name string, allowed bool, targets []target) (ids []string, all bool, err error) {
	groups := 0
	for _, t := range targets {
		id, ok := tokens.ParseTenant(t.Target)
		switch {
		case t.Target == "AllUsers":
			return nil, true, nil
		case t.TargetType == "group":
			groups++
		case !ok || t.TargetType != "user":
			return nil, false, fmt.Errorf("target %.60q of type %.60q is no user", t.Target, t.TargetType)
		case !slices.Contains(ids, string(id)):
			ids = append(ids, string(id))
		}
	}
	switch {
	case groups > 0 && allowed:
		s.note(where, "%s: %d groups that are allowed; tokens do not tell groups, so their members are refused", name, groups)
	case groups > 0:
		s.note(where, "%s: %d groups that are blocked; tokens do not tell groups, so everybody is refused", name, groups)
		return nil, true, nil
	}
	return ids, false, nil
}

// applications returns the applications among targets, groups of them by their
// names. What this version does not know is left out of those allowed, and
// blocks everything among those blocked.
func (s *Settings) applications(where, name string, allowed bool, targets []target) (ids []string, all bool, err error) {
	for _, t := range targets {
		id, ok := tokens.ParseTenant(t.Target)
		known := ok || t.Target == policy.Office365 || t.Target == policy.AllMicrosoftApps && allowed
		if !ok {
			id = tokens.Tenant(t.Target)
		}
		switch {
		case t.TargetType != "application":
			return nil, false, fmt.Errorf("target %.60q of type %.60q is no application", t.Target, t.TargetType)
		case t.Target == "AllApplications":
			return nil, true, nil
		case !known && allowed:
			s.note(where, "%s: %.60q is not known here, so it is refused", name, t.Target)
		case !known:
			s.note(where, "%s: nobody knows all of %.60q, so every application is refused", name, t.Target)
			return nil, true, nil
		case !slices.Contains(ids, string(id)):
			ids = append(ids, string(id))
		}
	}
	if slices.Contains(ids, policy.Office365) || slices.Contains(ids, policy.AllMicrosoftApps) {
		s.note(where, "%s: Office365 and AllMicrosoftApps are known in part, see docs/policy.md", name)
	}
	return ids, false, nil
}
