package proxy

import "github.com/tenantgate/tenantgate/tokens"

// fields are the lines of a request's header that anything here depends on,
// as they came, found in one pass over it: a look for each name costs more
// than all the rest of a small request. What is nil did not come.
type fields struct {
	credentials tokens.Headers

	host, te, upgrade   []string
	hops                bool // something ends at a proxy
	overridden          bool // the service may take the method for another one
	contentType, accept []string
	agent, id, mailbox  []string
}

func (f *fields) note(name string, lines []string) {
	f.credentials.Note(name, lines)
	switch name {
	case "Host":
		f.host = lines
	case "Te":
		f.te, f.hops = lines, true
	case "Upgrade":
		f.upgrade, f.hops = lines, true
	case "X-Http-Method-Override", "X-Http-Method":
		f.overridden = f.overridden || len(lines) > 0
	case "Content-Type":
		f.contentType = lines
	case "Accept":
		f.accept = lines
	case "User-Agent":
		f.agent = lines
	case "Client-Request-Id":
		f.id = lines
	case "X-Anchormailbox":
		f.mailbox = lines
	default:
		f.hops = f.hops || hopByHop(name)
	}
}

// asksResolver tells whether the request is a question to a resolver.
func (x *exchange) asksResolver() bool {
	return asksFor(x.in.URL, x.fields.contentType, x.fields.accept)
}
