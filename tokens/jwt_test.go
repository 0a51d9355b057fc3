package tokens

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

func TestClaimsOfACredential(t *testing.T) {
	guid := string(foreign)
	tests := []struct{ name, payload, want string }{
		{"v1 issuer alone", `{"iss":"https://sts.windows.net/` + guid + `/"}`, "jwt foreign foreign -"},
		{"v2 issuer alone", `{"iss":"https://login.microsoftonline.com/` + guid + `/v2.0"}`, "jwt foreign foreign -"},
		{"US government issuer", `{"iss":"https://login.microsoftonline.us/` + guid + `/v2.0"}`, "jwt foreign foreign -"},
		{"China issuer v1", `{"iss":"https://sts.chinacloudapi.cn/` + guid + `/"}`, "jwt foreign foreign -"},
		{"China issuer v2", `{"iss":"https://login.partner.microsoftonline.cn/` + guid + `/v2.0"}`, "jwt foreign foreign -"},
		{"External ID issuer", `{"iss":"https://` + guid + `.ciamlogin.com/` + guid + `/v2.0"}`, "jwt foreign foreign -"},
		{"B2C issuer", `{"iss":"https://contoso.b2clogin.com/` + guid + `/v2.0/"}`, "jwt foreign foreign -"},
		{"access control service", `{"iss":"00000001-0000-0000-c000-000000000000@` + guid + `"}`, "jwt foreign foreign -"},
		{"issuer nobody knows", `{"iss":"https://sts.example.com/` + guid + `/"}`, "jwt - - " + whyNoTenant},
		{"issuer over plain http", `{"iss":"http://sts.windows.net/` + guid + `/"}`, "jwt - - " + whyNoTenant},
		{"issuer that names two tenants", `{"iss":"https://login.microsoftonline.com/` + guid + `/` + string(home) + `/"}`, "jwt foreign foreign -"},
		{"issuer without a scheme", `{"iss":"sts.windows.net/` + guid + `/"}`, "jwt - - " + whyNoTenant},
		{"issuer over plain http differs", `{"tid":"` + string(home) + `","iss":"http://sts.windows.net/` + guid + `/"}`, "jwt - - " + whyIssuer},
		{"tid alone", `{"tid":"` + guid + `"}`, "jwt foreign foreign -"},
		{"upper case", `{"tid":"ABCDEFAB-CDEF-4BCD-8FAB-CDEFABCDEFAB"}`, "jwt other other -"},
		{"braces", `{"tid":"{` + guid + `}"}`, "jwt foreign foreign -"},
		{"urn", `{"tid":"urn:uuid:` + guid + `"}`, "jwt foreign foreign -"},
		{"no hyphens", `{"tid":"` + strings.ReplaceAll(guid, "-", "") + `"}`, "jwt foreign foreign -"},
		{"blank round it", `{"tid":" ` + guid + `"}`, "jwt - - " + whyTenant},
		{"NUL after it", `{"tid":"` + guid + `\u0000"}`, "jwt - - " + whyTenant},
		{"zeros", `{"tid":"00000000-0000-0000-0000-000000000000"}`, "jwt - - " + whyTenant},
		{"a domain", `{"tid":"contoso.com"}`, "jwt - - " + whyTenant},
		{"number", `{"tid":1,"iss":"https://sts.windows.net/` + guid + `/"}`, "jwt - - " + whyType},
		{"null", `{"tid":null,"iss":"https://sts.windows.net/` + guid + `/"}`, "jwt - - " + whyType},
		{"list", `{"tid":["` + guid + `"]}`, "jwt - - " + whyType},
		{"empty", `{"tid":""}`, "jwt - - " + whyType},
		{"issuer is a list", `{"tid":"` + guid + `","iss":["x"]}`, "jwt - - " + whyType},
		{"no claim at all", `{"x":1}`, "jwt - - " + whyNoTenant},
		{"empty object", `{}`, "jwt - - " + whyNoTenant},
		{"null payload", `null`, "jwt - - " + whyNoClaims},
		{"list payload", `["tid"]`, "jwt - - " + whyNoClaims},
		{"trailing JSON", `{"tid":"` + guid + `"}{"tid":"` + string(home) + `"}`, "jwt - - " + whyMalformed},
		{"repeated, foreign first", `{"tid":"` + guid + `","tid":"` + string(home) + `"}`, "jwt - - " + whyRepeated},
		{"repeated issuer", `{"iss":"x","tid":"` + guid + `","iss":"x"}`, "jwt - - " + whyRepeated},
		{"repeated idp", `{"tid":"` + guid + `","idp":"x","idp":"y"}`, "jwt - - " + whyRepeated},
		{"another case beside", `{"tid":"` + string(home) + `","TID":"` + guid + `"}`, "jwt - - " + whyCase},
		{"another case alone", `{"Tid":"` + guid + `"}`, "jwt - - " + whyCase},
		{"a letter that folds to s", `{"tid":"` + string(home) + `","iſs":"x"}`, "jwt - - " + whyCase},
		{"escapes in name and value", `{"\u0074id":"\u0033` + guid[1:] + `"}`, "jwt foreign foreign -"},
		{"escaped name repeats", `{"tid":"` + string(home) + `","\u0074id":"` + guid + `"}`, "jwt - - " + whyRepeated},
		{"issuer differs", `{"tid":"` + string(home) + `","iss":"https://sts.windows.net/` + guid + `/"}`, "jwt - - " + whyIssuer},
		{"issuer of another maker differs", `{"tid":"` + string(home) + `","iss":"https://sts.example.com/` + guid + `/"}`, "jwt - - " + whyIssuer},
		{"tid in a nested object only", `{"x":{"tid":"` + guid + `"}}`, "jwt - - " + whyNoTenant},
		{"values to step over", `{"a":[1,{"tid":"x"},"]}\""],"b":-1.5e3,"c":true , "tid" : "` + guid + `"}`, "jwt foreign foreign -"},
		{"nested deep", `{"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `,"tid":"` + guid + `"}`, "jwt - - " + whyDeep},
		{"as deep as it may be", `{"x":` + strings.Repeat("[", maxDepth-1) + strings.Repeat("]", maxDepth-1) + `,"tid":"` + guid + `"}`, "jwt foreign foreign -"},
		{"one deeper", `{"x":` + strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth) + `,"tid":"` + guid + `"}`, "jwt - - " + whyDeep},
		{"wide", `{"x":[` + strings.Repeat(`[],{"y":{}},`, 200) + `1],"tid":"` + guid + `"}`, "jwt foreign foreign -"},
		{"brackets in words", `{"x":"` + strings.Repeat(`[{\"`, 200) + `","tid":"` + guid + `"}`, "jwt foreign foreign -"},
		{"blanks of every kind", "{\t\"x\"\n:\r1 ,\t\"tid\"\t:\n\"" + guid + "\"\r}", "jwt foreign foreign -"},
		{"personal account", `{"tid":"` + string(Consumer) + `"}`, "jwt consumer consumer -"},
		{"personal account is a guest", `{"tid":"` + guid + `","idp":"live.com"}`, "jwt foreign consumer -"},
		{"personal account by its STS", `{"tid":"` + guid + `","idp":"https://sts.windows.net/` + string(Consumer) + `/"}`, "jwt foreign consumer -"},
		{"Google account is a guest", `{"tid":"` + guid + `","idp":"google.com"}`, "jwt foreign - -"},
		{"federation with the home GUID in it", `{"tid":"` + guid + `","idp":"https://adfs.example.com/` + string(home) + `/"}`, "jwt foreign - -"},
		{"guest without idp", `{"tid":"` + guid + `","acct":1}`, "jwt foreign - -"},
		{"guest without idp, in words", `{"tid":"` + guid + `","acct":"1"}`, "jwt foreign - -"},
		{"an audience of nobody", `{"tid":"` + guid + `","aud":[]}`, "jwt foreign foreign -"},
		{"an audience that is none", `{"tid":"` + guid + `","aud":{"x":1}}`, "jwt foreign foreign -"},
		{"personal account by another word", `{"tid":"` + guid + `","idp":"live.com.evil.test"}`, "jwt foreign - -"},
		{"access control service without a tenant", `{"iss":"00000001-0000-0000-c000-000000000000@contoso.com"}`, "jwt - - " + whyNoTenant},
		{"access control service of no application", `{"iss":"contoso@` + guid + `"}`, "jwt - - " + whyNoTenant},
		{"guest, with a blank behind it", `{"tid":"` + guid + `","acct":1 ,"a":0}`, "jwt foreign - -"},
		{"guest, with a tab behind it", `{"tid":"` + guid + `","acct":1` + "\t" + `,"a":0}`, "jwt foreign - -"},
		{"guest, with line ends behind it", `{"tid":"` + guid + `","acct":1` + "\r" + `,"a":0}`, "jwt foreign - -"},
		{"guest, at the end of a line", `{"tid":"` + guid + `","acct":1` + "\n" + `}`, "jwt foreign - -"},
		{"member without idp", `{"tid":"` + guid + `","acct":0}`, "jwt foreign foreign -"},
		{"personal altsecid", `{"tid":"` + guid + `","altsecid":"1:live.com:0003BFFD"}`, "jwt foreign - -"},
		{"issuer that names no tenant", `{"iss":"https://login.microsoftonline.com/common/v2.0"}`, "jwt - - " + whyNoTenant},
		{"idp is null", `{"tid":"` + guid + `","idp":null}`, "jwt - - " + whyType},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Parse(raw(`{"alg":"RS256"}`, tt.payload))
			if d := strings.TrimPrefix(describe(&got), " "); d != tt.want {
				t.Errorf("got %q, want %q", d, tt.want)
			}
		})
	}
}

func raw(head, payload string) string {
	b64 := base64.RawURLEncoding.EncodeToString
	return b64([]byte(head)) + "." + b64([]byte(payload)) + ".c2ln"
}

func TestAlgorithmDoesNotHideTheTenant(t *testing.T) {
	for _, head := range []string{`{"alg":"none"}`, `{"alg":"RS256"}`, `{"alg":"XX"}`, `{}`, `{"alg":7}`, " \n{}"} {
		got := Parse(raw(head, `{"tid":"`+string(foreign)+`"}`))
		if got.Tenant != foreign || got.Verified {
			t.Errorf("%s: %+v", head, got)
		}
	}
	if got := Parse(strings.TrimSuffix(raw(`{"alg":"none"}`, `{"tid":"`+string(foreign)+`"}`), "c2ln")); got.Tenant != foreign {
		t.Errorf("empty signature: %+v", got)
	}
}

func TestClaimsAreKeptShort(t *testing.T) {
	long := strings.Repeat("é", 4000)
	got := Parse(raw(`{}`, `{"tid":"`+string(home)+`","upn":"`+long+`","aud":["`+long+`"],"idp":"`+long+`","exp":1.5e9}`))
	for _, s := range []string{got.User, got.Audience, got.IDP} {
		if s == "" || len(s) > maxText || strings.ContainsRune(s, '\uFFFD') {
			t.Errorf("claim of %d octets", len(s))
		}
	}
	if got.Expires != time.Unix(1_500_000_000, 0).UTC() {
		t.Errorf("expires %v", got.Expires)
	}
}

func TestATokenExpiresWhenItSays(t *testing.T) {
	for exp, want := range map[string]int64{
		`1500000000`: 1500000000, `"1500000000"`: 1500000000, `1.5e9`: 1500000000, `1`: 1, `0`: 0, `-1`: 0, `"soon"`: 0, `"NaN"`: 0, `null`: 0, `[1]`: 0, `1e300`: 0,
		`17179869180`: 17179869180, `17179869181`: 0,
	} {
		got := Parse(raw(`{}`, `{"tid":"`+string(home)+`","exp":`+exp+`}`))
		if got.Unreadable || got.Expires.IsZero() != (want == 0) || want != 0 && got.Expires.Unix() != want {
			t.Errorf("exp %s: %v", exp, got.Expires)
		}
	}
}

func TestAClaimIsKeptToItsLimit(t *testing.T) {
	for size, want := range map[int]int{maxText - 1: maxText - 1, maxText: maxText, maxText + 1: maxText} {
		if got := Parse(raw(`{}`, `{"tid":"`+string(home)+`","upn":"`+strings.Repeat("x", size)+`"}`)); len(got.User) != want {
			t.Errorf("%d octets: %d are kept", size, len(got.User))
		}
	}
}

// SharePoint's download token is read in the one form that is known.
func TestADownloadTokenIsReadInOneForm(t *testing.T) {
	form := func(claims string) string {
		return "v1." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
	}
	aud := `"aud":"00000003-0000-0ff1-ce00-000000000000/contoso.sharepoint.com@` + string(foreign) + `"`
	for text, want := range map[string]Tenant{
		form(`{` + aud + `}`): foreign, form(`{` + aud + `,"tid":"` + string(home) + `"}`): "", form(`{` + aud + `,"iss":"x"}`): "",
		form(`{` + aud + `,"Aud":"x"}`): "", form(`{` + aud): "", form(`{"aud":"contoso.sharepoint.com@contoso.com"}`): "", form(`{"x":1}`): "",
		form(`{` + aud + `}`)[len("v1."):]: "", strings.TrimSuffix(form(`{`+aud+strings.Repeat(" ", 2-len(aud)%3+2)+`}`), ".c2ln") + "!.c2ln": "",
		strings.TrimSuffix(form(`{`+aud+`}`), ".c2ln"): "", "v2" + form(`{` + aud + `}`)[2:]: "", "v1.!!!.c2ln": "",
	} {
		if got := Parse(text); got.Tenant != want || got.Unreadable != (want == "") {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

// home_oid is an account's object in its own tenant; of an account that is no
// guest that is oid.
func TestAnAccountHasItsObjectAtHome(t *testing.T) {
	here, there := `"oid":"44444444-4444-4444-4444-444444444444"`, `"home_oid":"55555555-5555-5555-5555-555555555555"`
	guest := `"idp":"https://sts.windows.net/` + string(foreign) + `/"`
	for members, want := range map[string]string{
		here: "44444444-4444-4444-4444-444444444444", here + "," + there: "55555555-5555-5555-5555-555555555555", there: "55555555-5555-5555-5555-555555555555",
		here + "," + guest: "", here + "," + there + "," + guest: "55555555-5555-5555-5555-555555555555",
	} {
		if got := Parse(mint(home, members)); got.HomeObject != want || got.Unreadable {
			t.Errorf("%s: %+v", members, got)
		}
	}
}

func TestATicketOfAPersonalAccountIsKnownByItsBeginning(t *testing.T) {
	for ticket, want := range map[string]Tenant{
		"EwA0123456789abc": Consumer, "EwB0123456789abc": Consumer, "t=EwA0123456789abc": Consumer, "EwA0123456789ab": "", "EwC0123456789abcdef": "",
		"xEwA0123456789abc": "", "t=EwA0123456789ab": "",
	} {
		if got := Parse(ticket); got.Tenant != want || got.Account != want || got.Unreadable != (want == "") {
			t.Errorf("%s: %+v", ticket, got)
		}
	}
}

// A token, and its header, are read up to their limits.
func TestTooLongIsUnreadable(t *testing.T) {
	claims := `{"tid":"` + string(foreign) + `"}`
	sized := func(length int) string {
		short := raw(`{}`, claims)
		return short + strings.Repeat("A", length-len(short))
	}
	header := func(length int) string { // three octets are four letters
		return raw(`{"x":"`+strings.Repeat("x", length/4*3-len(`{"x":""}`))+`"}`, claims)
	}
	for text, want := range map[string]string{
		sized(maxToken): "", sized(maxToken + 1): whyLong, header(maxHeader): "", strings.Replace(header(maxHeader), ".", "A.", 1): whyLong, header(maxHeader + 4): whyLong,
		raw(`{}`, `{"x":"`+strings.Repeat("x", maxToken)+`","tid":"`+string(home)+`"}`): whyLong,
	} {
		if got := Parse(text); got.Unreadable != (want != "") || got.Why != want {
			t.Errorf("%d octets, a header of %d: %+v", len(text), strings.IndexByte(text, '.'), got)
		}
	}
}

// Segments with dots between, the first of which begins like an object in
// base64 of either alphabet.
func TestATokenIsKnownByItsHeader(t *testing.T) {
	long := base64.RawURLEncoding.EncodeToString([]byte(`{"x":"` + strings.Repeat("x", 100) + `"}`))
	for _, form := range []*base64.Encoding{base64.RawURLEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.StdEncoding} {
		for head, want := range map[string]bool{
			`{`: true, `{}`: true, `{"alg":"none"}`: true, `{"k":"~~~???>>>"}`: true, " \t\r\n{}": true, strings.Repeat(" ", 100) + `{}`: true,
			`x`: false, `[{}]`: false, `"{"`: false, `~~~{`: false, " x{": false, "\v{": false,
		} {
			if text := form.EncodeToString([]byte(head)) + ".x.y"; looksJWT(text) != want {
				t.Errorf("%q, %s: %v", head, text, !want)
			}
		}
	}
	for text, want := range map[string]bool{
		"": false, ".": false, "..": false, "...": false, ".e30.x": false, "=.x.y": false, "e.x.y": false, "e30": false, "e30.": false, "e30.x": false,
		"e30..": true, "e30.x.": true, "e30.x.y": true, "e30.x.y.z.w": true, "e30 .x.y": false, "eyJh!!!!.x.y": false, "eyJh!.x.y": false, long + ".x.y": true, long: false,
	} {
		if looksJWT(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}
