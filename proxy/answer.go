package proxy

import (
	"net/http"
	"strings"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/tokens"
)

// admitAnswer looks into the answer of a sign-in host before anything of it is
// passed on, and tells whether it may be. In this order:
//
//  1. the answer of any other host is left alone
//  2. the tokens that it issues are found
//  3. the policy decides on them as on those of a request
//  4. the record is kept; without it nothing passes
//  5. the answer is passed on byte for byte, or an OAuth error takes its place
func (x *exchange) admitAnswer(resp *http.Response) bool {
	if x.plane != policy.Auth {
		return true
	}
	x.looked = x.tokens.Answer(&x.signIn, resp)
	x.reply = &x.looked
	issued, err := x.reply.Issued()
	if broken := x.reply.Broken(); broken != nil {
		x.broken(broken)
		return false
	}
	if len(issued) == 0 && err == nil {
		return true
	}
	v := x.rules.Policy.DecideRequest(policy.Request{
		Host: x.host, Plane: x.plane, Tokens: issued, Uninspectable: err != nil,
	})
	if err := x.recordAnswer(v, issued); err != nil {
		x.server.log().Error("record event", "host", x.host, "err", err)
		v = policy.Verdict{Reason: policy.NotRecorded}
	}
	if v.Action != policy.Forward {
		x.withhold(resp, v)
		return false
	}
	return true
}

// recordAnswer keeps the tenant event of an answer that issues tokens, if its
// verdict is evidence. It completes the event of the request. The access event
// to come names the tokens beside the request's own.
func (x *exchange) recordAnswer(v policy.Verdict, issued []*tokens.Token) error {
	asked, found := x.verdict, x.found
	defer func() { x.verdict, x.found, x.action = asked, append(found, issued...), "" }()
	if !v.Relevant() {
		return nil
	}
	x.verdict, x.found, x.action = v, issued, issuedAction
	if v.Blocked() {
		x.action = withheldAction
	}
	e := x.event(audit.Tenant)
	e.For, e.Status = x.evidence, x.status
	if v.Blocked() {
		e.Status = http.StatusBadRequest
	}
	if err := x.server.record(e); err != nil {
		return err // the event of the request is the last one kept
	}
	x.evidence = e.ID
	return nil
}

// The actions of what a sign-in host issues.
const (
	issuedAction   = "token-issued"
	withheldAction = "token-withheld"
)

// readEncodings leaves of Accept-Encoding what can be looked into. Whoever
// asks for more gets the next best, as from any server that knows less.
func readEncodings(h http.Header) {
	lines, ok := h["Accept-Encoding"]
	if !ok {
		return
	}
	var kept []string
	for coding := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		name, _, _ := strings.Cut(coding, ";")
		if tokens.Decodable(strings.TrimSpace(name)) {
			kept = append(kept, strings.TrimSpace(coding))
		}
	}
	if len(kept) == 0 {
		kept = []string{"identity"}
	}
	h["Accept-Encoding"] = []string{strings.Join(kept, ", ")}
}
