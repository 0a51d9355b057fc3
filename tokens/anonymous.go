package tokens

import (
	"encoding/json"
	"net/url"
	"path"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
)

// sharePoint are the hosts of SharePoint and OneDrive for work.
var sharePoint = hosts.MustParseSet("*.sharepoint.com", "*.sharepoint.us", "*.sharepoint-mil.us", "*.sharepoint.cn", "*.sharepoint.de")

// teams are the hosts of Teams meetings.
var teams = hosts.MustParseSet("teams.microsoft.com", "teams.cloud.microsoft", "gov.teams.microsoft.us", "dod.teams.microsoft.us")

// Anonymous tells whether a URL opens something without an account: an
// anyone-link of SharePoint or OneDrive, or a guest's way into a Teams
// meeting. It returns the tenant that the URL itself names, if it names one.
// The shapes are not documented by Microsoft; one that has changed is only
// not recognized, and the credentials of the request are judged all the same.
func Anonymous(n hosts.Name, u *url.URL) (Tenant, bool) {
	switch {
	case sharePoint.Has(n):
		return "", anyoneLink(canonical(u))
	case teams.Has(n):
		return meetingJoin(canonical(u), u)
	default:
		return "", false
	}
}

// canonical is the path as a lenient origin reads it: letter case, doubled
// slashes and dots make no other one.
func canonical(u *url.URL) string { return path.Clean(strings.ToLower("/" + u.Path)) }

// anyoneLink recognizes /:w:/g/…, /:f:/s/…, /:x:/p/… and the older
// guestaccess.aspx; /:w:/r/… is a link for people who sign in.
func anyoneLink(path string) bool {
	if len(path) > 6 && path[0] == '/' && path[1] == ':' && path[3] == ':' && path[4] == '/' {
		kind := path[5]
		return (kind == 'g' || kind == 's' || kind == 'p') && path[6] == '/'
	}
	return len(path) >= 18 && strings.HasSuffix(path, "/guestaccess.aspx")
}

// meetingJoin recognizes /l/meetup-join/…?context={"Tid":…} and anon=true.
func meetingJoin(path string, u *url.URL) (Tenant, bool) {
	if u.RawQuery == "" {
		return "", false
	}
	join := strings.HasPrefix(path, "/l/meetup-join/")
	if !join && !strings.Contains(strings.ToLower(u.RawQuery), "anon") {
		return "", false
	}
	q := u.Query()
	var context struct{ Tid string }
	if err := json.Unmarshal([]byte(q.Get("context")), &context); err == nil {
		if t, ok := ParseTenant(context.Tid); ok {
			return t, true
		}
	}
	return "", strings.EqualFold(q.Get("anon"), "true")
}
