package proxy

import "github.com/tenantgate/tenantgate/policy"

// wording is what a person reads of a refusal.
type wording struct{ title, what, do string }

const (
	askHelp    = "If you need this for your work, contact your help desk and give them the reference below."
	notYours   = "Your organization does not allow this"
	technical  = "This request could not be handled"
	siteBroken = "The site could not be reached"
)

// explain returns the words for reason. Every reason of a refusal has a line;
// a test compares.
func explain(reason policy.Reason) wording {
	if w, ok := wordings[reason]; ok {
		return w
	}
	return wording{notYours, "Your organization's network does not allow this request.", askHelp}
}

var wordings = map[policy.Reason]wording{
	policy.ExternalAccount:      {notYours, "You are signed in with an account of another organization. From this network, only accounts of your own organization and its partners may be used here.", "Sign out, then sign in with your work account. " + askHelp},
	policy.ConsumerAccount:      {notYours, "You are signed in with a personal Microsoft account. From this network, personal accounts may not be used here.", "Sign out, then sign in with your work account. " + askHelp},
	policy.OutboundAccount:      {notYours, "Your account is a guest in another organization, and your own organization does not allow that access from this network.", askHelp},
	policy.InboundAccount:       {notYours, "Guest accounts of other organizations may not be used from this network.", askHelp},
	policy.PartnerAccount:       {notYours, "This organization is a partner, but not for this application.", askHelp},
	policy.UnreadableCredential: {notYours, "The request carries a sign-in that cannot be read, so nobody can tell which organization it belongs to.", "Sign out, then sign in again with your work account. " + askHelp},
	policy.UninspectableBody:    {notYours, "The request carries content that may hold a sign-in and could not be checked.", askHelp},
	policy.AnonymousLink:        {notYours, "This link opens content of another organization without a sign-in. From this network, such links may not be opened.", "Ask the sender to share it with your work account instead. " + askHelp},
	policy.LinkExternal:         {notYours, "This would connect something of your organization's to another organization, which is not allowed from this network.", askHelp},
	policy.LinkUnknown:          {notYours, "This would connect something of your organization's to something that is not known to be your organization's.", askHelp},
	policy.LinkUnreadable:       {notYours, "This could connect something of your organization's to another organization, and what it leads to cannot be read.", "Write the request out in full, without links or expressions for where it leads. " + askHelp},
	policy.ExternalSession:      {notYours, "This site belongs to another organization.", askHelp},
	policy.ExternalKey:          {notYours, "The request uses a key of a service that is not known to belong to your organization.", askHelp},
	policy.UnlistedBlocked:      {notYours, "Only listed destinations can be reached from this network.", askHelp},
	policy.ExemptBlocked:        {notYours, "This destination is not allowed from this network.", askHelp},
	policy.UntaggedSignIn:       {notYours, "This sign-in address is not allowed from this network.", "Use the ordinary sign-in page of Microsoft. " + askHelp},
	policy.RestrictedAddress:    {notYours, "This name leads to Microsoft's sign-in service in a way that your organization cannot protect.", askHelp},
	policy.GuardedAddress:       {notYours, "This destination is an internal address, which the proxy does not connect to.", askHelp},
	policy.PortNotAllowed:       {notYours, "This port is not allowed from this network.", askHelp},
	policy.PlainHTTP:            {notYours, "This site may only be opened over https.", "Change http:// to https:// in the address."},
	policy.DNSElsewhere:         {notYours, "Name resolvers outside this network are not allowed.", "Turn off secure DNS, or private relay, for this network. " + askHelp},
	policy.ProxyLoop:            {technical, "The destination is the proxy itself.", askHelp},
	policy.AddressLiteral:       {technical, "The destination is a bare address without a name.", askHelp},
	policy.NotTLS:               {technical, "The connection does not speak TLS.", askHelp},
	policy.MalformedHello:       {technical, "The TLS greeting could not be read.", askHelp},
	policy.OutsideCA:            {technical, "The proxy is set up to protect this site, but its certificate authority does not cover it yet.", "Give the reference below to your help desk: an administrator must renew the certificate authority."},
	policy.MalformedAuthority:   {technical, "The destination is not written correctly.", askHelp},
	policy.MalformedRequest:     {technical, "The request is not well formed.", askHelp},
	policy.UnsupportedMethod:    {technical, "This kind of request is not supported.", askHelp},
	policy.AuthorityMismatch:    {technical, "The request is for another site than its connection.", "Reload the page. " + askHelp},
	policy.NotRecorded:          {technical, "The security record of this request could not be written, so the request was not sent.", "Try again in a moment. " + askHelp},
	policy.Overloaded:           {technical, "The proxy is busy.", "Try again in a moment."},
	policy.OriginUnreachable:    {siteBroken, "The proxy could not connect to the site.", "Try again later."},
	policy.ParentAuth:           {siteBroken, "The proxy behind this one did not accept its credentials.", "Tell your helpdesk."},
	policy.OriginTimeout:        {siteBroken, "The site did not answer in time.", "Try again later."},
	policy.OriginUntrusted:      {siteBroken, "The site's certificate or its TLS could not be trusted, so nothing was sent to it.", askHelp},
}
