package entra

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/tokens"
)

// maxText is the longest answer that is read. The whole policy object of a
// tenant was limited to 25 KB (Microsoft, tenant-restrictions-v2, 01/2024).
const maxText = 16 << 20

// object is a JSON object whose names are exact: encoding/json would take
// TenantID for tenantId.
type object map[string]json.RawMessage

// Add reads one answer of Graph: the default, a partner, or a list of
// partners. After an error s is as it was.
func (s *Settings) Add(text []byte) error {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	switch {
	case len(text) > maxText:
		return fmt.Errorf("is longer than %d octets", maxText)
	case bytes.HasPrefix(text, []byte("\xff\xfe")), bytes.HasPrefix(text, []byte("\xfe\xff")):
		return errors.New("is UTF-16; save it as UTF-8 (PowerShell: Out-File -Encoding utf8)")
	}
	if err := exact(text); err != nil {
		return err
	}
	next := *s
	next.Partners, next.Notes = slices.Clone(s.Partners), slices.Clone(s.Notes)
	if err := next.add(text); err != nil {
		return err
	}
	*s = next
	return nil
}

func (s *Settings) add(text []byte) error {
	if text = bytes.TrimSpace(text); text[0] == '[' {
		return s.addList(text)
	}
	var o object
	if err := json.Unmarshal(text, &o); err != nil {
		return errors.New("is no JSON object")
	}
	switch {
	case o["error"] != nil:
		return errors.New("is an error that Graph answered, not settings")
	case o["value"] != nil:
		s.Next = o.text("@odata.nextLink")
		return s.addList(o["value"])
	case o["tenantId"] != nil:
		return s.addPartner(o)
	}
	return s.addDefault(o)
}

func (s *Settings) addList(text []byte) error {
	var list []object
	if err := json.Unmarshal(text, &list); err != nil {
		return errors.New("is no list of partners")
	}
	for i, o := range list {
		if err := s.addPartner(o); err != nil {
			return fmt.Errorf("partner %d: %w", i+1, err)
		}
	}
	return nil
}

func (s *Settings) addPartner(o object) error {
	tenant, ok := tokens.ParseTenant(o.text("tenantId"))
	if !ok {
		return fmt.Errorf("tenantId %.60q is not a directory ID", o.text("tenantId"))
	}
	if slices.ContainsFunc(s.Partners, func(p Organization) bool { return p.Tenant == string(tenant) }) {
		return fmt.Errorf("%s is there twice", tenant)
	}
	p, err := s.organization(string(tenant), o)
	if err != nil {
		return fmt.Errorf("%s: %w", tenant, err)
	}
	p.Tenant = string(tenant)
	s.Partners = append(s.Partners, p)
	return nil
}

func (s *Settings) addDefault(o object) error {
	if o["b2bCollaborationOutbound"] == nil && o["b2bCollaborationInbound"] == nil && o["tenantRestrictions"] == nil {
		return errors.New("is neither the default settings nor a partner's: it has no b2bCollaborationOutbound")
	}
	if s.Default != nil {
		return errors.New("is a second default")
	}
	d, err := s.organization("default", o)
	if err != nil {
		return err
	}
	if id, ok := tokens.ParseTenant(o.text("id")); ok {
		d.ID = string(id)
	}
	s.Default = &d
	return nil
}

// silent are members that say nothing of what may pass.
var silent = []string{"id", "tenantId", "isServiceDefault", "displayName", "createdDateTime", "modifiedDateTime", "deletedDateTime"}

// others are members that say something that a proxy has no part in, or cannot
// tell, and why.
var others = map[string]string{
	"inboundTrust":                                      "Entra's own decision at the sign-in",
	"automaticUserConsentSettings":                      "Entra's own decision at the sign-in",
	"invitationRedemptionIdentityProviderConfiguration": "Entra's own decision at the sign-in",
	"identitySynchronization":                           "no traffic of users",
	"isServiceProvider":                                 "a service provider's administrators are not told from other accounts",
	"isInMultiTenantOrganization":                       "members of a multitenant organization are not told from other guests",
	"b2bDirectConnectInbound":                           "direct connect is not told from collaboration: b2bCollaborationInbound decides",
	"b2bDirectConnectOutbound":                          "direct connect is not told from collaboration: b2bCollaborationOutbound decides",
}

func (s *Settings) organization(where string, o object) (Organization, error) {
	var made Organization
	var err error
	for _, name := range slices.Sorted(maps.Keys(o)) {
		value := o[name]
		switch {
		case strings.Contains(name, "@odata."), slices.Contains(silent, name), null(value):
		case name == "tenantRestrictions":
			made.TenantRestrictions, err = s.access(where, name, value)
		case name == "b2bCollaborationOutbound":
			made.Outbound, err = s.access(where, name, value)
		case name == "b2bCollaborationInbound":
			made.Inbound, err = s.access(where, name, value)
		case string(value) == "false", string(value) == "{}":
		case others[name] != "":
			s.note(where, "%s: %s", name, others[name])
		default:
			s.note(where, "%.60q is not known here", name)
		}
		if err != nil {
			return made, fmt.Errorf("%s: %w", name, err)
		}
	}
	if _, told := o["tenantRestrictions"]; !told {
		s.note(where, "tenantRestrictions is not there: Graph tells it under /beta only")
	}
	return made, nil
}

func null(value json.RawMessage) bool { return value == nil || string(value) == "null" }

func (o object) text(name string) string {
	var text string
	_ = json.Unmarshal(o[name], &text) // what is no text is empty
	return text
}

// exact refuses what is no JSON, and objects that have a name twice: of two
// readers one could take the first and one the last.
func exact(text []byte) error {
	if !json.Valid(text) {
		return errors.New("is not JSON")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	var open []map[string]bool // names of the objects around; nil for a list
	name := false              // a name may come next
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return errors.New("is not JSON")
		}
		if word, ok := t.(string); ok && name {
			names, folded := open[len(open)-1], strings.ToLower(word)
			if names[folded] {
				return fmt.Errorf("has %.60q twice in one object", word)
			}
			names[folded], name = true, false
			continue
		}
		switch t {
		case json.Delim('{'):
			open = append(open, map[string]bool{})
		case json.Delim('['):
			open = append(open, nil)
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		}
		name = len(open) > 0 && open[len(open)-1] != nil
	}
}
