package audit

import "slices"

// OCSF 1.8.0. An event is HTTP Activity and nothing beside it, so that nothing
// counts twice; one about the log itself is a Base Event, which wants no request.
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
func ocsf(b []byte, t *told, _ []byte) []byte {
	o := newObject(b)
	o.class(t)
	o.always("time", max(t.Time.UnixMilli(), 0))
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
	if t.web() {
		o.network(t)
	}
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
	return o.end()
}

// web reports whether HTTP Activity can hold the event: it wants a request or
// an answer, and an end of the connection.
func (t *told) web() bool {
	asked := t.URL.Domain != "" || t.HTTP.Request.Method != "" || t.HTTP.Response.Status != 0
	return asked && (t.Source.IP != "" || t.Destination.IP != "" || t.Destination.Domain != "")
}

// class writes what kind of event it is.
func (o *object) class(t *told) {
	class, category, activity := ocsfHTTP, ocsfNetwork, slices.Index(ocsfMethods, t.HTTP.Request.Method)
	switch {
	case !t.web():
		class, category, activity = 0, 0, ocsfActivity
		o.text("activity_name", t.Event.Action)
	case activity == 0:
		activity = 1 // a tunnel or a connection: Connect
	case activity < 0:
		activity = ocsfActivity
		o.text("activity_name", t.HTTP.Request.Method)
	}
	o.always("activity_id", int64(activity))
	o.always("category_uid", int64(category))
	o.always("class_uid", int64(class))
	o.always("type_uid", int64(class*100+activity))
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

// network writes who asked whom for what. An actor is a user, and an identity
// provider has a name or an ID of its own.
func (o *object) network(t *told) {
	o.endpoint("src_endpoint", t.Source)
	o.endpoint("dst_endpoint", t.Destination)
	if t.User.Name != "" {
		o.within("actor", func(o *object) {
			o.within("user", func(o *object) { o.text("name", t.User.Name) })
			o.within("idp", func(o *object) {
				o.text("uid", t.Own.AccountTenant)
				o.text("tenant_uid", t.Own.AccountTenant)
			})
		})
	}
	o.within("http_request", func(o *object) {
		o.text("http_method", t.HTTP.Request.Method)
		o.text("uid", t.HTTP.Request.ID)
		o.text("user_agent", t.Agent.Original)
		o.text("version", t.HTTP.Version)
		if t.url() == "" {
			return
		}
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

// endpoint writes one end of a connection; nothing where only its port is known.
func (o *object) endpoint(name string, end toldEnd) {
	if end.IP == "" && end.Domain == "" {
		return
	}
	o.within(name, func(o *object) {
		o.text("hostname", end.Domain)
		o.text("ip", end.IP)
		o.number("port", int64(end.Port))
	})
}
