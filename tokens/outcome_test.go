package tokens

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const requestID = "0a1b2c3d-0000-4000-8000-000000000001"

func TestACodeOfAPageIsANumberOrEightHexadecimalDigits(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "0": "", "000": "", "50020": "50020", "80045C4D": "80045C4D", "80045c4d": "80045C4D", "80045C4": "", "80045C4DA": "", "80045C4G": "", "x": "",
		"50020x": "", "1234567890": "1234567890", "12345678901": "", "0123": "0123",
	} {
		if got := pageCode(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestANumberIsTenDigitsAtMost(t *testing.T) {
	for text, want := range map[string]string{"": "", "x1": "", "0": "0", "9": "9", "19/": "19", "19:": "19", "1234567890x": "1234567890", "12345678901": ""} {
		if got := digits(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		if got := numberIn("x AADSTS" + text); got != want {
			t.Errorf("AADSTS%s: %q, want %q", text, got, want)
		}
	}
	if got := numberIn("50020"); got != "" {
		t.Errorf("%q without its prefix", got)
	}
}

func TestAnIdentifierIsMadeOfHexadecimalDigits(t *testing.T) {
	for text, want := range map[string]bool{
		"": false, "-": false, "0-0": false, requestID: true, strings.ToUpper(requestID): true, requestID + "g": false, "<b>": false,
		strings.Repeat("a", 40): true, strings.Repeat("a", 41): false,
	} {
		if got := identifier(text); (got != "") != want || want && got != text {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func TestTheTelemetrysCodeIsItsSecondField(t *testing.T) {
	for line, want := range map[string]string{"": "", "1,50076,0,,": "50076", "1, 50076 ,0": "50076", "1,0,0": "", "1,000,5": "", "1": "", "1,x": "", "1,50076": "50076"} {
		if got := telemetry(line); got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

// A page's script names a value in quotes of either kind, or in none.
func TestAMemberOfAScriptIsReadWithAndWithoutQuotes(t *testing.T) {
	long := strings.Repeat("x", maxState)
	for text, want := range map[string]string{
		``: "", `sFT`: "", `sFT:`: "", `sFT: `: "", `sFT "a"`: "", `sFT:"a"`: "a", `"sFT":"a"`: "a", `'sFT' : 'a'`: "a", `{sFT:12}`: "12", `{sFT:12,x:3}`: "12",
		`xsFT:1,sFT:2`: "2", `usFT:1`: "", `xsFT:1`: "", `a,sFT:1`: "1", "\tsFT:1": "1", "\rsFT:1": "1", "\nsFT\r\n:\r\n1": "1", `'sFT':1`: "1",
		`sFT=1;sFT:2`: "", `sFT=1, sFT:2`: "2", `sFT:true`: "", `sFT:"a\"b"`: `a"b`, `sFT:'a`: "a", `sFT:'a\'b'`: `a\`,
		`sFT:"a`: "", `sFT:"a\`: "", `sFT:"`: "", `sFT:[1`: "", `sFT:1`: "1", `sFT:1}`: "1", `sFT:1 `: "1",
		`sFT:"` + long[2:] + `"`: long[2:], `sFT:"` + long[1:] + `"`: "", `sFT:'` + long[2:] + `'`: long[2:], `sFT:'` + long + `'`: "",
	} {
		if got := member([]byte(text), "sFT"); got != want {
			t.Errorf("%.40q: %.40q, want %.40q", text, got, want)
		}
	}
}

// What a page or a redirect gives out comes back with the next request.
func TestWhatTheNextRequestBringsBackIsRead(t *testing.T) {
	var o Outcome
	o.readPage([]byte(`$Config={"sCtx":"ctx-of-it","sFT":"token-of-it","correlationId":"` + requestID + `"}`))
	o.readLocation([]string{"https://app.example/?code=0.AC&state=1", "/next?ctx=a%2Bb&flowToken=c+d#x"})
	if diff := cmp.Diff([]string{"ctx-of-it", "token-of-it", "0.AC", "a+b", "c d"}, o.states); diff != "" {
		t.Error(diff)
	}
	if o.CorrelationID != requestID || o.Code != "" {
		t.Errorf("%+v", o)
	}
	o.readLocation([]string{"https://app.example/?error_description=AADSTS50020%3a+100%+of+it"})
	if o.Code != "50020" {
		t.Errorf("behind an escape that is none: %q", o.Code)
	}
	o.readPage([]byte(`$Config={"correlationId":"none"}`))
	if o.CorrelationID != requestID || len(o.states) != 5 {
		t.Errorf("a page that says nothing leaves what was said: %+v", o)
	}
}

func TestAnErrorOfTheTokenEndpointIsReadAsFarAsItIsOne(t *testing.T) {
	said := Outcome{RequestID: "1", CorrelationID: "2"}
	for text, want := range map[string]Outcome{
		``: said, `x`: said, `[50020]`: said, `["error_codes",50020]`: said, `{"error_codes":[50020]`: said, "\xef\xbb\xbf {} ": said, `{"trace_id":"x","correlation_id":5}`: said,
		"\xef\xbb\xbf\n{\"error_codes\":[ \r\n\t50020]}":                        {Code: "50020", RequestID: "1", CorrelationID: "2"},
		`{"error_codes":50020}`:                                                 {Code: "50020", RequestID: "1", CorrelationID: "2"},
		`{"error_description":"AADSTS1: x","error_codes":[50020]}`:              {Code: "50020", RequestID: "1", CorrelationID: "2"},
		`{"error_codes":[],"error_description":"AADSTS1: x"}`:                   {Code: "1", RequestID: "1", CorrelationID: "2"},
		`{"trace_id":"` + requestID + `","correlation_id":"` + requestID + `"}`: {RequestID: requestID, CorrelationID: requestID},
	} {
		o := said
		o.readJSON([]byte(text))
		if o.Code != want.Code || o.RequestID != want.RequestID || o.CorrelationID != want.CorrelationID {
			t.Errorf("%q: %+v, want %+v", text, o, want)
		}
	}
}

func TestFourCodesSayThatATenantRestrictionRefused(t *testing.T) {
	for code, want := range map[string]bool{"5000211": true, "500021": true, "50002": true, "80045C4D": true, "": false, "50020": false, "50058": false, "500": false} {
		if (Outcome{Code: code}).Blocked() != want {
			t.Errorf("%q: %v", code, !want)
		}
	}
}

// The telemetry tells where the body does not, and only there.
func TestTheBodyIsBelievedBeforeTheTelemetry(t *testing.T) {
	for body, want := range map[string]string{`{"error_codes":[50020]}`: "50020", `{"error":"x"}`: "50076"} {
		a := answerCase{method: "POST", target: "https://login.microsoftonline.com/common/oauth2/v2.0/token", status: 400, body: body,
			header: http.Header{"Content-Type": {"application/json"}, "X-Ms-Clitelem": {"1,50076,0,,"}}}
		resp, sent := a.response(t, "", splits["at once"])
		look := a.look(t, finder(t), resp)
		passed(t, resp, sent)
		if got := look.Outcome().Code; got != want {
			t.Errorf("%s: %s, want %s", body, got, want)
		}
	}
}
