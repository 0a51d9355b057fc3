package tokens

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

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
	"registry":  sign(`{"iss":"Azure Container Registry","aud":"contoso.azurecr.io","exp":4102444800}`),
	"notenant":  sign(`{"iss":"https://app.vstoken.visualstudio.com","exp":4102444800}`),
	"opaque":    "opaque-" + marker + "-0123456789abcdef0123456789",
	"ticket":    "EwBgA8l6BAAU" + strings.ReplaceAll(marker, "-", "") + "AAAA==",
	"malformed": "eyJhbGciOiJub25lIn0.eyJ0aWQiOi" + marker + ".x",
	"encrypted": base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RSA-OAEP","enc":"A256GCM"}`)) + ".a2V5.aXY." + strings.ReplaceAll(marker, "-", "") + ".dGFn",
	"basic":     base64.StdEncoding.EncodeToString([]byte(":" + marker)),
	"key":       "c2lnbmF0dXJl" + strings.ReplaceAll(marker, "-", "") + "%3D",
	"marker":    marker,
}

func compose() {
	maps.Copy(credentials, samlMessages())
	credentials["basicforeign"] = base64.StdEncoding.EncodeToString([]byte("user:" + credentials["foreign"]))
	pair := "user:" + credentials["foreign"]
	if len(pair)%3 == 0 {
		pair = "a" + pair // so that there is padding to leave out
	}
	credentials["rawbasicforeign"] = base64.RawStdEncoding.EncodeToString([]byte(pair))
	credentials["basictwo"] = base64.StdEncoding.EncodeToString([]byte(credentials["home"] + ":" + credentials["foreign"]))
	credentials["basicregistry"] = base64.StdEncoding.EncodeToString([]byte("00000000-0000-0000-0000-000000000000:" + credentials["registry"]))
	credentials["pop"] = sign(`{"at":"` + credentials["foreign"] + `","ts":1,"m":"GET"}`)
	credentials["pophome"] = sign(`{"at":"` + credentials["home"] + `","ts":1,"m":"GET"}`)
	credentials["actor"] = mint(home, `"actortoken":"`+credentials["foreign"]+`"`)
	credentials["actorbearer"] = mint(home, `"actortoken":"Bearer `+credentials["foreign"]+`"`)
	credentials["tempauth"] = "v1." + base64.RawURLEncoding.EncodeToString([]byte(`{"siteid":"`+marker+`","aud":"00000003-0000-0ff1-ce00-000000000000/contoso.sharepoint.com@`+string(foreign)+`","exp":"4102444800"}`)) + ".c2ln"
	credentials["actorblank"] = mint(home, `"actortoken":" `+credentials["foreign"]+` "`)
	deepest := credentials["foreign"]
	for range 4 {
		deepest = mint(home, `"actortoken":"`+deepest+`"`)
	}
	credentials["deepest"] = deepest
	deep := credentials["foreign"]
	for range 6 {
		deep = mint(home, `"actortoken":"`+deep+`"`)
	}
	credentials["deep"] = deep
	credentials["k8s"] = "base64url.bearer.authorization.k8s.io." + base64.RawURLEncoding.EncodeToString([]byte(credentials["foreign"]))
}

var filler = func() *strings.Replacer {
	compose()
	var pairs []string
	for name, val := range credentials {
		pairs = append(pairs, "{"+name+"}", val)
	}
	pairs = append(pairs, "{enc:foreign}", percent(credentials["foreign"]), "{bom}", "\xef\xbb\xbf")
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
	if _, bench := t.(*testing.B); bench {
		return f
	}
	if f.cache, err = newCache(fewSets); err != nil { // half a megabyte less for each test
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

func TestLongLineIsUnreadableWithoutBeingRead(t *testing.T) {
	r := request(graph, "Authorization", strings.Repeat("x ", maxLine)+"Bearer "+credentials["home"])
	found, err := finder(t).Find(nil, "graph.microsoft.com", r)
	if len(found) != 1 || found[0].Why != whyLong || err != nil {
		t.Error(found, err)
	}
}

// A line is read as long as three tokens and their schemes are.
func TestALineIsReadUpToItsLimit(t *testing.T) {
	const scheme = "Bearer "
	token := credentials["home"]
	for blanks, want := range map[int]string{
		maxLine - len(scheme) - len(token):     "authorization jwt home home -",
		maxLine - len(scheme) - len(token) + 1: "authorization opaque - - " + whyLong,
	} {
		found, err := finder(t).Find(nil, "graph.microsoft.com", request(graph, "Authorization", scheme+strings.Repeat(" ", blanks)+token))
		if len(found) != 1 || describe(found[0]) != want || err != nil {
			t.Errorf("%d blanks: %v, %v", blanks, found, err)
		}
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
		r.Header.Set("Authorization", strings.Join(r.Header["Authorization"], ","))
		if found, err := finder(t).Find(nil, "graph.microsoft.com", r); n < 20 && (errors.Is(err, ErrTooMany) != want || len(found) != 16) {
			t.Errorf("%d credentials in a line: %d found, %v", n, len(found), err)
		}
	}
}

// A key says nothing that a seventeenth credential would be refused for.
func TestAKeyBehindSixteenCredentialsIsLeftOut(t *testing.T) {
	for n, want := range map[int]int{15: 16, 16: 16} {
		r := request(graph + "?sig=x")
		for i := range n {
			r.Header.Add("Authorization", "Bearer "+mint(home, fmt.Sprintf(`"jti":"%d"`, i)))
		}
		found, err := finder(t).Find(nil, "graph.microsoft.com", r)
		if len(found) != want || (found[len(found)-1].Kind == Key) != (n == 15) || err != nil {
			t.Errorf("%d credentials and a key: %d found, %v", n, len(found), err)
		}
	}
}

func TestADigestKeyOfSixteenOctetsIsEnough(t *testing.T) {
	for length, want := range map[int]bool{15: false, 16: true, 17: true} {
		if _, err := New(Config{}, make([]byte, length)); (err == nil) != want {
			t.Errorf("%d octets: %v", length, err)
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
