package demo

import (
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"
)

// fault is a sign-in error as Entra words it.
type fault struct {
	code    int    // AADSTS number
	oauth   string // error of RFC 6749; which one Entra picks for restrictions is not documented
	message string
	status  int // 0: 400
}

// The faults that do not depend on tenant restrictions, by AADSTS number
// (Microsoft, reference-error-codes).
func noTenant(segment string) *fault {
	return &fault{code: 90002, oauth: "invalid_request", message: "Tenant '" + segment +
		"' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud."}
}

func notInTenant(user string, t Tenant) *fault {
	return &fault{code: 50020, oauth: "invalid_grant", message: fmt.Sprintf(
		"User account '%s' from identity provider '%s' does not exist in tenant '%s'.", user, issuer(homeOf(user).ID, "1.0"), t.Name)}
}

var (
	faultUser        = &fault{code: 50034, oauth: "invalid_grant", message: "The user account does not exist in the directory."}
	faultPassword    = &fault{code: 50126, oauth: "invalid_grant", message: "Error validating credentials due to invalid username or password."}
	faultSecret      = &fault{code: 7000218, oauth: "invalid_client", status: http.StatusUnauthorized, message: "The request body must contain the following parameter: 'client_assertion' or 'client_secret'."}
	faultAssertion   = &fault{code: 50027, oauth: "invalid_client", status: http.StatusUnauthorized, message: "JWT token is invalid or malformed."}
	faultSignature   = &fault{code: 700027, oauth: "invalid_client", status: http.StatusUnauthorized, message: "The certificate with identifier used to sign the client assertion is not registered on application."}
	faultAudience    = &fault{code: 700023, oauth: "invalid_client", status: http.StatusUnauthorized, message: "Client assertion audience claim does not match Realm issuer."}
	faultProof       = &fault{code: 501481, oauth: "invalid_grant", message: "The Code_Verifier does not match the code_challenge supplied in the authorization request."}
	faultGrant       = &fault{code: 70003, oauth: "unsupported_grant_type", message: "The app requested an unsupported grant type."}
	faultCode        = &fault{code: 70008, oauth: "invalid_grant", message: "The provided authorization code or refresh token has expired."}
	faultPending     = &fault{code: 70016, oauth: "authorization_pending", message: "OAuth 2.0 device flow error. Authorization is pending. Continue polling."}
	faultNoTenant    = &fault{code: 50059, oauth: "invalid_request", message: "No tenant-identifying information found in either the request or implied by any provided credentials."}
	faultWrongTenant = &fault{code: 700005, oauth: "invalid_grant", message: "Provided Authorization Code is intended to use against other tenant, thus rejected."}
)

// writeJSON answers as the token and devicecode endpoints do.
func (f *fault) writeJSON(w http.ResponseWriter, r *http.Request) {
	now := time.Now().UTC().Format("2006-01-02 15:04:05Z")
	trace := w.Header().Get("x-ms-request-id")
	correlation := correlationID(r)
	writeJSON(w, orStatus(f.status), map[string]any{
		"error": f.oauth,
		"error_description": fmt.Sprintf("AADSTS%d: %s\r\nTrace ID: %s\r\nCorrelation ID: %s\r\nTimestamp: %s",
			f.code, f.message, trace, correlation, now),
		"error_codes": []int{f.code}, "timestamp": now, "trace_id": trace, "correlation_id": correlation,
		"error_uri": fmt.Sprintf("https://login.microsoftonline.com/error?code=%d", f.code),
	})
}

// errorPage has what reference material says of Entra's own: the PageID meta
// and a $Config object whose members carry the error. The rest is not documented.
var errorPage = template.Must(template.New("error").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Sign in to your account</title>
<meta name="PageID" content="ConvergedError"><meta name="SiteID" content="">
<script>
$Config={{.Config}};
</script>
<style>` + pageStyle + `</style></head>
<body><main><h1>Access is blocked</h1><p>{{.Message}}</p>
<p class="small">Error code: {{.Code}}<br>Request id: {{.Trace}}<br>Correlation id: {{.Correlation}}<br>Timestamp: {{.Time}}</p>
<p class="small">tenantgate demo: an imitation of the sign-in page.</p></main></body></html>
`))

// writePage answers as the authorize endpoint does: status 200 and a page.
func (f *fault) writePage(w http.ResponseWriter, r *http.Request) {
	message := fmt.Sprintf("AADSTS%d: %s", f.code, f.message)
	writePage(w, http.StatusOK, errorPage, map[string]any{
		"Code": f.code, "Message": message, "Trace": w.Header().Get("x-ms-request-id"),
		"Correlation": correlationID(r), "Time": time.Now().UTC().Format(time.RFC3339),
		"Config": map[string]any{
			"pgid": "ConvergedError", "iErrorCode": f.code, "sErrorCode": fmt.Sprint(f.code), "sErrTxt": "",
			"strServiceExceptionMessage": message, "strMainMessage": "Access is blocked",
			"correlationId": correlationID(r),
		},
	})
}

const pageStyle = `body{font:16px/1.5 system-ui,sans-serif;background:#f2f2f2;margin:0}
main{max-width:26rem;margin:12vh auto;background:#fff;padding:2.5rem;box-shadow:0 2px 6px #0003}
h1{font-size:1.5rem;margin:0 0 1rem}input{font:inherit;width:100%;box-sizing:border-box;padding:.4rem;margin:.3rem 0 1rem}
button{font:inherit;background:#0067b8;color:#fff;border:0;padding:.5rem 2rem}.small{font-size:.8rem;color:#555}`

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}

func writePage(w http.ResponseWriter, status int, t *template.Template, v any) {
	var b strings.Builder
	if err := t.Execute(&b, v); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(b.String()))
}

func orStatus(status int) int {
	if status == 0 {
		return http.StatusBadRequest
	}
	return status
}

// correlationID is the client's own id for a request, or one that says there was none.
func correlationID(r *http.Request) string {
	return or(r.Header.Get("client-request-id"), "00000000-0000-0000-0000-000000000000")
}
