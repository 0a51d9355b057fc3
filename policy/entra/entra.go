// Package entra reads Entra's cross-tenant access settings as Microsoft Graph
// tells them, and turns them into a policy section.
//
// What it cannot carry over it says, and then errs towards refusing: Entra
// judges every sign-in by the original all the same.
package entra

import (
	"fmt"

	"github.com/tenantgate/tenantgate/policy"
)

// Settings are what was read: the default, and organizations of their own.
type Settings struct {
	Default  *Organization // nil if none was read
	Partners []Organization
	Notes    []Note // what is not carried over
	Next     string // where Graph has more of a list (@odata.nextLink)
}

// Organization is the settings of one, or the default. A setting that is not
// Said inherits the default.
type Organization struct {
	ID                                    string // of the default: what tenant.policy must be; v1.0 does not tell it
	Tenant                                string // of a partner
	TenantRestrictions, Outbound, Inbound policy.Access
}

// Note is something that is not carried over, or not exactly.
type Note struct {
	Where string // default, or a partner's directory ID
	What  string
}

func (n Note) String() string { return n.Where + ": " + n.What }

func (s *Settings) note(where, format string, args ...any) {
	s.Notes = append(s.Notes, Note{where, fmt.Sprintf(format, args...)})
}

// PolicyID returns what tenant.policy must be; empty if Graph did not say.
func (s *Settings) PolicyID() string {
	if s.Default == nil {
		return ""
	}
	return s.Default.ID
}
