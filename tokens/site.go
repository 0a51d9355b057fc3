package tokens

import (
	"net/http"
	"net/url"

	"github.com/tenantgate/tenantgate/hosts"
)

// Site is one host as a Finder has it: looked up once for all the requests
// that go there.
type Site struct {
	finder    *Finder
	host      hosts.Name
	carries   bool    // it carries tokens
	customers bool    // its accounts are those of a web site's customers
	opens     opening // nil where nothing is open without an account
}

// At returns what f has for n.
func (f *Finder) At(n hosts.Name) Site {
	return Site{finder: f, host: n, carries: f.hosts.Has(n), customers: customers.Has(n), opens: openingOf(n)}
}

// Find appends to found the credentials in a request for the host.
// Authorization headers are read on every host; the rest only on hosts that
// carry tokens, and keys only there count as credentials: on a sign-in host
// Basic is how an application authenticates to Entra (RFC 6749, 2.3.1).
//
// Header is what r.Header has, for a caller that went through it; else nil.
//
// A body is read only where it could carry a credential; r.Body then replays
// it octet by octet, whatever the error. An error means that there may be
// credentials that were not found: ErrTooMany, ErrTooLarge or ErrUninspectable.
func (h Site) Find(found []*Token, r *http.Request, header *Headers) ([]*Token, error) {
	s := searches.Get().(*search)
	s.Site, s.request, s.header, s.found, s.first = h, r, header, found, len(found)
	if header == nil {
		s.header = &s.own
		for name, lines := range r.Header {
			s.own.Note(name, lines)
		}
	}
	for i := range places {
		if places[i].everywhere || s.carries {
			places[i].find(s)
		}
	}
	found, err := s.found, s.err
	*s = search{}
	searches.Put(s)
	return found, err
}

// Anonymous tells whether a URL of the host opens something without an
// account. It returns the tenant that the URL itself names, if it names one;
// else it is the host's.
func (h Site) Anonymous(u *url.URL) (Tenant, bool) {
	if h.opens == nil {
		return "", false
	}
	return h.opens(canonical(u), u)
}

// Headers are the lines of a request's header in which credentials stand.
type Headers struct {
	authorization, auxiliary   []string
	cookie                     []string
	skype, chat, registration  []string
	subprotocol                []string
	copySource, copyCredential []string
}

// Note takes the lines of one name, in Go's canonical form, if credentials
// stand there. Whoever goes through a header has each name noted.
func (h *Headers) Note(name string, lines []string) {
	switch name {
	case "Authorization":
		h.authorization = lines
	case "X-Ms-Authorization-Auxiliary":
		h.auxiliary = lines
	case "Cookie":
		h.cookie = lines
	case "X-Skypetoken":
		h.skype = lines
	case "Authentication":
		h.chat = lines
	case "Registrationtoken":
		h.registration = lines
	case "Sec-Websocket-Protocol":
		h.subprotocol = lines
	case "X-Ms-Copy-Source":
		h.copySource = lines
	case "X-Ms-Copy-Source-Authorization":
		h.copyCredential = lines
	}
}
