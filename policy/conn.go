package policy

import "github.com/tenantgate/tenantgate/hosts"

// Conn is what is known of a connection before anything of it is forwarded.
type Conn struct {
	Name     hosts.Name // empty for an IP literal
	Entra    bool       // the destination's address lies in Entra's published sign-in ranges
	Signable bool       // the interception CA may speak for Name
	DNS      bool       // it would carry questions to somebody's resolver, whatever its name
}

// DecideConn decides a connection. The first rule that applies wins:
//
//  1. a sign-in name on which tenant restrictions are not enforced is refused
//  2. an exempt host is never decrypted: tunnelled or refused
//  3. a restricted host is intercepted
//  4. an unlisted name that leads to Entra's sign-in service is intercepted
//     where the CA may sign it, else refused
//  5. a resolver of somebody else's is what policy.encrypted_dns says
//  6. any other destination is what policy.unlisted says
func (p *Policy) DecideConn(c Conn) Verdict {
	switch {
	case p.hosts.Refused.Has(c.Name):
		return p.refuse(UntaggedSignIn, Tunnel, "")
	case p.hosts.Exempt.Has(c.Name) && p.exempt == Tunnel:
		return Verdict{Action: Tunnel, Reason: ExemptHost, Rule: "policy.exempt"}
	case p.hosts.Exempt.Has(c.Name):
		return p.refuse(ExemptBlocked, Tunnel, "policy.exempt")
	case p.hosts.Restricted.Has(c.Name):
		return Verdict{Action: Intercept, Reason: RestrictedHost}
	case c.Entra && c.Signable:
		return Verdict{Action: Intercept, Reason: RestrictedAddress}
	case c.Entra:
		return Verdict{Action: Block, Reason: RestrictedAddress}
	case (c.DNS || encryptedDNS.Has(c.Name)) && (p.unlisted == Tunnel || p.encryptedDNS != Tunnel):
		return p.judgeEncryptedDNS(Tunnel)
	case p.unlisted == Tunnel:
		return Verdict{Action: Tunnel, Reason: UnlistedHost, Rule: "policy.unlisted"}
	default:
		return p.refuse(UnlistedBlocked, Tunnel, "policy.unlisted")
	}
}

// refuse blocks for reason or, when only observing, says so and does instead.
func (p *Policy) refuse(reason Reason, instead Action, rule string) Verdict {
	if p.observe {
		return Verdict{Action: instead, Reason: reason, Observed: true, Rule: rule}
	}
	return Verdict{Action: Block, Reason: reason, Rule: rule}
}
