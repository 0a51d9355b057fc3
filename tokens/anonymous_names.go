package tokens

import (
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
)

// maxLink is how long a name inside a link may be.
const maxLink = 4 << 10

// meetingJoin recognizes the ways of a guest into a meeting, each of which
// names the organizer's tenant: /l/meetup-join/…?context={"Tid":…}, the launcher
// that holds it as its url, and the light client with coords. anon=true marks a
// guest where the tenant is not named.
func meetingJoin(path string, u *url.URL) (Tenant, bool) {
	switch {
	case u.RawQuery == "":
		return "", false
	case strings.HasPrefix(path, "/l/meetup-join/"):
		t, ok := contextTenant(parameter(u, "context"))
		return t, ok || isTrue(parameter(u, "anon"))
	case strings.HasPrefix(path, "/light-meetings/"), strings.HasPrefix(path, "/dl/launcher"):
		t, ok := insideTenant(u)
		return t, ok || isTrue(parameter(u, "anon")) || isTrue(parameter(u, "anonymous"))
	}
	if !isTrue(parameter(u, "anon")) {
		return "", false
	}
	t, _ := contextTenant(parameter(u, "context"))
	return t, true
}

// consumerMeeting is a meeting that a personal account organizes.
func consumerMeeting(path string, _ *url.URL) (Tenant, bool) {
	return Consumer, strings.HasPrefix(path, "/meet/") || strings.HasPrefix(path, "/l/meetup-join/")
}

func isTrue(s string) bool { return strings.EqualFold(s, "true") || s == "1" }

// insideTenant reads the link inside the launcher's url, behind its fragment
// mark perhaps, and the coordinates of the light client.
func insideTenant(u *url.URL) (Tenant, bool) {
	if _, raw, ok := strings.Cut(parameter(u, "url"), "?"); ok {
		return contextTenant(parameter(&url.URL{RawQuery: raw}, "context"))
	}
	if raw, ok := unbase64(parameter(u, "coords")); ok {
		return contextTenant(string(raw))
	}
	return "", false
}

// contextTenant reads {"Tid":…} or {"tenantId":…}.
func contextTenant(text string) (Tenant, bool) {
	var context struct{ Tid, TenantID string }
	if len(text) > maxLink || json.Unmarshal([]byte(text), &context) != nil {
		return "", false
	}
	return ParseTenant(or(context.Tid, context.TenantID))
}

// formLink recognizes a form that is filled in: ResponsePage.aspx?id=…, whose id
// begins with its owner's tenant, and the calls of that page, which name the
// tenant in their path. A short link (/r/…) leads to such a page.
func formLink(path string, u *url.URL) (Tenant, bool) {
	if rest, ok := strings.CutPrefix(path, "/formapi/api/"); ok {
		first, _, _ := strings.Cut(rest, "/")
		return ParseTenant(first)
	}
	if strings.HasSuffix(path, "/responsepage.aspx") && u.RawQuery != "" {
		return formTenant(parameter(u, "id"))
	}
	return "", false
}

// formTenant reads the first 16 octets of a form's id, which are a GUID as .NET
// writes it into bytes: the first three groups backwards.
func formTenant(id string) (Tenant, bool) {
	const chars = 22 // of base64 for 16 octets
	if len(id) < chars {
		return "", false
	}
	raw, ok := unbase64(id[:chars])
	if !ok || len(raw) != 16 {
		return "", false
	}
	order := [16]int{3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15}
	var guid [16]byte
	for i, from := range order {
		guid[i] = raw[from]
	}
	return ParseTenant(hex.EncodeToString(guid[:]))
}
