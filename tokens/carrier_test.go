package tokens

import (
	"net/http"
	"testing"
)

// TestWhereAnAnswerIssuesTokensIsKnownBeforeItsBody is a row for each status
// and type that an answer of a sign-in host has.
func TestWhereAnAnswerIssuesTokensIsKnownBeforeItsBody(t *testing.T) {
	const code = "code"
	for _, tt := range []struct {
		issues bool
		flow   string
		status int
		kind   string
		want   carrier
	}{
		{true, code, 200, "application/json; charset=utf-8", inJSON}, {true, code, 200, "", inJSON}, {true, code, 299, "Text/JSON", inJSON},
		{true, code, 200, "application/problem+json", inJSON}, {true, code, 200, "image/png", nowhere}, {true, code, 200, "text/html", inPage},
		{false, code, 200, "application/json", nowhere}, {false, code, 200, "", nowhere}, {false, code, 200, "text/html; charset=utf-8", inPage},
		{false, code, 200, "application/xhtml+xml", inPage}, {false, code, 500, "text/html", inPage},
		{true, code, 300, "application/json", inLocation}, {true, code, 302, "", inLocation}, {true, code, 399, "text/html", inLocation},
		{true, code, 400, "application/json", inError}, {false, code, 400, "application/json", inError}, {true, code, 400, "", nowhere},
		{true, code, 500, "application/json", inError},
		{false, flowTrust, 200, "application/soap+xml; charset=utf-8", inEnvelope}, {false, flowTrust, 200, "text/xml", inEnvelope},
		{false, flowTrust, 200, "application/xml", inEnvelope}, {false, flowTrust, 500, "application/soap+xml", nowhere},
		{false, flowTrust, 300, "text/xml", inLocation}, {false, flowTrust, 200, "text/html", inPage}, {false, flowTrust, 200, "image/png", nowhere}, {false, code, 200, "text/xml", nowhere},
	} {
		resp := &http.Response{StatusCode: tt.status, Header: http.Header{}}
		if tt.kind != "" {
			resp.Header.Set("Content-Type", tt.kind)
		}
		if got := carrierOf(&SignIn{issues: tt.issues, Flow: tt.flow}, resp); got != tt.want {
			t.Errorf("%+v: got %v", tt, got)
		}
	}
}

// What a client accepts is narrowed to what can be looked into.
func TestAnEncodingThatCanBeLookedIntoIsKnownByItsName(t *testing.T) {
	for coding, want := range map[string]bool{
		"gzip": true, "x-gzip": true, "br": true, "deflate": true, "identity": true, "GZIP": true, "*": false, "zstd": false, "compress": false, "": false,
	} {
		if Decodable(coding) != want {
			t.Errorf("%q: %v", coding, !want)
		}
	}
}
