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
	DNS           bool            // a question to somebody's resolver
}

// DecideRequest decides one request. Each thing that was seen has a verdict,
// and the worst wins: nothing foreign is excused by something of ours.
//
//  1. every credential is judged by whose account it is and for whose resource
//  2. a body that nobody could inspect is judged like an unreadable credential
//  3. an anonymous link into an external tenant follows policy.anonymous
//  4. every link that it would make is judged by whose its ends are
//  5. a question to somebody's resolver follows policy.encrypted_dns
//  6. a request without any of these is forwarded: the service will ask for a
//     sign-in, or decide by the tag
func (p *Policy) DecideRequest(r Request) Verdict {
	v := Verdict{Action: Forward, Reason: NoCredential, Relation: None, Resource: r.Owner}
	switch r.Plane {
	case Auth:
		v.Reason = SignIn
	case Other:
		v.Reason = OtherProvider
	}
	for _, t := range r.Tokens {
		v = worse(v, p.judge(r, t))
	}
	if r.Uninspectable {
		v = worse(v, p.apply(p.unreadable, Verdict{Reason: UninspectableBody, Relation: Unreadable}))
	}
	if r.Anonymous {
		v = worse(v, p.judgeAnonymous(r))
	}
	for _, l := range r.Links {
		v = worse(v, p.judgeLink(r, l))
	}
	if r.DNS {
		asked := p.judgeEncryptedDNS(Forward)
		asked.Relation = None
		v = worse(v, asked)
	}
	return v
}

// DecideToken decides one credential of r as if it were alone.
func (p *Policy) DecideToken(r Request, t *tokens.Token) Verdict { return p.judge(r, t) }

// DecideLink decides one link of r as if it were alone.
func (p *Policy) DecideLink(r Request, l Link) Verdict { return p.judgeLink(r, l) }

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
		return p.apply(p.unreadable, Verdict{Reason: UnreadableCredential, Relation: Unreadable})
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
		return p.admit(&p.settings(t.Account).inbound, t, t.HomeObject, v)
	case t.Account == p.home:
		v.Relation, v.Reason = Outbound, OutboundAccount
		return p.admit(&p.settings(t.Tenant).outbound, t, t.HomeObject, v)
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

// restrict applies the tenant restrictions of an external organization. They
// name its users by their objects there.
func (p *Policy) restrict(organization tokens.Tenant, t *tokens.Token, v Verdict) Verdict {
	s, at := p.settings(organization).restrictions.decide(t, t.Object)
	v = p.apply(rule{s, at}, v)
	if s == Allow && p.Partner(organization) {
		v.Reason = PartnerAccount
	}
	return v
}

// admit applies an outbound or inbound setting. Both name users by their
// objects in the tenant they come from.
func (p *Policy) admit(a *access, t *tokens.Token, object string, v Verdict) Verdict {
	s, at := a.decide(t, object)
	return p.apply(rule{s, at}, v)
}

func (p *Policy) judgeKey(r Request) Verdict {
	v := Verdict{Reason: ExternalKey, Relation: None, Resource: r.Owner}
	if r.Owner == p.home || r.Plane == Auth {
		v.Reason, v.Action = NoCredential, Forward
		return v
	}
	return p.apply(p.settings(r.Owner).keys, v)
}

func (p *Policy) judgeSession(r Request) Verdict {
	v := Verdict{Reason: ExternalSession, Relation: None, Resource: r.Owner}
	if r.Owner == p.home || r.Owner == "" || r.Plane == Auth {
		v.Reason, v.Action = NoCredential, Forward
		return v
	}
	return p.apply(p.settings(r.Owner).sessions, v)
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
	return p.apply(p.settings(owner).anonymous, v)
}

// apply carries a setting out and names it. Anything but Allow refuses.
func (p *Policy) apply(r rule, v Verdict) Verdict {
	v.Rule = r.at
	switch {
	case r.says == Allow:
		v.Action = Forward
	case p.observe:
		v.Action, v.Observed = Forward, true
	default:
		v.Action = Block
	}
	return v
}
