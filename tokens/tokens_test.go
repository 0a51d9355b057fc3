package tokens

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/tenantgate/tenantgate/hosts"
)

const (
	home    Tenant = "11111111-1111-1111-1111-111111111111"
	foreign Tenant = "33333333-3333-3333-3333-333333333333"
	other   Tenant = "abcdefab-cdef-4bcd-8fab-cdefabcdefab"

	// marker stands in every credential of the tests, and in nothing that
	// comes out.
	marker = "q7Zx-marker-K2"
	graph  = "https://graph.microsoft.com/v1.0/me"
)

var throwaway = []byte("a key that signs nothing outside these tests")

// mint signs claims given as JSON members, after what every token has.
func mint(tid Tenant, members string) string {
	if members != "" {
		members += ","
	}
	payload := fmt.Sprintf(`{%s"tid":"%s","iss":"https://sts.windows.net/%s/","exp":4102444800,"appid":"04b07795-8ddb-461a-bbee-02f9e1bf7b46","upn":"ada@example.com","aud":"https://graph.microsoft.com"}`, members, tid, tid)
	return sign(payload)
}

func sign(payload string) string {
	head := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT","kid":"` + marker + `"}`))
	if strings.HasPrefix(payload, "{\"") {
		payload = `{"secret":"` + marker + `",` + payload[1:]
	}
	text := head + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	sig, err := jwt.SigningMethodHS256.Sign(text, throwaway)
	if err != nil {
		panic(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(sig)
}

var credentials = map[string]string{
	"home":      mint(home, ""),
	"home2":     mint(home, `"jti":"2"`),
	"foreign":   mint(foreign, ""),
	"foreign2":  mint(foreign, `"jti":"2"`),
	"other":     mint(other, ""),
	"consumer":  mint(Consumer, ""),
	"guestin":   mint(home, `"idp":"https://sts.windows.net/33333333-3333-3333-3333-333333333333/"`),
	"guestout":  mint(foreign, `"idp":"https://sts.windows.net/11111111-1111-1111-1111-111111111111/"`),
	"repeated":  mint(home, `"tid":"33333333-3333-3333-3333-333333333333"`),
	"notenant":  sign(`{"iss":"https://app.vstoken.visualstudio.com","exp":4102444800}`),
	"opaque":    "opaque-" + marker + "-0123456789abcdef0123456789",
	"ticket":    "EwBgA8l6BAAU" + strings.ReplaceAll(marker, "-", "") + "AAAA==",
	"malformed": "eyJhbGciOiJub25lIn0.eyJ0aWQiOi" + marker + ".x",
	"encrypted": base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RSA-OAEP","enc":"A256GCM"}`)) + ".a2V5.aXY." + strings.ReplaceAll(marker, "-", "") + ".dGFn",
	"basic":     base64.StdEncoding.EncodeToString([]byte(":" + marker)),
	"key":       "c2lnbmF0dXJl" + strings.ReplaceAll(marker, "-", "") + "%3D",
	"marker":    marker,
}

func init0() {
	credentials["basicforeign"] = base64.StdEncoding.EncodeToString([]byte("user:" + credentials["foreign"]))
	credentials["pop"] = sign(`{"at":"` + credentials["foreign"] + `","ts":1,"m":"GET"}`)
	credentials["pophome"] = sign(`{"at":"` + credentials["home"] + `","ts":1,"m":"GET"}`)
	credentials["actor"] = mint(home, `"actortoken":"`+credentials["foreign"]+`"`)
	credentials["actorbearer"] = mint(home, `"actortoken":"Bearer `+credentials["foreign"]+`"`)
	credentials["tempauth"] = "v1." + base64.RawURLEncoding.EncodeToString([]byte(`{"siteid":"`+marker+`","aud":"00000003-0000-0ff1-ce00-000000000000/contoso.sharepoint.com@`+string(foreign)+`","exp":"4102444800"}`)) + ".c2ln"
	deep := credentials["foreign"]
	for range 6 {
		deep = mint(home, `"actortoken":"`+deep+`"`)
	}
	credentials["deep"] = deep
	credentials["k8s"] = "base64url.bearer.authorization.k8s.io." + base64.RawURLEncoding.EncodeToString([]byte(credentials["foreign"]))
}

var filler = func() *strings.Replacer {
	init0()
	var pairs []string
	for name, val := range credentials {
		pairs = append(pairs, "{"+name+"}", val)
	}
	pairs = append(pairs, "{enc:foreign}", percent(credentials["foreign"]))
	return strings.NewReplacer(pairs...)
}()

func percent(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%%%02X", s[i])
	}
	return b.String()
}

func finder(t testing.TB) *Finder {
	t.Helper()
	f, err := New(Config{}, throwaway)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// assertNoSecret fails if a credential of the tests, or what only a credential
// holds, is in what Find returned.
func assertNoSecret(t *testing.T, found []*Token, err error) {
	t.Helper()
	out := fmt.Sprintf("%+v", err)
	for _, token := range found {
		out += fmt.Sprintf("%+v", *token)
	}
	for _, raw := range append([]string{marker}, values()...) {
		if len(raw) > 8 && strings.Contains(out, raw) {
			t.Errorf("a credential comes out: %s", out)
		}
	}
}

func values() []string {
	var list []string
	for _, raw := range credentials {
		list = append(list, raw, raw[strings.LastIndexByte(raw, '.')+1:])
	}
	return list
}

func request(target string, header ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

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
		{"personal account", `{"tid":"` + string(Consumer) + `"}`, "jwt consumer consumer -"},
		{"personal account is a guest", `{"tid":"` + guid + `","idp":"live.com"}`, "jwt foreign consumer -"},
		{"personal account by its STS", `{"tid":"` + guid + `","idp":"https://sts.windows.net/` + string(Consumer) + `/"}`, "jwt foreign consumer -"},
		{"Google account is a guest", `{"tid":"` + guid + `","idp":"google.com"}`, "jwt foreign - -"},
		{"federation with the home GUID in it", `{"tid":"` + guid + `","idp":"https://adfs.example.com/` + string(home) + `/"}`, "jwt foreign - -"},
		{"guest without idp", `{"tid":"` + guid + `","acct":1}`, "jwt foreign - -"},
		{"member without idp", `{"tid":"` + guid + `","acct":0}`, "jwt foreign foreign -"},
		{"personal altsecid", `{"tid":"` + guid + `","altsecid":"1:live.com:0003BFFD"}`, "jwt foreign - -"},
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

func TestTooLongIsUnreadable(t *testing.T) {
	for _, raw := range []string{
		raw(`{}`, `{"x":"`+strings.Repeat("x", maxToken)+`","tid":"`+string(home)+`"}`),
		raw(`{"x":"`+strings.Repeat("x", maxHeader)+`"}`, `{"tid":"`+string(home)+`"}`),
	} {
		if got := Parse(raw); !got.Unreadable || got.Why != whyLong {
			t.Errorf("%+v", got)
		}
	}
}

func TestDigestFollowsTheCredentialAndTheKey(t *testing.T) {
	f := finder(t)
	n := hosts.Name("graph.microsoft.com")
	token := credentials["home"]
	a, _ := f.Find(nil, n, request(graph, "Authorization", "Bearer "+token))
	b, _ := f.Find(nil, n, request(graph+"?access_token="+token))
	c, _ := f.Find(nil, n, request(graph, "Authorization", "Bearer "+credentials["home2"]))
	g, err := New(Config{}, []byte("another key, long enough"))
	if err != nil {
		t.Fatal(err)
	}
	d, _ := g.Find(nil, n, request(graph, "Authorization", "Bearer "+token))
	if len(a[0].Digest) != 32 || a[0].Digest != b[0].Digest || a[0].Digest == c[0].Digest || a[0].Digest == d[0].Digest {
		t.Error(a[0].Digest, b[0].Digest, c[0].Digest, d[0].Digest)
	}
}

func TestSettingsProblemsAreNamedTogether(t *testing.T) {
	_, err := New(Config{Hosts: []string{"*.com", "ok.example.com", "http://x"}}, []byte("short"))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"hosts[0]", "hosts[2]", "digest key"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %s", err, want)
		}
	}
}

func TestConfiguredHostCarriesTokens(t *testing.T) {
	f, err := New(Config{Hosts: []string{"*.api.example.com"}}, throwaway)
	if err != nil {
		t.Fatal(err)
	}
	found, err := f.Find(nil, "a.api.example.com", request("https://a.api.example.com/?access_token="+credentials["foreign"]))
	if len(found) != 1 || found[0].Tenant != foreign || err != nil {
		t.Error(found, err)
	}
}

func TestRememberedTokenIsParsedAgainOnceItExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := finder(t)
		exp := time.Now().Add(time.Hour).Unix()
		r := request(graph, "Authorization", "Bearer "+sign(fmt.Sprintf(`{"tid":"%s","exp":%d}`, foreign, exp)))
		find := func() *Token {
			found, err := f.Find(nil, "graph.microsoft.com", r)
			if len(found) != 1 || found[0].Tenant != foreign || err != nil {
				t.Fatal(found, err)
			}
			return found[0]
		}
		first := find()
		if find() != first {
			t.Error("a token that was seen is parsed again")
		}
		time.Sleep(time.Hour)
		if find() == first {
			t.Error("a token is remembered past exp")
		}
		if a, b := find(), find(); a == b {
			t.Error("an expired token is remembered")
		}
	})
}

