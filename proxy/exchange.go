package proxy

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/tokens"
)

// exchange is one request of an intercepted connection and its answer. It
// lives for one call of forward and is used again for another.
type exchange struct {
	server *Server
	client *client
	w      http.ResponseWriter
	in     *http.Request
	out    *http.Request
	start  time.Time

	host hosts.Name
	*standing

	found      []*tokens.Token // backed by keep where they fit
	keep       [4]*tokens.Token
	links      []policy.Link // what the request would tie together
	verdict    policy.Verdict
	evidence   string              // id of the tenant event, if there is one
	id         string              // of the access event, where the client is told it
	said       audit.Event         // the event that was last made, see event
	tags       []string            // names of the tags that are in out
	clientTags []string            // restriction headers that the client sent
	fields     fields              // of in, without those
	told       [2]audit.Credential // backs what said says of found, where it fits

	signIn tokens.SignIn  // what a request to a sign-in host says of itself
	reply  *tokens.Answer // the answer of a sign-in host
	looked tokens.Answer  // what reply is
	action string         // event.action, where it is not the usual one

	agreed   audit.OriginTLS // with the origin
	status   int
	hints    *hints        // nil before tag
	received *countingBody // request body; nil without one. Not reused: the transport may read on after the answer
	uploaded int64         // bytes from the client after a switch of protocols
	sent     int64         // response body bytes
	why      string        // how it ended, where that is not the usual way
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

func newExchange(s *Server, rules *Rules, c *client, w http.ResponseWriter, r *http.Request) *exchange {
	x := exchanges.Get().(*exchange)
	x.server, x.client, x.w, x.in = s, c, w, r
	x.start = time.Now()
	x.found = x.keep[:0]
	x.host = c.dst.Name
	x.standing = s.under(rules, c)
	return x
}

func (x *exchange) release() {
	x.hints.end()
	x.received.end()
	*x = exchange{}
	exchanges.Put(x)
}

// screen refuses what no policy is asked about: requests that are not well
// formed, or for another host than their connection was admitted for
// (fronting, coalescing; RFC 9110, 7.4). The client's own restriction headers
// are noted and deleted first: refused or not, nominated by Connection or not,
// they are evidence.
func (x *exchange) screen() (policy.Reason, bool) {
	r := x.in
	x.read()
	switch {
	case r.Method == http.MethodConnect:
		return policy.UnsupportedMethod, false
	case r.URL.IsAbs() && r.URL.Scheme != "https", r.URL.User != nil:
		return policy.MalformedRequest, false
	case r.ProtoMajor == 1 && r.ProtoMinor > 1:
		return policy.MalformedRequest, false
	case !target(r):
		return policy.MalformedRequest, false
	}
	authority, reason := x.authority()
	if reason != "" {
		return reason, false
	}
	// In HTTP/2 a host field may stand beside :authority; net/http leaves it
	// in the header, and an origin could believe it (RFC 9113, 8.3.1).
	for _, also := range x.fields.host {
		if a, err := hosts.ParseAuthority(also, 443); err != nil || a != authority {
			return policy.MalformedRequest, false
		}
	}
	return "", true
}

// read goes through the request's header once, for all that depends on it.
func (x *exchange) read() {
	forged := false
	for name, lines := range x.in.Header {
		if x.site.Restriction(name) {
			forged = true
			continue
		}
		x.fields.note(name, lines)
	}
	if forged {
		x.clientTags = x.site.Strip(x.in.Header)
	}
}

// authority is the host that the request is for, if that is its connection's.
func (x *exchange) authority() (hosts.Authority, policy.Reason) {
	written, dst := x.in.Host, x.client.dst
	if written != "" && written == string(dst.Name) && dst.Port == 443 && !x.client.fronted {
		return dst, "" // the usual spelling, which was parsed when the connection came
	}
	a, err := hosts.ParseAuthority(written, 443)
	switch {
	case err != nil:
		return a, policy.MalformedAuthority
	case !x.client.serves(a):
		return a, policy.AuthorityMismatch
	default:
		return a, ""
	}
}

// target tells whether the request target can be forwarded byte for byte: a
// blank, which HTTP/2 can carry, would end it in the request line of an origin
// of HTTP/1.1.
func target(r *http.Request) bool {
	switch {
	case r.RequestURI == "*":
		return r.Method == http.MethodOptions
	case r.ProtoMajor == 2 && !strings.HasPrefix(r.RequestURI, "/"):
		return false // net/http reads a URI in :path, which must be a path (RFC 9113, 8.3.1)
	}
	for i := range len(r.RequestURI) {
		if b := r.RequestURI[i]; b <= ' ' || b == 0x7f || b == '#' || b == '\\' {
			return false
		}
	}
	return true
}

// tag makes the request that leaves: a shallow copy of what came, without
// hop-by-hop fields and trailers of restriction headers, with our tags set
// last. The client's own were deleted by screen, on every host.
func (x *exchange) tag() {
	websocket := len(x.fields.upgrade) > 0 && upgradesToWebSocket(x.in)
	x.hints = &hints{door: x.server.doors.answers, from: payer(x.client.from.Addr())}
	x.outbound(x.hints.listen(x.in, x.w, websocket), websocket)
	x.received = bodyOf(x)
	h := x.out.Header
	x.tags = x.sets.Set(h)
	if x.plane == policy.Auth {
		readEncodings(h)
	}
}

// originURL makes u the request's own target at dst, byte for byte.
func originURL(u *url.URL, r *http.Request, dst hosts.Authority) {
	*u = url.URL{Scheme: "https", Host: dst.Host(), Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery, ForceQuery: r.URL.ForceQuery}
	if dst.Port != 443 {
		u.Host = dst.String()
	}
	path, _, _ := strings.Cut(r.RequestURI, "?")
	if strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") && u.EscapedPath() != path {
		u.Opaque = path
	}
}
