package proxy

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/tenantgate/tenantgate/policy"
)

// withhold answers in the place of an answer that issues a token: a page for
// somebody who navigates, else the error of a token endpoint (RFC 6749, 5.2,
// with the members that Entra adds and MSAL shows). Of the answer's own header
// only what lets a page of another origin read the error stays.
func (x *exchange) withhold(resp *http.Response, v policy.Verdict) {
	x.verdict, x.status, x.action = v, http.StatusBadRequest, withheldAction
	f := refusal{Reason: v.Reason, Event: x.evidence, Host: string(x.host), request: x.in}
	contentType, body := "application/json; charset=utf-8", x.oauthError(v)
	if navigates(x.in) {
		contentType, body = f.body()
	}
	h := x.w.Header()
	for name, values := range resp.Header {
		if strings.HasPrefix(name, "Access-Control-") || name == "Vary" {
			h[name] = values
		}
	}
	for name, values := range f.header(contentType, len(body)) {
		h[name] = values
	}
	x.w.WriteHeader(http.StatusBadRequest)
	n, _ := x.w.Write(body)
	x.sent = int64(n)
}

// oauthError is the error in the shape that reference-error-codes describes.
// error_codes has none: AADSTS numbers are Entra's.
func (x *exchange) oauthError(v policy.Verdict) []byte {
	now := time.Now().UTC().Format("2006-01-02 15:04:05Z")
	correlation := x.correlation()
	name := "access_denied"
	if v.Reason == policy.NotRecorded {
		name = "temporarily_unavailable"
	}
	object, err := json.Marshal(map[string]any{
		"error": name,
		"error_description": explain(v.Reason).what + " (tenantgate: " + string(v.Reason) + ")\r\nTrace ID: " + x.evidence +
			"\r\nCorrelation ID: " + correlation + "\r\nTimestamp: " + now,
		"error_codes": []int{}, "timestamp": now, "trace_id": x.evidence, "correlation_id": correlation,
	})
	if err != nil {
		return []byte(`{"error":"access_denied"}`)
	}
	return append(object, '\n')
}

// correlation is the client's own id of its request, if it is a GUID.
func (x *exchange) correlation() string {
	if id := first(x.in.Header["Client-Request-Id"]); len(id) == 36 && strings.Trim(id, "0123456789abcdefABCDEF-") == "" {
		return id
	}
	return x.signIn.Attempt
}
