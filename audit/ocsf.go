package audit

import "slices"

// OCSF 1.8.0: HTTP Activity. An event of ours is always of this class, so that
// nothing counts twice.
const (
	ocsfVersion  = "1.8.0"
	ocsfHTTP     = 4002 // class_uid
	ocsfNetwork  = 4    // category_uid
	ocsfActivity = 99   // Other
)

// ocsfMethods are the activities of HTTP Activity by method.
var ocsfMethods = []string{"", "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT", "TRACE", "PATCH"}

// ocsf renders an event as OCSF 1.8.0 JSON with the profile security_control.
// What OCSF has no place for is in unmapped.
func ocsf(b, line []byte) ([]byte, error) {
	t, err := readTold(line)
	if err != nil {
		return b, err
	}
	o := newObject(b)
	activity := slices.Index(ocsfMethods, t.HTTP.Request.Method)
	switch {
	case activity == 0:
		activity = 1 // a tunnel or a connection: Connect
	case activity < 0:
		activity = ocsfActivity
		o.text("activity_name", t.HTTP.Request.Method)
	}
	o.always("activity_id", int64(activity))
	o.always("category_uid", ocsfNetwork)
	o.always("class_uid", ocsfHTTP)
	o.always("type_uid", int64(ocsfHTTP*100+activity))
	o.always("time", t.Time.UnixMilli())
	o.number("duration", t.Event.Duration.Milliseconds())
	o.text("message", t.name())
	o.verdict(t)
	o.within("metadata", func(o *object) {
		o.text("version", ocsfVersion)
		o.text("uid", t.Event.ID)
		o.always("sequence", int64(t.Own.Seq))
		o.text("correlation_uid", t.HTTP.Request.ID)
		o.text("tenant_uid", t.Own.HomeTenant)
		o.raw("profiles", []byte(`["security_control"]`))
		o.within("product", func(o *object) {
			o.text("name", "tenantgate")
			o.text("vendor_name", "tenantgate")
			o.text("version", t.Observer.Version)
		})
	})
	o.network(t)
	o.within("unmapped", func(o *object) {
		o.text("plane", t.Own.Plane)
		o.text("relation", t.Own.Relation)
		o.text("resource_tenant", t.Own.ResourceTenant)
		o.text("resource_domain", t.Own.ResourceDomain)
		o.text("account_tenant", t.Own.AccountTenant)
		account := t.account()
		o.text("claimed_user", account.User)
		o.text("claimed_app", account.App)
		o.text("credential_digest", account.Digest)
		o.text("completes", t.Own.Completes)
		o.number("count", int64(t.Own.Count))
	})
	return o.end(), nil
}

// verdict writes the profile security_control: action_id 1 allowed, 2 denied, 3
// observed, 4 modified; disposition_id 1 allowed, 2 blocked, 15 detected, 17
// logged, 18 tagged.
func (o *object) verdict(t *told) {
	action, disposition, severity, status := 1, 1, 1, 1
	switch {
	case t.about():
		action, disposition, severity = 3, 17, 3
	case t.denied():
		action, disposition, severity, status = 2, 2, 4, 2
	case t.Own.Observed:
		action, disposition, severity = 3, 15, 3
	case len(t.Own.Tags) > 0:
		action, disposition, severity = 4, 18, 2
	case t.Own.Kind == "tenant":
		severity = 2
	}
	o.always("action_id", int64(action))
	o.always("disposition_id", int64(disposition))
	o.always("severity_id", int64(severity))
	o.always("status_id", int64(status))
	o.text("status_detail", t.Event.Reason)
	o.flag("is_alert", t.Event.Kind == "alert")
	o.within("firewall_rule", func(o *object) {
		o.text("uid", t.Event.Reason)
		o.text("name", t.Event.Reason)
	})
}

// network writes who asked whom for what. The class wants http_request or
// http_response, and dst_endpoint.
func (o *object) network(t *told) {
	o.within("src_endpoint", func(o *object) {
		o.text("ip", t.Source.IP)
		o.number("port", int64(t.Source.Port))
	})
	o.within("dst_endpoint", func(o *object) {
		o.text("hostname", t.Destination.Domain)
		o.text("ip", t.Destination.IP)
		o.number("port", int64(t.Destination.Port))
	})
	o.within("actor", func(o *object) {
		o.within("user", func(o *object) { o.text("name", t.User.Name) })
		o.within("idp", func(o *object) { o.text("tenant_uid", t.Own.AccountTenant) })
	})
	o.within("http_request", func(o *object) {
		o.text("http_method", t.HTTP.Request.Method)
		o.text("uid", t.HTTP.Request.ID)
		o.text("user_agent", t.Agent.Original)
		o.text("version", t.HTTP.Version)
		o.within("url", func(o *object) {
			o.text("url_string", t.url())
			o.text("scheme", t.URL.Scheme)
			o.text("hostname", t.URL.Domain)
			o.text("path", t.URL.Path)
			o.number("port", int64(t.Destination.Port))
		})
	})
	o.within("http_response", func(o *object) { o.number("code", int64(t.HTTP.Response.Status)) })
	o.within("traffic", func(o *object) {
		o.number("bytes_in", t.Destination.Bytes)
		o.number("bytes_out", t.Source.Bytes)
	})
	o.within("tls", func(o *object) { o.text("version", t.TLS.Version) })
}
