package proxy

import (
	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/policy"
)

// readSignIn reads what a request to a sign-in host says of itself. An error
// is that of the client's body.
func (x *exchange) readSignIn() (err error) {
	if x.plane == policy.Auth {
		x.signIn, err = x.rules.Tokens.SignIn(x.host, x.in, x.address)
	}
	return err
}

// tellSignIn says in e who signs in, and to what, as far as the client said.
func (x *exchange) tellSignIn(e *audit.Event) {
	s := &x.signIn
	if s.Flow == "" {
		return
	}
	e.SignIn = audit.SignIn{
		Account: s.Account, Tenant: s.Tenant, Domain: s.Domain, App: s.App, AppName: s.AppName, Flow: s.Flow, Attempt: s.Attempt,
	}
	if e.ResourceTenant == "" {
		e.ResourceTenant, e.ResourceDomain = string(s.Directory()), s.DomainName()
	}
}

// tellOutcome says in e what the sign-in service answered, and counts what it
// refused itself. It is what was seen in passing and decides nothing.
func (x *exchange) tellOutcome(e *audit.Event) {
	if x.reply == nil {
		return
	}
	o := x.reply.Outcome()
	e.Entra = audit.Entra{Code: o.Code, RequestID: o.RequestID, CorrelationID: o.CorrelationID, Blocked: o.Blocked()}
	if e.Entra.Blocked {
		x.server.Metrics.blockedByEntra(o.Code)
	}
	x.rules.Tokens.Continue(&x.signIn, o, x.address)
}
