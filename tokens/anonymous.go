package tokens

import (
	"net/url"
	"path"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
)

// openings are the hosts that let somebody in without an account, and how
// their URLs tell: an anyone-link or a guest's link of SharePoint or OneDrive,
// a form, a guest's way into a Teams meeting. None of the shapes is documented by
// Microsoft; one that has changed is only not recognized, and the credentials
// of the request are judged all the same.
var openings = []struct {
	hosts hosts.Set
	opens opening
}{
	{hosts.MustParseSet("*.sharepoint.com", "*.sharepoint.us", "*.sharepoint-mil.us", "*.sharepoint.cn", "*.sharepoint.de"), anyoneLink},
	{hosts.MustParseSet("teams.microsoft.com", "teams.cloud.microsoft", "gov.teams.microsoft.us", "dod.teams.microsoft.us"), meetingJoin},
	{hosts.MustParseSet("forms.office.com", "forms.cloud.microsoft", "forms.office365.us", "forms.osi.office365.us"), formLink},
	{hosts.MustParseSet("teams.live.com"), consumerMeeting},
	{hosts.MustParseSet("onedrive.live.com", "api.onedrive.com", "skyapi.onedrive.live.com"), consumerLink},
}

// opening tells whether a URL, and its canonical path, opens something, and
// the tenant that it names.
type opening func(path string, u *url.URL) (Tenant, bool)

// openingOf returns how the URLs of n tell; nil if nothing is open there.
func openingOf(n hosts.Name) opening {
	for i := range openings {
		if openings[i].hosts.Has(n) {
			return openings[i].opens
		}
	}
	return nil
}

// canonical is the path as a lenient origin reads it: letter case, doubled
// slashes and dots make no other one.
func canonical(u *url.URL) string { return path.Clean(strings.ToLower("/" + u.Path)) }

// anyoneLink recognizes /:w:/g/…, /:f:/s/…, /:x:/p/…, the older
// guestaccess.aspx and a download by ?share=; /:w:/r/… is a link for people who
// sign in.
func anyoneLink(path string, u *url.URL) (Tenant, bool) {
	if kind, ok := linkKind(path); ok {
		return "", kind == 'g' || kind == 's' || kind == 'p'
	}
	shared := strings.HasSuffix(path, "/_layouts/15/download.aspx") && u.RawQuery != "" && parameter(u, "share") != ""
	return "", shared || strings.HasSuffix(path, "/guestaccess.aspx")
}

// linkKind returns the letter behind the application of /:w:/g/… in a canonical
// path.
func linkKind(path string) (kind byte, ok bool) {
	if len(path) > 6 && path[1] == ':' && path[3] == ':' && path[4] == '/' && path[6] == '/' {
		return path[5], true
	}
	return kind, false
}

// consumerLink recognizes a link to a personal account's file: ?authkey=, and
// the newer shape that SharePoint has too.
func consumerLink(path string, u *url.URL) (Tenant, bool) {
	_, ok := linkKind(path)
	return Consumer, ok || u.RawQuery != "" && parameter(u, "authkey") != ""
}

// parameter returns the first value of a parameter, whatever its letter case.
func parameter(u *url.URL, name string) string {
	for pair := range strings.FieldsFuncSeq(u.RawQuery, func(r rune) bool { return r == '&' || r == ';' }) {
		key, value, _ := strings.Cut(pair, "=")
		if strings.EqualFold(unescape(key), name) {
			if plain, err := url.QueryUnescape(value); err == nil {
				return plain
			}
			return unescape(value)
		}
	}
	return ""
}
