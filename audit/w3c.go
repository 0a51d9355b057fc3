package audit

import (
	"fmt"
	"strconv"
	"time"
)

// w3cFields are the fields of a line, in order (W3C Extended Log File Format,
// WD-logfile-960323). There is never a query.
const w3cFields = "date time time-taken c-ip cs-username s-action sc-status cs-method cs-uri-scheme cs-host cs-uri-port " +
	"cs-uri-path cs-uri-query cs(User-Agent) sc-bytes cs-bytes x-tenant-target x-tenant-decision x-tenant-reason x-event-id"

// w3cHeader begins a file.
func w3cHeader(now time.Time) []byte {
	return fmt.Appendf(nil, "#Version: 1.0\n#Software: tenantgate\n#Date: %s\n#Fields: %s\n", now.UTC().Format(time.DateTime), w3cFields)
}

// w3c renders an event as a line of the W3C Extended Log File Format. There is
// one for each request, as with squid.
func w3c(b []byte, t *told, _ []byte) []byte {
	if !t.last() {
		return b
	}
	at := t.Time.UTC()
	target := t.Own.ResourceTenant
	if target == "" {
		target = t.Own.ResourceDomain
	}
	for i, field := range []string{
		at.Format(time.DateOnly), at.Format(time.TimeOnly), strconv.FormatFloat(t.Event.Duration.Seconds(), 'f', 3, 64),
		t.Source.IP, t.User.Name, t.squidResult(), digits(t.HTTP.Response.Status), t.HTTP.Request.Method,
		t.URL.Scheme, t.Destination.Domain, digits(t.Destination.Port), t.URL.Path, "", t.Agent.Original,
		strconv.FormatInt(t.Destination.Bytes, 10), strconv.FormatInt(t.Source.Bytes, 10),
		target, t.Own.Verdict, t.Event.Reason, t.Event.ID,
	} {
		if i > 0 {
			b = append(b, ' ')
		}
		b = appendField(b, field, '+')
	}
	return b
}
