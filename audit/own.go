package audit

import (
	"encoding/hex"
	"strconv"
	"time"
)

// own writes the object tenantgate but for its closing brace. Uptime is the
// monotonic clock: beside @timestamp it shows when that clock was set.
func (x *encoder) own(e *Event, uptime time.Duration) {
	x.raw(`,"tenantgate":{"kind":"`)
	x.raw(e.Kind.String())
	x.raw(`","seq":`)
	x.seqAt = len(x.b)
	x.ruling(&ruling{
		plane: e.Plane, mode: e.Mode, verdict: e.Verdict, observed: e.Observed, reason: e.Reason,
		relation: e.Relation, rule: e.Rule, home: e.HomeTenant,
	})
	x.raw(`,"resource_tenant":`)
	x.text("tenantgate.resource_tenant", e.ResourceTenant, x.lim.claim)
	x.optional(`,"resource_domain":`, "tenantgate.resource_domain", e.ResourceDomain, ``)
	x.raw(`,"account_tenant":`)
	x.text("tenantgate.account_tenant", e.AccountTenant, x.lim.claim)
	x.raw(`,"credentials":[`)
	for i := range x.first(len(e.Credentials)) {
		x.credential(i, &e.Credentials[i])
	}
	x.raw(`]`)
	x.links(e.Links)
	x.mailbox(&e.Mailbox)
	x.raw(`,"tags":`)
	x.words(e.Tags)
	x.raw(`,"client_tags":`)
	x.texts("tenantgate.client_tags", e.ClientTags)
	x.optional(`,"close_reason":`, "tenantgate.close_reason", e.Close, ``)
	x.originTLS(&e.OriginTLS)
	x.optional(`,"client_hello":`, "tenantgate.client_hello", e.ClientHello, ``)
	x.optional(`,"completes":`, "tenantgate.completes", e.For, ``)
	x.signIn(&e.SignIn)
	x.entra(&e.Entra)
	x.number(`,"uptime":`, int64(uptime))
	x.remarks(e)
}

// A ruling is what an event says of the proxy's decision. Few differ.
type ruling struct {
	plane, mode, verdict, reason, relation, rule, home string
	observed                                           bool
}

// ruling writes r, and copies what it wrote for the last event if that had the
// same. It remembers nothing that another part of the line tells of: that
// something was cut, or was not UTF-8.
func (x *encoder) ruling(r *ruling) {
	if *r == x.last && len(x.ruled) > 0 && !x.truncated {
		x.b = append(x.b, x.ruled...)
		return
	}
	from := len(x.b)
	x.field(`,"plane":`, r.plane)
	x.field(`,"mode":`, r.mode)
	x.field(`,"verdict":`, r.verdict)
	x.flag(`,"observed":`, r.observed)
	x.field(`,"reason":`, r.reason)
	x.field(`,"relation":`, r.relation)
	x.optional(`,"rule":`, "tenantgate.rule", r.rule, ``)
	x.field(`,"home_tenant":`, r.home)
	if !x.truncated && len(x.originals) == 0 {
		x.last, x.ruled = *r, append(x.ruled[:0], x.b[from:]...)
	}
}

// String returns the kind's name in events.
func (k Kind) String() string {
	if k == Tenant {
		return "tenant"
	}
	return "access"
}

func (x *encoder) credential(i int, c *Credential) {
	if i > 0 {
		x.raw(`,`)
	}
	x.field(`{"place":`, c.Place)
	x.field(`,"kind":`, c.Kind)
	x.raw(`,"tenant":`)
	x.text("tenantgate.credentials.tenant", c.Tenant, x.lim.claim)
	x.raw(`,"idp":`)
	x.text("tenantgate.credentials.idp", c.IDP, x.lim.claim)
	x.raw(`,"app":`)
	x.text("tenantgate.credentials.app", c.App, x.lim.claim)
	x.raw(`,"user":`)
	x.text("tenantgate.credentials.user", c.User, x.lim.claim)
	x.flag(`,"verified":`, c.Verified)
	x.field(`,"digest":`, c.Digest)
	x.raw(`}`)
}

func (x *encoder) mailbox(m *Mailbox) {
	if *m == (Mailbox{}) {
		return
	}
	x.raw(`,"mailbox":{"user":`)
	x.text("tenantgate.mailbox.user", m.User, x.lim.claim)
	x.raw(`,"tenant":`)
	x.text("tenantgate.mailbox.tenant", m.Tenant, x.lim.claim)
	x.raw(`}`)
}

