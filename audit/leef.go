package audit

import (
	"strconv"
	"strings"
)

// leefDelimiter stands between the pairs. LEEF has no escaping at all: where a
// value has the delimiter or a newline, a space stands instead.
const leefDelimiter = "\t"

var (
	leefValue  = strings.NewReplacer(leefDelimiter, " ", "\r", " ", "\n", " ")
	leefHeader = strings.NewReplacer("|", "/", leefDelimiter, " ", "\r", " ", "\n", " ")
)

// leef renders an event in IBM QRadar's Log Event Extended Format 2.0. The
// event's ID is its action, which together with cat finds the QID: neither
// changes from version to version.
func leef(b []byte, t *told, _ []byte) []byte {
	b = append(b, "LEEF:2.0|tenantgate|tenantgate|"...)
	b = append(b, leefHeader.Replace(shown(t.Observer.Version))...)
	b = append(b, '|')
	b = append(b, leefHeader.Replace(shown(t.Event.Action))...)
	b = append(b, "|x09|"...)
	account := t.account()
	for i, pair := range [][2]string{
		{"cat", t.Own.Kind},
		{"devTime", strconv.FormatInt(t.Time.UnixMilli(), 10)},
		{"sev", strconv.Itoa(max(t.severity(), 1))},
		{"eventUid", t.Event.ID},
		{"identHostName", t.Observer.Hostname},
		{"src", t.Source.IP}, {"srcPort", digits(t.Source.Port)}, {"srcBytes", digits(int(t.Source.Bytes))},
		{"usrName", t.User.Name},
		{"dst", t.Destination.IP}, {"dstPort", digits(t.Destination.Port)}, {"dstBytes", digits(int(t.Destination.Bytes))},
		{"url", t.url()}, {"method", t.HTTP.Request.Method}, {"userAgent", t.Agent.Original}, {"httpStatus", digits(t.HTTP.Response.Status)},
		{"policy", t.Event.Reason}, {"action", t.Own.Verdict}, {"outcome", t.Event.Outcome}, {"plane", t.Own.Plane},
		{"relation", t.Own.Relation}, {"homeTenant", t.Own.HomeTenant}, {"resourceTenant", t.Own.ResourceTenant},
		{"resourceDomain", t.Own.ResourceDomain}, {"accountTenant", t.Own.AccountTenant}, {"claimedUser", account.User},
		{"app", account.App}, {"credentialDigest", account.Digest}, {"clientRequestId", t.HTTP.Request.ID}, {"count", digits(int(t.Own.Count))},
	} {
		if pair[1] == "" {
			continue
		}
		if i > 0 {
			b = append(b, leefDelimiter...)
		}
		b = append(append(b, pair[0]...), '=')
		b = append(b, leefValue.Replace(shown(pair[1]))...)
	}
	return b
}

// digits is n, or nothing where that is 0.
func digits(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}
