package proxy

import (
	"time"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/tokens"
)

// record keeps e and counts it. It is the only way to the recorder for events
// that must be durable.
func (s *Server) record(e *audit.Event) error {
	if s.Recorder == nil {
		return errNoRecorder
	}
	return s.Recorder.Record(e)
}

// connEvent is the event of a connection's verdict.
func (s *Server) connEvent(c *client, rules *Rules, v policy.Verdict) *audit.Event {
	addr := ""
	if c.meant.IsValid() {
		addr = c.meant.Addr().String()
	}
	return &audit.Event{
		Kind: kindOf(v), ID: audit.NewID(), Time: time.Now(), Addr: addr,
		Action: connAction(v), Denied: v.Blocked(), Reason: string(v.Reason),
		Source: c.from, Host: c.dst.Host(), Port: c.dst.Port, UserAgent: c.agent,
		Plane: string(rules.Policy.Plane(c.dst.Name)), Mode: rules.mode(),
		Verdict: v.Action.String(), Observed: v.Observed,
		HomeTenant: string(rules.Policy.Home()), Relation: string(policy.None), Rule: v.Rule,
	}
}

// kindOf is how the event of a verdict is kept: evidence is a tenant event.
func kindOf(v policy.Verdict) audit.Kind {
	if v.Relevant() {
		return audit.Tenant
	}
	return audit.Access
}

func connAction(v policy.Verdict) string {
	switch v.Action {
	case policy.Tunnel:
		return "connection-tunnelled"
	case policy.Intercept:
		return "connection-intercepted"
	default:
		return "connection-blocked"
	}
}

// event is the event of a request as far as it has come. It is good until the
// next call: a recorder does not keep it.
func (x *exchange) event(kind audit.Kind) *audit.Event {
	v, r := &x.verdict, x.in
	e := &x.said
	*e = audit.Event{} // and field by field: a literal would be made beside it, and copied
	e.Kind, e.Action, e.Denied, e.Reason = kind, "request-forwarded", v.Blocked(), string(v.Reason)
	e.Source, e.Host, e.Port = x.client.from, string(x.host), x.client.dst.Port
	e.Scheme, e.Path, e.Method, e.Version = "https", r.URL.Path, methodOf(r.Method), version(r.ProtoMajor, r.ProtoMinor)
	e.UserAgent, e.RequestID = first(x.fields.agent), first(x.fields.id)
	e.Plane, e.Mode, e.Verdict, e.Observed = string(x.plane), x.rules.mode(), v.Action.String(), v.Observed
	e.Relation, e.Rule, e.HomeTenant = string(v.Relation), v.Rule, string(x.rules.Policy.Home())
	e.ResourceTenant, e.AccountTenant = string(v.Resource), string(v.Account)
	e.Tags, e.ClientTags = x.tags, x.clientTags
	e.Complete()
	if v.Relation == "" {
		e.Relation = string(policy.None)
	}
	switch {
	case v.Blocked():
		e.Action = "request-blocked"
	case len(x.tags) > 0:
		e.Action, e.Unknown = "request-tagged", kind == audit.Tenant
	}
	if x.action != "" {
		e.Action, e.Unknown = x.action, false
	}
	if x.plane == policy.Data {
		user, tenant := tokens.Mailbox(x.fields.mailbox)
		e.Mailbox = audit.Mailbox{User: user, Tenant: string(tenant)}
	}
	if x.plane == policy.Auth {
		e.Category = signInCategory
		x.tellSignIn(e)
	}
	e.Credentials, e.Links = x.credentials(kind), x.madeLinks()
	return e
}

// signInCategory is ECS's category of an event on a sign-in host.
var signInCategory = []string{"network", "web", "authentication"}

// credentials are those of the request, or of the answer, as events have them.
// Whoever shows evidence may keep it; nobody keeps the rest.
func (x *exchange) credentials(kind audit.Kind) []audit.Credential {
	n := len(x.found)
	if n == 0 {
		return nil
	}
	list := x.told[:]
	if kind == audit.Tenant || n > len(list) {
		list = make([]audit.Credential, n)
	}
	list = list[:n]
	for i, t := range x.found {
		list[i] = audit.Credential{
			Place: string(t.Place), Kind: string(t.Kind), Tenant: string(t.Tenant), IDP: t.IDP,
			App: t.App, User: t.User, Verified: t.Verified, Digest: t.Digest,
		}
	}
	return list
}

// finish records the access event of a request that was forwarded.
func (x *exchange) finish() {
	e := x.event(audit.Access)
	e.For = x.evidence
	if x.id != "" {
		e.ID = x.id
	}
	e.Status = x.status
	e.BytesIn, e.BytesOut = x.received.size()+x.uploaded, x.sent
	e.Duration = e.Time.Sub(x.start)
	e.Close, e.OriginTLS = x.why, x.agreed
	x.tellOutcome(e)
	if err := x.server.record(e); err != nil {
		x.server.log().Error("record event", "host", x.host, "err", err)
	}
	x.tally.request(x.verdict)
	x.tally.upstream(e.Duration)
}

// reference is the event that a refusal names: the evidence, or else the
// access event that is still to come.
func (x *exchange) reference() string {
	if x.evidence != "" {
		return x.evidence
	}
	if x.id == "" {
		x.id = audit.NewID()
	}
	return x.id
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

func version(major, minor int) string {
	switch {
	case major == 2:
		return "2"
	case minor == 0:
		return "1.0"
	default:
		return "1.1"
	}
}