func (x *encoder) originTLS(o *OriginTLS) {
	if o.empty() {
		return
	}
	x.field(`,"origin_tls":{"version":`, o.Version)
	x.field(`,"cipher":`, o.Cipher)
	x.optional(`,"revocation":`, "tenantgate.origin_tls.revocation", o.Revocation, ``)
	x.raw(`}`)
}

func (x *encoder) signIn(s *SignIn) {
	if s.empty() {
		return
	}
	x.field(`,"sign_in":{"flow":`, s.Flow)
	x.optional(`,"attempt":`, "tenantgate.sign_in.attempt", s.Attempt, ``)
	x.optional(`,"account":`, "tenantgate.sign_in.account", s.Account, ``)
	x.optional(`,"tenant":`, "tenantgate.sign_in.tenant", s.Tenant, ``)
	x.optional(`,"domain":`, "tenantgate.sign_in.domain", s.Domain, ``)
	x.optional(`,"app":`, "tenantgate.sign_in.app", s.App, ``)
	x.optional(`,"app_name":`, "tenantgate.sign_in.app_name", s.AppName, ``)
	x.raw(`}`)
}

func (x *encoder) entra(a *Entra) {
	if a.empty() {
		return
	}
	x.flag(`,"entra":{"blocked":`, a.Blocked)
	x.optional(`,"code":`, "tenantgate.entra.code", a.Code, ``)
	x.optional(`,"request_id":`, "tenantgate.entra.request_id", a.RequestID, ``)
	x.optional(`,"correlation_id":`, "tenantgate.entra.correlation_id", a.CorrelationID, ``)
	x.raw(`}`)
}

// links writes what a request would tie together; nothing if that is nothing.
func (x *encoder) links(list []Link) {
	if len(list) == 0 {
		return
	}
	x.raw(`,"links":[`)
	for i := range x.first(len(list)) {
		if i > 0 {
			x.raw(`,`)
		}
		l := &list[i]
		x.field(`{"kind":`, l.Kind)
		x.raw(`,"resource":`)
		x.text("tenantgate.links.resource", l.Resource, x.lim.text)
		x.raw(`,"target":`)
		x.text("tenantgate.links.target", l.Target, x.lim.text)
		x.raw(`,"tenant":`)
		x.text("tenantgate.links.tenant", l.Tenant, x.lim.claim)
		x.raw(`}`)
	}
	x.raw(`]`)
}

// remarks says what the encoding could not keep.
func (x *encoder) remarks(e *Event) {
	x.optional(`,"sink":`, "tenantgate.sink", e.Sink, ``)
	if e.Count > 0 {
		x.raw(`,"count":`)
		x.b = strconv.AppendUint(x.b, e.Count, 10)
	}
	if len(x.originals) > 0 {
		x.raw(`,"invalid_utf8":[`)
		for i, o := range x.originals {
			if i > 0 {
				x.raw(`,`)
			}
			x.raw(`{"field":"`)
			x.raw(o.field)
			x.raw(`","hex":"`)
			x.b = hex.AppendEncode(x.b, []byte(o.text))
			x.raw(`"}`)
		}
		x.raw(`]`)
	}
	if x.truncated {
		x.raw(`,"truncated":true`)
	}
}

// field writes a key and a text that is the proxy's own.
func (x *encoder) field(key, s string) {
	x.b = append(x.b, key...)
	x.word(s)
}

func (x *encoder) flag(key string, set bool) {
	x.b = append(x.b, key...)
	x.b = strconv.AppendBool(x.b, set)
}

// first returns how many of n elements of a list are written.
func (x *encoder) first(n int) int {
	if n > x.lim.list {
		x.truncated = true
		return x.lim.list
	}
	return n
}

// words writes a list of texts that are the proxy's own.
func (x *encoder) words(list []string) {
	x.b = append(x.b, '[')
	for i := range x.first(len(list)) {
		if i > 0 {
			x.b = append(x.b, ',')
		}
		x.word(list[i])
	}
	x.b = append(x.b, ']')
}

// texts writes a list of texts from a client.
func (x *encoder) texts(field string, list []string) {
	x.b = append(x.b, '[')
	for i := range x.first(len(list)) {
		if i > 0 {
			x.b = append(x.b, ',')
		}
		x.text(field, list[i], x.lim.claim)
	}
	x.b = append(x.b, ']')
}
