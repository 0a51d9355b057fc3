package proxy

import (
	"net/http"
	"net/http/httptrace"
	"time"

	"github.com/elazarl/goproxy"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/tagging"
)

// onPlain decides a request for a http:// URL. Restricted hosts are refused:
// a sign-in or a token in clear is never forwarded. Anything else follows
// policy.unlisted, on port 80 only.
func (s *Server) onPlain(r *http.Request, ctx *goproxy.ProxyCtx) (*http.Request, *http.Response) {
	rules := s.rules.Load()
	if rules == nil {
		return r, refusal{Reason: policy.NotRecorded}.response(r)
	}
	dst, err := hosts.ParseAuthority(r.URL.Host, 80)
	if err != nil || r.URL.Scheme != "http" || r.URL.User != nil || !target(r) {
		return r, s.refusePlain(r, policy.MalformedAuthority).response(r)
	}
	p := &plainRequest{server: s, rules: rules, dst: dst, in: r, start: time.Now()}
	p.verdict = p.decide()
	if p.verdict.Blocked() {
		return r, p.refuse()
	}
	ctx.RoundTripper = p
	return r, nil
}

// plainRequest is one request for a http:// URL.
type plainRequest struct {
	server  *Server
	rules   *Rules
	dst     hosts.Authority
	in      *http.Request
	start   time.Time
	verdict policy.Verdict
	client  []string // restriction headers that the client sent
}

func (p *plainRequest) decide() policy.Verdict {
	if p.dst.Port != 80 {
		return policy.Verdict{Reason: policy.PortNotAllowed}
	}
	if p.dst.Name == "" && entraAddress(p.dst.Addr) {
		return policy.Verdict{Reason: policy.RestrictedAddress}
	}
	v := p.rules.Policy.DecideConn(policy.Conn{Name: p.dst.Name, DNS: asksResolver(p.in)})
	if v.Action == policy.Intercept || v.Reason == policy.UntaggedSignIn || v.Reason == policy.ExemptHost {
		return policy.Verdict{Reason: policy.PlainHTTP}
	}
	if v.Action == policy.Tunnel {
		v.Action = policy.Forward
	}
	return v
}

// RoundTrip implements goproxy.RoundTripper: it sends the request with
// hop-by-hop fields and every restriction header removed, and records it.
func (p *plainRequest) RoundTrip(r *http.Request, _ *goproxy.ProxyCtx) (*http.Response, error) {
	p.client = tagging.Strip(r.Header) // also what Connection nominates
	removeHopByHop(r.Header)
	if _, ok := r.Header["User-Agent"]; !ok {
		r.Header["User-Agent"] = nil // else the transport names itself
	}
	r.Trailer = nil
	if p.verdict.Relevant() {
		if err := p.server.record(p.event(audit.Tenant)); err != nil {
			p.verdict = policy.Verdict{Reason: policy.NotRecorded}
			return p.refuse(), nil
		}
	}
	resp, err := p.rules.HTTP.RoundTrip(r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{GotConn: settle})))
	if err == nil && resp.StatusCode == http.StatusSwitchingProtocols {
		resp.Body.Close() // nobody may switch to anything in clear
		err = errSwitched
	}
	if err != nil {
		p.verdict = policy.Verdict{Reason: originReason(err)}
		return p.refuse(), nil
	}
	cleanAnswer(resp.Header)
	resp.Body = &plainBody{ReadCloser: resp.Body, request: p, status: resp.StatusCode}
	return resp, nil
}

func (p *plainRequest) refuse() *http.Response {
	e := p.event(kindOf(p.verdict))
	e.Status = statusOf(p.verdict.Reason)
	f := refusal{Reason: p.verdict.Reason, Event: e.ID, Host: p.dst.Host()}
	if err := p.server.record(e); err != nil {
		p.server.log().Error("record event", "host", p.dst.Host(), "err", err)
	}
	p.server.Metrics.request(policy.Other, p.verdict)
	return f.response(p.in)
}

func (p *plainRequest) event(kind audit.Kind) *audit.Event {
	v := p.verdict
	action := "request-forwarded"
	if v.Blocked() {
		action = "request-blocked"
	}
	return &audit.Event{
		Kind: kind, ID: audit.NewID(), Time: time.Now(), Action: action,
		Denied: v.Blocked(), Reason: string(v.Reason), Source: remote(p.in),
		Host: p.dst.Host(), Port: p.dst.Port, Scheme: "http", Path: p.in.URL.Path, Method: methodOf(p.in.Method),
		Version: version(p.in.ProtoMajor, p.in.ProtoMinor), UserAgent: p.in.UserAgent(),
		Plane: string(p.rules.Policy.Plane(p.dst.Name)), Mode: p.rules.mode(), Verdict: v.Action.String(), Observed: v.Observed,
		Relation: string(policy.None), HomeTenant: string(p.rules.Policy.Home()), ClientTags: p.client,
	}
}

// refusePlain records and returns the refusal of a request whose destination
// is not known.
func (s *Server) refusePlain(r *http.Request, reason policy.Reason) refusal {
	f := refusal{Reason: reason, request: r}
	rules := s.rules.Load()
	if rules == nil {
		return f
	}
	p := &plainRequest{server: s, rules: rules, in: r, verdict: policy.Verdict{Reason: reason}}
	e := p.event(audit.Tenant)
	e.Host, e.Status = r.Host, statusOf(reason)
	f.Event = e.ID
	if err := s.record(e); err != nil {
		s.log().Error("record event", "err", err)
	}
	return f
}
