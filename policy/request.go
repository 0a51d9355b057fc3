package policy

import (
	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/tokens"
)

// Request is what is known of one request on an intercepted connection.
type Request struct {
	Host          hosts.Name
	Plane         Plane
	Owner         tokens.Tenant   // the tenant that Host belongs to; empty if unknown
	Anonymous     bool            // the URL is an anonymous link or a guest's way into a meeting
	Organizer     tokens.Tenant   // the tenant that such a URL names; empty if it names none
	Uninspectable bool            // a body that may carry credentials could not be read
	Tokens        []*tokens.Token // every credential found
	Links         []Link          // every link that it would make
}

// DecideRequest decides one request. Each thing that was seen has a verdict,
// and the worst wins: nothing foreign is excused by something of ours.
//
//  1. every credential is judged by whose account it is and for whose resource
//  2. a body that nobody could inspect is judged like an unreadable credential
//  3. an anonymous link into an external tenant follows policy.anonymous
//  4. every link that it would make is judged by whose its ends are
//  5. a request without any of these is forwarded: the service will ask for a sign-in
func (p *Policy) DecideRequest(r Request) Verdict {
	v := Verdict{Action: Forward, Reason: NoCredential, Relation: None, Resource: r.Owner}
	if r.Plane == Auth {
		v.Reason = SignIn
	}
	for _, t := range r.Tokens {
		v = worse(v, p.judge(r, t))
	}
	if r.Uninspectable {
		v = worse(v, p.apply(p.defaults.Unreadable, Verdict{Reason: UninspectableBody, Relation: Unreadable}))
	}
	if r.Anonymous {
		v = worse(v, p.judgeAnonymous(r))
	}
	for _, l := range r.Links {
		v = worse(v, p.judgeLink(r, l))
	}
	return v
}

// judge decides one credential.
func (p *Policy) judge(r Request, t *tokens.Token) Verdict {
	switch {
	case t.Unreadable && r.Plane == Auth && t.Place != tokens.InResponse:
		// A sign-in host reads credentials of its own, such as client
		// assertions; the tag is what restricts there. What it issues is
		// another matter.
		return Verdict{Action: Forward, Reason: SignIn, Relation: None}
	case t.Kind == tokens.Key:
		return p.judgeKey(r)
	case t.Kind == tokens.Session:
		return p.judgeSession(r)
	case t.Unreadable || t.Tenant == "":
		return p.apply(p.defaults.Unreadable, Verdict{Reason: UnreadableCredential, Relation: Unreadable})
	}
	return p.judgeAccount(t)
}

// judgeAccount decides a readable token by its relation, in the order of the
// table in docs/architecture.md.
func (p *Policy) judgeAccount(t *tokens.Token) Verdict {
	v := Verdict{Resource: t.Tenant, Account: t.Account}
	switch {
	case t.Tenant == p.home && t.Account == p.home:
		v.Relation, v.Reason, v.Action = Home, HomeAccount, Forward
		return v
	case t.Tenant == p.home:
		v.Relation, v.Reason = Inbound, InboundAccount
		own, _ := p.settings(t.Account)
		return p.apply(own.Inbound, v)
	case t.Account == p.home:
		v.Relation, v.Reason = Outbound, OutboundAccount
		own, _ := p.settings(t.Tenant)
		return p.apply(own.Outbound, v)
	case personal(t.Tenant):
		v.Relation, v.Reason = Consumer, ConsumerAccount
	case t.Account == tokens.Consumer:
		// A personal account as a guest elsewhere needs both: the
		// organization it is used in, and personal accounts at all.
		v.Relation, v.Reason = Consumer, ConsumerAccount
		return worse(p.restrict(tokens.Consumer, t, v), p.restrict(t.Tenant, t, v))
	default:
		v.Relation, v.Reason = External, ExternalAccount
	}
	return p.restrict(t.Tenant, t, v)
}

func personal(t tokens.Tenant) bool { return t == tokens.Consumer || t == tokens.Passthrough }

// restrict applies the tenant restrictions of an external organization.
func (p *Policy) restrict(organization tokens.Tenant, t *tokens.Token, v Verdict) Verdict {
	own, apps := p.settings(organization)
	s := own.TenantRestrictions
	if s == Allow && !permitted(apps, t) {
		s = Deny
	}
	v = p.apply(s, v)
	if s == Allow && p.Partner(organization) {
		v.Reason = PartnerAccount
	}
	return v
}

func (p *Policy) judgeKey(r Request) Verdict {
	v := Verdict{Reason: ExternalKey, Relation: None, Resource: r.Owner}
	if r.Owner == p.home || r.Plane == Auth {
		v.Reason, v.Action = NoCredential, Forward
		return v
	}
	own, _ := p.settings(r.Owner)
	return p.apply(own.Keys, v)
}

func (p *Policy) judgeSession(r Request) Verdict {
	v := Verdict{Reason: ExternalSession, Relation: None, Resource: r.Owner}
	if r.Owner == p.home || r.Owner == "" || r.Plane == Auth {
		v.Reason, v.Action = NoCredential, Forward
		return v
	}
	own, _ := p.settings(r.Owner)
	return p.apply(own.Sessions, v)
}

func (p *Policy) judgeAnonymous(r Request) Verdict {
	owner := r.Organizer
	if owner == "" {
		owner = r.Owner
	}
	v := Verdict{Reason: AnonymousLink, Relation: None, Resource: owner}
	if owner == p.home {
		v.Reason, v.Action = NoCredential, Forward
		return v
	}
	own, _ := p.settings(owner)
	return p.apply(own.Anonymous, v)
}

// apply carries a setting out. Anything but Allow refuses.
func (p *Policy) apply(s Setting, v Verdict) Verdict {
	switch {
	case s == Allow:
		v.Action = Forward
	case p.observe:
		v.Action, v.Observed = Forward, true
	default:
		v.Action = Block
	}
	return v
}
