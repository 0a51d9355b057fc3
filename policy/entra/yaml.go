package entra

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/tenantgate/tenantgate/policy"
)

// WriteYAML writes s as the policy section of a configuration. What is not
// carried over stands in comments at its top.
func (s *Settings) WriteYAML(w io.Writer) error {
	var b bytes.Buffer
	b.WriteString("# Entra's cross-tenant access settings, as tenantgate policy import read them.\n")
	if id := s.PolicyID(); id != "" {
		fmt.Fprintf(&b, "# The default policy's id, which tenant.policy must be: %s\n", id)
	}
	if len(s.Notes) > 0 {
		b.WriteString("# Not carried over, or not exactly:\n")
	}
	for _, n := range s.Notes {
		fmt.Fprintf(&b, "#  - %s\n", oneLine(n.String()))
	}
	b.WriteString("policy:\n")
	if s.Default != nil && s.Default.said() {
		b.WriteString("  default:\n")
		s.Default.write(&b, "    ")
	}
	if len(s.Partners) == 0 {
		b.WriteString("  partners: []\n")
	} else {
		b.WriteString("  partners:\n")
	}
	for _, p := range s.Partners {
		fmt.Fprintf(&b, "    - tenant: %s\n", p.Tenant)
		p.write(&b, "      ")
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (o *Organization) said() bool {
	return o.TenantRestrictions.Said() || o.Outbound.Said() || o.Inbound.Said()
}

func (o *Organization) write(b *bytes.Buffer, indent string) {
	for _, s := range []struct {
		name string
		says policy.Access
	}{{"tenant_restrictions", o.TenantRestrictions}, {"outbound", o.Outbound}, {"inbound", o.Inbound}} {
		switch {
		case !s.says.Said():
			continue
		case s.says.Setting != "":
			fmt.Fprintf(b, "%s%s: %s\n", indent, s.name, s.says.Setting)
		default:
			fmt.Fprintf(b, "%s%s:\n", indent, s.name)
			writeSide(b, indent+"  ", "users", s.says.Users)
			writeSide(b, indent+"  ", "applications", s.says.Applications)
		}
	}
}

func writeSide(b *bytes.Buffer, indent, name string, t policy.Targets) {
	word, ids := policy.Allow, t.Allow
	if t.Block != nil {
		word, ids = policy.Deny, t.Block
	}
	switch {
	case t.Setting != "":
		fmt.Fprintf(b, "%s%s: %s\n", indent, name, t.Setting)
	case len(ids) > 0:
		fmt.Fprintf(b, "%s%s:\n%s  %s:\n", indent, name, indent, word)
		for _, id := range ids {
			fmt.Fprintf(b, "%s    - %s\n", indent, id)
		}
	}
}

// oneLine keeps a comment a comment, whatever Graph's text has in it.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == '\ufeff' || r >= 0x80 && r < 0xa0 {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}
