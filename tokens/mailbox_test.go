package tokens

import "testing"

func TestAMailboxIsReadFromItsHint(t *testing.T) {
	const tenant = "11111111-1111-1111-1111-111111111111"
	for _, c := range []struct {
		hint, user string
		tenant     Tenant
	}{
		{"UPN:ann@contoso.com", "ann@contoso.com", ""},
		{"upn: ann@contoso.com ", " ann@contoso.com", ""},
		{"Oid:22222222-2222-2222-2222-222222222222@" + tenant, "22222222-2222-2222-2222-222222222222", tenant},
		{"OID:7@{11111111-1111-1111-1111-111111111111}", "7", tenant},
		{"SMTP:ann@contoso.com", "ann@contoso.com", ""},
		{"ann@contoso.com", "ann@contoso.com", ""},
		{"ann", "ann", ""},
		{"ann@contoso.com:x", "ann@contoso.com:x", ""},
		{"PUID:10037FFE@" + tenant, "10037FFE", tenant},
		{"Oid:7@not-a-tenant", "7@not-a-tenant", ""},
		{"@" + tenant, "", tenant},
		{"", "", ""},
	} {
		user, tenant := Mailbox([]string{c.hint, "UPN:other@fabrikam.com"})
		if user != c.user || tenant != c.tenant {
			t.Errorf("%q: %q of %q", c.hint, user, tenant)
		}
	}
	if user, tenant := Mailbox(nil); user != "" || tenant != "" {
		t.Errorf("%q of %q without a hint", user, tenant)
	}
}
