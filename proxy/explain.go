package proxy

import (
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/links"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/tokens"
)

// Explanation is what would happen to a request, and why.
type Explanation struct {
	Connection policy.Verdict
	Request    policy.Verdict   // meaningful where Judged
	Judged     bool             // the request itself was looked at: its connection would be intercepted
	Found      []*tokens.Token  // credentials and where they are
	Each       []policy.Verdict // what is said of each of Found alone
	Links      []policy.Link    // what it would tie together
	EachLink   []policy.Verdict // what is said of each of Links alone
	Owner      tokens.Tenant    // whose host it is, where that could decide; empty if nobody can tell
	Tags       []string         // headers that would be set
	ClientTags []string         // restriction headers that would be deleted
	Status     int              // of the refusal; 0 if nothing is refused
	Unknown    []string         // what only a look-up could tell
	Event      *audit.Event     // what it would leave
}

// Explain runs a request for r.URL through the same decisions as forward,
// without a network and without a record. r is used up.
func (s *Server) Explain(r *http.Request, from netip.Addr) Explanation {
	rules := s.rules.Load()
	c := &client{from: netip.AddrPortFrom(from, 0), way: silent{}}
	defaultPort := uint16(443)
	if r.URL.Scheme == "http" {
		defaultPort = 80
	}
	dst, err := hosts.ParseAuthority(r.URL.Host, defaultPort)
	if err != nil || (r.URL.Scheme != "http" && r.URL.Scheme != "https") || r.URL.User != nil {
		return s.explainConn(c, rules, policy.Verdict{Reason: policy.MalformedAuthority}, r.URL.Host)
	}
	c.dst = dst
	if r.URL.Scheme == "http" {
		return s.explainPlain(rules, r, dst, c.from)
	}
	v := s.decide(rules, c)
	if dst.Addr.IsValid() && !v.Blocked() && !dialable(dst.Addr, rules.Origin.Allow) {
		v = policy.Verdict{Reason: policy.GuardedAddress}
	}
	if v.Action != policy.Intercept {
		return s.explainConn(c, rules, v, dst.Host())
	}
	return s.explainRequest(rules, c, r, v)
}

func (s *Server) explainConn(c *client, rules *Rules, v policy.Verdict, host string) Explanation {
	e := Explanation{Connection: v, Event: s.connEvent(c, rules, v)}
	e.Event.Host = host
	if v.Blocked() {
		e.Status = statusOf(v.Reason)
	}
	if v.Action == policy.Tunnel && c.dst.Name != "" {
		e.Unknown = append(e.Unknown, "whether its addresses are public and none of Entra's")
	}
	if v.Action == policy.Tunnel && c.dst.Name == "" {
		e.Unknown = append(e.Unknown, "the name that the client's TLS hello gives")
	}
	return e
}

func (s *Server) explainPlain(rules *Rules, r *http.Request, dst hosts.Authority, from netip.AddrPort) Explanation {
	r.RemoteAddr = from.String()
	p := &plainRequest{server: s, rules: rules, dst: dst, in: r, start: time.Now()}
	p.verdict = p.decide()
	e := Explanation{Connection: p.verdict, Event: p.event(kindOf(p.verdict))}
	if p.verdict.Blocked() {
		e.Status, e.Event.Kind = statusOf(p.verdict.Reason), audit.Tenant
	} else {
		e.Unknown = append(e.Unknown, "whether its addresses are public and none of Entra's")
	}
	return e
}

func (s *Server) explainRequest(rules *Rules, c *client, r *http.Request, v policy.Verdict) Explanation {
	r.RequestURI = r.URL.RequestURI()
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
	}
	delete(r.Header, "Host")
	x := &exchange{server: s, standing: s.standing(rules, c), client: c, in: r, start: time.Now(), host: c.dst.Name}
	e := Explanation{Connection: v, Judged: true}
	if reason, ok := x.screen(); !ok {
		e.Request = policy.Verdict{Reason: reason}
	} else {
		e.Request = x.judge()
	}
	if !e.Request.Blocked() {
		x.tag()
	}
	if e.Request.Resource == "" && (needsOwner(x.found) || e.Request.Reason == policy.AnonymousLink) {
		e.Unknown = append(e.Unknown, "which tenant "+string(c.dst.Name)+" belongs to")
	}
	e.Links = x.links
	x.explainEach(&e)
	for _, l := range x.links {
		for _, end := range unknownEnds(l) {
			if !slices.Contains(e.Unknown, end) {
				e.Unknown = append(e.Unknown, end)
			}
		}
	}
	x.verdict = e.Request
	kind := audit.Access
	if e.Request.Relevant() || x.plane == policy.Auth {
		kind = audit.Tenant
	}
	e.Found, e.Tags, e.ClientTags, e.Event = x.found, x.tags, x.clientTags, x.event(kind)
	if e.Request.Blocked() {
		e.Status = statusOf(e.Request.Reason)
		e.Event.Status = e.Status
	}
	return e
}

// explainEach says of every credential and every link what it alone would be.
func (x *exchange) explainEach(e *Explanation) {
	if x.rules.Owner != nil && needsOwner(x.found) {
		e.Owner = x.rules.Owner(x.in.Context(), x.host)
	}
	q := policy.Request{Host: x.host, Plane: x.plane, Owner: e.Owner, Tokens: x.found}
	for _, t := range x.found {
		e.Each = append(e.Each, x.rules.Policy.DecideToken(q, t))
	}
	for _, l := range x.links {
		e.EachLink = append(e.EachLink, x.rules.Policy.DecideLink(q, l))
	}
}

// unknownEnds says of which ends of a link a look-up could tell the tenant.
func unknownEnds(l policy.Link) (all []string) {
	if l.Own == "" && l.Subscription != "" {
		all = append(all, "which tenant subscription "+l.Subscription+" belongs to")
	}
	if l.Tenant == "" && (l.TargetKind == links.Subscription || l.TargetKind == links.Domain || l.TargetKind == links.Host) {
		all = append(all, "which tenant "+string(l.TargetKind)+" "+l.Target+" belongs to")
	}
	return all
}

// Words returns what a person would read of a refusal for reason.
func Words(reason policy.Reason) string { return explain(reason).what }
