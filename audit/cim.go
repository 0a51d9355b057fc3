package audit

import "strconv"

// cim adds the names of Splunk's Common Information Model, data model Web, to
// an event, so that searches over the model work without an add-on. The event
// itself is below "ecs_event".
func cim(b []byte, t *told, line []byte) []byte {
	o := newObject(b)
	action := "allowed"
	if t.denied() {
		action = "blocked"
	}
	o.text("action", action)
	o.text("vendor_product", "tenantgate")
	o.text("event_id", t.Event.ID)
	o.text("dvc", t.Observer.Hostname)
	o.text("src", t.Source.IP)
	o.number("src_port", int64(t.Source.Port))
	o.text("user", t.User.Name)
	o.text("dest", t.Destination.Domain)
	o.text("dest_ip", t.Destination.IP)
	o.number("dest_port", int64(t.Destination.Port))
	o.text("url", t.url())
	o.text("url_domain", t.URL.Domain)
	o.text("uri_path", t.URL.Path)
	o.number("url_length", int64(len(t.url())))
	o.text("http_method", t.HTTP.Request.Method)
	o.text("http_user_agent", t.Agent.Original)
	o.number("http_user_agent_length", int64(len(t.Agent.Original)))
	if t.HTTP.Response.Status != 0 {
		o.text("status", strconv.Itoa(t.HTTP.Response.Status))
	}
	o.number("bytes_in", t.Source.Bytes)
	o.number("bytes_out", t.Destination.Bytes)
	o.number("bytes", t.Source.Bytes+t.Destination.Bytes)
	o.number("duration", t.Event.Duration.Milliseconds())
	o.text("category", t.Own.Relation)
	o.text("signature", t.Event.Reason)
	o.text("tenant_id", t.Own.ResourceTenant)
	event, _ := native(nil, line)
	o.raw("ecs_event", event)
	return o.end()
}
