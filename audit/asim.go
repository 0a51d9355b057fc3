package audit

import (
	"strconv"
	"strings"
)

// asim renders an event in the columns of Microsoft Sentinel's Advanced
// Security Information Model: schema WebSession 0.2.6, and Authentication 0.1.3
// for an attempt on a sign-in host. The names that Azure Monitor keeps for
// itself (TenantId, Type, anything that begins with resource or subscription)
// are not among them.
func asim(b []byte, t *told, line []byte) []byte {
	o := newObject(b)
	o.text("TimeGenerated", t.Time.UTC().Format("2006-01-02T15:04:05.000000Z"))
	o.text("EventStartTime", t.Time.Add(-t.Event.Duration).UTC().Format("2006-01-02T15:04:05.000000Z"))
	o.text("EventEndTime", t.Time.UTC().Format("2006-01-02T15:04:05.000000Z"))
	o.always("EventCount", 1)
	o.text("EventVendor", "tenantgate")
	o.text("EventProduct", "tenantgate")
	o.text("EventProductVersion", t.Observer.Version)
	o.text("EventUid", t.Event.ID)
	o.text("EventOriginalUid", t.HTTP.Request.ID)
	o.text("EventOriginalType", t.Event.Action)
	o.text("EventOriginalResultDetails", t.Event.Reason)
	o.text("DvcHostname", t.Observer.Hostname)
	o.text("Dvc", t.Observer.Hostname)
	o.text("RuleName", t.Event.Reason)
	o.asimOutcome(t)
	o.asimNetwork(t)
	o.asimTenants(t)
	event, _ := native(nil, line)
	o.raw("AdditionalFields", event)
	return o.end()
}

func (o *object) asimOutcome(t *told) {
	result, action, severity := "Success", "Allow", "Informational"
	switch {
	case t.denied():
		result, action, severity = "Failure", "Deny", "High"
	case t.Own.Observed:
		severity = "Medium"
	case t.Event.Outcome == "unknown":
		result, severity = "NA", "Low"
	}
	o.text("EventResult", result)
	o.text("DvcAction", action)
	o.text("EventSeverity", severity)
	if t.Own.Plane == "auth" && t.Event.Kind == "alert" {
		o.text("EventType", "Logon")
		o.text("EventSchema", "Authentication")
		o.text("EventSchemaVersion", "0.1.3")
		o.text("EventResultDetails", "Logon violates policy")
		o.text("LogonProtocol", "OAuth2")
		return
	}
	o.text("EventType", "HTTPsession")
	o.text("EventSchema", "WebSession")
	o.text("EventSchemaVersion", "0.2.6")
	if t.HTTP.Response.Status != 0 {
		o.text("EventResultDetails", strconv.Itoa(t.HTTP.Response.Status))
	}
}

func (o *object) asimNetwork(t *told) {
	o.text("SrcIpAddr", t.Source.IP)
	o.number("SrcPortNumber", int64(t.Source.Port))
	o.text("SrcUsername", t.User.Name)
	if t.User.Name != "" {
		o.text("SrcUsernameType", usernameType(t.User.Name))
	}
	o.text("DstIpAddr", t.Destination.IP)
	o.number("DstPortNumber", int64(t.Destination.Port))
	o.text("DstFQDN", t.Destination.Domain)
	o.text("Url", t.url())
	o.text("HttpHost", t.URL.Domain)
	o.text("HttpRequestMethod", t.HTTP.Request.Method)
	o.text("HttpVersion", t.HTTP.Version)
	o.text("HttpUserAgent", t.Agent.Original)
	o.number("SrcBytes", t.Source.Bytes)
	o.number("DstBytes", t.Destination.Bytes)
	o.number("NetworkDuration", t.Event.Duration.Milliseconds())
	o.text("NetworkDirection", "Outbound")
}

// asimTenants writes what no column of ASIM is for, and whose account it was.
func (o *object) asimTenants(t *told) {
	account := t.account()
	o.text("TargetUserScopeId", t.Own.AccountTenant)
	o.text("TargetUsername", account.User)
	if account.User != "" {
		o.text("TargetUsernameType", usernameType(account.User))
	}
	o.text("TargetAppId", account.App)
	o.text("HomeTenantId", t.Own.HomeTenant)
	o.text("TargetTenantId", t.Own.ResourceTenant)
	o.text("TargetTenantDomain", t.Own.ResourceDomain)
	o.text("AccountTenantId", t.Own.AccountTenant)
	o.text("TenantRelation", t.Own.Relation)
	o.text("TrafficPlane", t.Own.Plane)
	o.flag("WouldBlock", t.Own.Observed)
	o.text("CompletesEventUid", t.Own.Completes)
	o.always("SequenceNumber", int64(t.Own.Seq))
}

// usernameType is ASIM's word for the form of a name.
func usernameType(name string) string {
	switch {
	case strings.Contains(name, "@"):
		return "UPN"
	case strings.Contains(name, `\`):
		return "Windows"
	}
	return "Simple"
}