func TestCacheIsBounded(t *testing.T) {
	c, err := newCache()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 * cacheSize {
		var k key
		c.sum(&k.sum, fmt.Sprint(i))
		c.put(&k, nil)
	}
	if n := c.len(); n > cacheSize || n < cacheSize/2 {
		t.Errorf("%d entries, want at most %d", n, cacheSize)
	}
}

func TestCacheTellsCredentialsApartByEveryOctet(t *testing.T) {
	c, err := newCache()
	if err != nil {
		t.Fatal(err)
	}
	raw := []byte(credentials["home"])
	seen := map[sum]bool{}
	for i := range raw {
		raw[i] ^= 1
		var s sum
		c.sum(&s, string(raw))
		raw[i] ^= 1
		if seen[s] {
			t.Fatalf("octet %d does not matter", i)
		}
		seen[s] = true
	}
}

func TestSeenTokenCostsNoAllocation(t *testing.T) {
	f := finder(t)
	r := request(graph+"?$top=5&$select=id,displayName", "Authorization", "Bearer "+big, "Cookie", "a=b; c=d")
	found := make([]*Token, 0, 4)
	find := func() { found, _ = f.Find(found[:0], "graph.microsoft.com", r) }
	find()
	if n := testing.AllocsPerRun(200, find); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
	if len(found) != 1 || found[0].Tenant != home {
		t.Error(found)
	}
}

