package proxy

import (
	"errors"
	"net/http"
	"time"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/directory"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/tokens"
)

// forward decides, records and, if allowed, tags and forwards one request of
// an intercepted connection. In this order:
//
//  1. the request must be well formed, for its connection's own host, and
//     within what its client may have under way
//  2. every credential in it is found, and every link that it would make
//  3. the policy decides
//  4. what leaves is made: hop-by-hop fields removed, tags deleted, tags set
//  5. the record is kept; without it nothing passes
//  6. the request is refused, or it is sent and its answer passed on
func (s *Server) forward(w http.ResponseWriter, r *http.Request) {
	c := clientOf(r)
	s.doors.requests.pass(payer(c.from.Addr()), time.Now())
	defer c.framed.answered(r, c.framed.asks(r))
	rules := s.rules.Load()
	x := newExchange(s, rules, c, w, r)
	defer x.release()

	if reason, ok := x.screen(); !ok {
		x.refuse(policy.Verdict{Reason: reason})
		return
	}
	if !x.affords() {
		x.refuse(overloaded)
		return
	}
	v := x.judge()
	if !v.Blocked() {
		x.tag()
	}
	if err := x.record(v); err != nil {
		s.log().Error("record event", "host", x.host, "err", err)
		v = policy.Verdict{Reason: policy.NotRecorded}
	}
	if v.Action != policy.Forward {
		x.answer(v)
		return
	}
	x.send(v)
}

// judge finds the credentials of the request and the links that it would make,
// and asks the policy.
func (x *exchange) judge() policy.Verdict {
	if x.plane == policy.Other && x.rules.Policy.TaggedOnly(x.host) {
		return x.rules.Policy.DecideRequest(policy.Request{
			Host: x.host, Plane: x.plane, Anonymous: x.site.Anonymous(x.in.URL.Path), DNS: x.asksResolver(),
		})
	}
	give, ok := x.affordsBody()
	if !ok {
		return overloaded
	}
	defer give()
	done := x.inspecting()
	cutOff := x.readSignIn()
	found, err := x.tokens.Find(x.found[:0], x.in, &x.fields.credentials)
	made := x.wouldLink()
	done(errors.Join(cutOff, err))
	x.found = found
	q := policy.Request{
		Host: x.host, Plane: x.plane, Tokens: found,
		Uninspectable: err != nil, DNS: x.asksResolver(),
	}
	if cutOff != nil || errors.Is(err, tokens.ErrTooMany) {
		return policy.Verdict{Reason: policy.MalformedRequest}
	}
	q.Organizer, q.Anonymous = x.tokens.Anonymous(x.in.URL)
	if x.rules.Owner != nil && (q.Anonymous || needsOwner(found)) {
		q.Owner = x.rules.Owner(x.in.Context(), directory.Resource(x.host, x.in.URL.Path))
	}
	x.links = x.whose(made)
	q.Links = x.links
	return x.rules.Policy.DecideRequest(q)
}

// inspecting bounds the wait for a body that is looked into, until the
// returned function is called: for good, if the body could not be read.
func (x *exchange) inspecting() (done func(error)) {
	if x.w == nil || !hasBody(x.in) {
		return func(error) {}
	}
	control := http.NewResponseController(x.w)
	_ = control.SetReadDeadline(time.Now().Add(x.server.uploadIdle()))
	return func(err error) {
		if err == nil {
			_ = control.SetReadDeadline(time.Time{})
		}
	}
}

// needsOwner tells whether whose host it is could decide: only a credential
// without an account inside is judged by its host.
func needsOwner(found []*tokens.Token) bool {
	for _, t := range found {
		if t.Kind == tokens.Key || t.Kind == tokens.Session {
			return true
		}
	}
	return false
}

// record keeps the tenant event of a request, if its verdict is evidence:
// every sign-in that is tagged, and whatever an administrator decides on.
func (x *exchange) record(v policy.Verdict) error {
	x.verdict = v
	if !v.Relevant() && x.plane != policy.Auth {
		return nil
	}
	e := x.event(audit.Tenant)
	if v.Blocked() {
		e.Status = statusOf(v.Reason)
	}
	x.evidence = e.ID
	return x.server.record(e)
}

// refuse records v and answers it.
func (x *exchange) refuse(v policy.Verdict) {
	if err := x.record(v); err != nil {
		x.server.log().Error("record event", "host", x.host, "err", err)
	}
	x.answer(v)
}

// answer tells the client that, and why, its request goes no further.
func (x *exchange) answer(v policy.Verdict) {
	x.verdict = v
	refusal{Reason: v.Reason, Event: x.evidence, Host: string(x.host), request: x.in}.write(x.w)
	x.server.Metrics.request(x.plane, v)
}
