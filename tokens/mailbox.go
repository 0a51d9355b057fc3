package tokens

import "strings"

// Mailbox returns whose mailbox a request says that it is for, in the lines of
// X-AnchorMailbox: Exchange's routing hint "UPN:ann@contoso.com" or "Oid:{id}@{directory ID}". It is no
// credential and decides nothing; what it says is the client's word. The forms
// are not documented, so whatever is not understood is the user as it stands.
func Mailbox(lines []string) (user string, tenant Tenant) {
	if len(lines) == 0 {
		return "", ""
	}
	user = strings.TrimSpace(lines[0])
	if form, rest, ok := strings.Cut(user, ":"); ok && !strings.Contains(form, "@") {
		user = rest
	}
	if at := strings.LastIndexByte(user, '@'); at >= 0 {
		if id, ok := ParseTenant(user[at+1:]); ok {
			return user[:at], id
		}
	}
	return user, ""
}