var big = mint(home, `"groups":["`+strings.Repeat("x", 1300)+`"]`)

// untouched fails the test when it is read.
type untouched struct{ t *testing.T }

func (u untouched) Read([]byte) (int, error) { u.t.Error("the body is read"); return 0, io.EOF }
func (u untouched) Close() error             { return nil }

func TestBodyIsReadOnlyWhereItCouldCarryACredential(t *testing.T) {
	const formType = "application/x-www-form-urlencoded"
	for _, tt := range []struct{ name, target, contentType string }{
		{"another host", "https://login.microsoftonline.com/common/oauth2/token", formType},
		{"an upload", "https://contoso.sharepoint.com/_api/upload", "application/octet-stream"},
		{"no type", graph, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, tt.target, nil)
			r.Body, r.ContentLength = untouched{t}, -1
			if tt.contentType != "" {
				r.Header.Set("Content-Type", tt.contentType)
			}
			if _, err := finder(t).Find(nil, hosts.Name(r.URL.Hostname()), r); err != nil {
				t.Error(err)
			}
		})
	}
	r := httptest.NewRequest(http.MethodPost, graph, nil)
	r.Header.Set("Content-Type", formType)
	r.Body, r.ContentLength = untouched{t}, maxBody+1
	if _, err := finder(t).Find(nil, "graph.microsoft.com", r); !errors.Is(err, ErrTooLarge) {
		t.Errorf("declared too large: %v", err)
	}
}

func TestLongBodyStillArrives(t *testing.T) {
	sent := strings.Repeat("a=b&", maxBody/2)
	r := httptest.NewRequest(http.MethodPost, graph, strings.NewReader(sent))
	r.ContentLength = -1
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if _, err := finder(t).Find(nil, "graph.microsoft.com", r); !errors.Is(err, ErrTooLarge) {
		t.Errorf("error is %v", err)
	}
	got, err := io.ReadAll(r.Body)
	if string(got) != sent || err != nil || r.ContentLength != -1 {
		t.Errorf("%d of %d octets arrive: %v", len(got), len(sent), err)
	}
}

func TestBrokenBodyStaysBroken(t *testing.T) {
	broke := errors.New("client went away")
	r := httptest.NewRequest(http.MethodPost, graph, io.MultiReader(strings.NewReader("access_"), broken{broke}))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if _, err := finder(t).Find(nil, "graph.microsoft.com", r); !errors.Is(err, ErrUninspectable) || !errors.Is(err, broke) {
		t.Errorf("error is %v", err)
	}
	if got, err := io.ReadAll(r.Body); string(got) != "access_" || !errors.Is(err, broke) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestSixteenCredentialsAreTheMost(t *testing.T) {
	for n, want := range map[int]bool{16: false, 17: true, 400: true} {
		r := request(graph)
		for i := range n {
			r.Header.Add("Authorization", "Bearer "+mint(home, fmt.Sprintf(`"jti":"%d"`, i)))
		}
		found, err := finder(t).Find(nil, "graph.microsoft.com", r)
		if errors.Is(err, ErrTooMany) != want || len(found) != 16 {
			t.Errorf("%d credentials: %d found, %v", n, len(found), err)
		}
	}
}

func TestFoundIsAppendedTo(t *testing.T) {
	mine := &Token{}
	found, err := finder(t).Find([]*Token{mine}, "graph.microsoft.com", request(graph, "Authorization", "Bearer "+credentials["home"]))
	if len(found) != 2 || found[0] != mine || err != nil {
		t.Error(found, err)
	}
}
