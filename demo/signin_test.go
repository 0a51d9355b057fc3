package demo

import (
	"bufio"
	"compress/gzip"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

func newGzip(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }

// names spells out the tenants of a table.
var names = strings.NewReplacer(" H:", " "+Home.ID+":", " H", " "+Home.Tag(), " F", " "+Foreign.Tag())

func signInBody(user string) string {
	return form("grant_type", "password", "client_id", "app", "scope", "https://graph.microsoft.com/.default",
		"username", user, "password", "secret")
}

func TestSignInsEndAsTheTagSays(t *testing.T) {
	c := start(t)
	cl := client(t, c)
	for _, row := range rows(t, "sign-ins.txt") {
		host, tenant, user, tag, want := row[0], row[1], row[2], row[3], row[4]
		t.Run(strings.Join(row, " "), func(t *testing.T) {
			var header []string
			tag = names.Replace(tag)
			if value, ok := strings.CutPrefix(tag, "v2 "); ok {
				header = append(header, "sec-Restrict-Tenant-Access-Policy: "+value)
			}
			if value, ok := strings.CutPrefix(tag, "v1 "); ok {
				header = append(header, "Restrict-Access-To-Tenants: "+value, "Restrict-Access-Context: "+Home.ID)
			}
			answer, body := do(t, cl, "POST", "https://"+host+"/"+tenant+"/oauth2/v2.0/token", signInBody(user), header...)
			m := fields(t, body)
			got := "0"
			if codes, ok := m["error_codes"].([]any); ok {
				got = fmt.Sprint(int(codes[0].(float64)))
			}
			if got != want || (want == "0") != (answer.StatusCode == 200) {
				t.Errorf("AADSTS%s (%s), want %s: %s", got, answer.Status, want, body)
			}
		})
	}
}

func TestTagsThatNoProxyMaySendAreRefusedLoudly(t *testing.T) {
	c := start(t)
	for _, row := range rows(t, "bad-tags.txt") {
		t.Run(strings.Join(row, " "), func(t *testing.T) {
			var head, trailer string
			for _, column := range row[1:] {
				line := names.Replace(column) + "\r\n"
				if after, ok := strings.CutPrefix(line, "trailer "); ok {
					trailer += after
					continue
				}
				head += line
			}
			if trailer != "" {
				head += "Trailer: sec-Restrict-Tenant-Access-Policy\r\n"
			}
			raw, err := c.Dial(t.Context(), "tcp", "login.microsoftonline.com:443")
			if err != nil {
				t.Fatal(err)
			}
			defer raw.Close()
			conn := tls.Client(raw, &tls.Config{RootCAs: c.Roots(), ServerName: "login.microsoftonline.com"})
			_, _ = io.WriteString(conn, "POST /common/oauth2/v2.0/token HTTP/1.1\r\nHost: login.microsoftonline.com\r\n"+
				"Transfer-Encoding: chunked\r\n"+head+"\r\n1\r\na\r\n0\r\n"+trailer+"\r\n")
			answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(answer.Body)
			if answer.StatusCode != 400 || !strings.Contains(string(body), row[0]) {
				t.Errorf("%s %s, want %q", answer.Status, body, row[0])
			}
		})
	}
}

func TestARefusalIsWordedAsEntraWordsIt(t *testing.T) {
	c := start(t)
	answer, body := do(t, client(t, c), "POST", "https://login.microsoftonline.com/"+Foreign.ID+"/oauth2/v2.0/token",
		signInBody("mallory@fabrikam.com"), "sec-Restrict-Tenant-Access-Policy: "+Home.Tag(), "client-request-id: abc")
	m := fields(t, body)
	for _, name := range []string{"error", "error_description", "error_codes", "timestamp", "trace_id", "correlation_id", "error_uri"} {
		if m[name] == nil {
			t.Errorf("no %s in %s", name, body)
		}
	}
	if !strings.HasPrefix(m["error_description"].(string), "AADSTS5000211: A tenant restrictions policy") ||
		m["correlation_id"] != "abc" || answer.Header.Get("client-request-id") != "abc" || answer.Header.Get("x-ms-request-id") == "" {
		t.Errorf("%v %s", answer.Header, body)
	}
	_, page := do(t, client(t, c), "GET", "https://login.microsoftonline.com/"+Foreign.ID+
		"/oauth2/v2.0/authorize?client_id=app&login_hint=mallory@fabrikam.com", "", "sec-Restrict-Tenant-Access-Policy: "+Home.Tag())
	config := regexp.MustCompile(`\$Config=(\{.*\});`).FindStringSubmatch(page)
	if len(config) != 2 || !strings.Contains(page, `<meta name="PageID" content="ConvergedError">`) {
		t.Fatalf("no error page: %s", page)
	}
	if m := fields(t, config[1]); m["sErrorCode"] != "5000211" || m["pgid"] != "ConvergedError" {
		t.Errorf("$Config is %v", m)
	}
}

func TestAPersonSignsInAtTheApplicationTheyCameFrom(t *testing.T) {
	c := start(t)
	cl := client(t, c)
	first, _ := do(t, cl, "GET", "https://contoso.sharepoint.com/sites/x", "")
	if first.StatusCode != 302 {
		t.Fatalf("a first visit: %s", first.Status)
	}
	_, page := do(t, cl, "GET", first.Header.Get("Location"), "")
	action, inputs := formOf(t, page)
	inputs = append(inputs, "login", "alice@contoso.com", "passwd", "x")
	_, page = do(t, cl, "POST", "https://login.microsoftonline.com"+action, form(inputs...))
	action, inputs = formOf(t, page)
	back, body := do(t, cl, "POST", action, form(inputs...))
	if back.StatusCode != 302 || back.Header.Get("Location") != "/" {
		t.Fatalf("back at SharePoint: %s %s", back.Status, body)
	}
	last, body := do(t, cl, "GET", "https://contoso.sharepoint.com/", "")
	if last.StatusCode != 200 || !strings.Contains(body, "Contoso") {
		t.Errorf("%s %s", last.Status, body)
	}
}

func formOf(t *testing.T, page string) (action string, inputs []string) {
	t.Helper()
	found := regexp.MustCompile(`action="([^"]*)"`).FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("no form in %s", page)
	}
	for _, m := range regexp.MustCompile(`type="hidden" name="([^"]*)" value="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		inputs = append(inputs, m[1], html.UnescapeString(m[2]))
	}
	return html.UnescapeString(found[1]), inputs
}

func TestACodeIsRedeemedOnceAndARefreshTokenIsJudgedAgain(t *testing.T) {
	c := start(t)
	cl := client(t, c)
	const at = "https://login.microsoftonline.com/fabrikam.com"
	signed, _ := do(t, cl, "POST", at+"/login", form("login", "alice@contoso.com", "passwd", "x", "client_id", "app",
		"redirect_uri", "https://app.example/cb", "response_type", "code", "state", "s1", "scope", "User.Read"))
	to, err := signed.Location()
	if err != nil || to.Query().Get("state") != "s1" {
		t.Fatalf("%v %v", to, err)
	}
	redeem := form("grant_type", "authorization_code", "client_id", "app", "code", to.Query().Get("code"))
	_, body := do(t, cl, "POST", at+"/oauth2/v2.0/token", redeem)
	m := fields(t, body)
	if m["token_type"] != "Bearer" || m["expires_in"] != 3599.0 {
		t.Errorf("%s", body)
	}
	claims := claimsOf(t, m["access_token"])
	if claims["tid"] != Foreign.ID || claims["idp"] != issuer(Home.ID, "1.0") || claims["ver"] != "1.0" {
		t.Errorf("a guest's token claims %v", claims)
	}
	info, _ := base64.RawURLEncoding.DecodeString(m["client_info"].(string))
	if fields(t, string(info))["utid"] != Home.ID {
		t.Errorf("client_info is %s", info)
	}
	if _, body := do(t, cl, "POST", at+"/oauth2/v2.0/token", redeem); !strings.Contains(body, "AADSTS70008") {
		t.Errorf("a code is good twice: %s", body)
	}
	again := form("grant_type", "refresh_token", "refresh_token", m["refresh_token"].(string))
	if answer, body := do(t, cl, "POST", at+"/oauth2/v2.0/token", again); answer.StatusCode != 200 {
		t.Errorf("refresh: %s", body)
	}
	_, body = do(t, cl, "POST", at+"/oauth2/v2.0/token", again, "Restrict-Access-To-Tenants: contoso.com")
	if !strings.Contains(body, "AADSTS500021:") {
		t.Errorf("refresh under v1: %s", body)
	}
}

func claimsOf(t *testing.T, token any) map[string]any {
	t.Helper()
	claims, err := readToken(token.(string))
	if err != nil {
		t.Fatal(err)
	}
	return claims
}

func TestADeviceSignsInWhenItsCodeWasEntered(t *testing.T) {
	c := start(t)
	cl := client(t, c)
	const at = "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/"
	_, body := do(t, cl, "POST", at+"devicecode", form("client_id", "app", "scope", "User.Read"))
	device := fields(t, body)
	poll := form("grant_type", deviceGrant, "client_id", "app", "device_code", device["device_code"].(string))
	if _, body := do(t, cl, "POST", at+"token", poll); fields(t, body)["error"] != "authorization_pending" {
		t.Errorf("too early: %s", body)
	}
	do(t, cl, "POST", device["verification_uri"].(string), form("otc", device["user_code"].(string), "login", "bob@contoso.com"))
	if answer, body := do(t, cl, "POST", at+"token", poll); answer.StatusCode != 200 {
		t.Errorf("after: %s", body)
	}
	_, body = do(t, cl, "POST", "https://login.microsoftonline.com/fabrikam.com/oauth2/v2.0/devicecode",
		form("client_id", "app"), "sec-Restrict-Tenant-Access-Policy: "+Home.Tag())
	if !strings.Contains(body, "AADSTS5000211") {
		t.Errorf("a foreign device: %s", body)
	}
}

func TestPersonalAccountsAreKeptOutByEitherTag(t *testing.T) {
	c := start(t)
	cl := client(t, c)
	const at = "https://login.live.com/oauth20_authorize.srf?client_id=app"
	if _, page := do(t, cl, "GET", at, ""); !strings.Contains(page, "ConvergedSignIn") {
		t.Errorf("untagged: %s", page)
	}
	for _, tag := range []string{"restrict-msa", Home.Tag()} {
		if _, page := do(t, cl, "GET", at, "", "sec-Restrict-Tenant-Access-Policy: "+tag); !strings.Contains(page, "80045C4D") {
			t.Errorf("%s: %s", tag, page)
		}
	}
}

func TestDiscoveryTellsTheTenant(t *testing.T) {
	c := start(t)
	cl := client(t, c)
	const login = "https://login.microsoftonline.com/"
	for segment, want := range map[string]string{
		"fabrikam.com": Foreign.ID, Home.ID: Home.ID, "adatum.onmicrosoft.com": Partner.ID,
		"common": "{tenantid}", "organizations": "{tenantid}",
	} {
		_, body := do(t, cl, "GET", login+segment+"/v2.0/.well-known/openid-configuration", "")
		if m := fields(t, body); m["issuer"] != "https://login.microsoftonline.com/"+want+"/v2.0" {
			t.Errorf("%s: %v", segment, m["issuer"])
		}
	}
	if answer, body := do(t, cl, "GET", login+"nowhere.example/v2.0/.well-known/openid-configuration", ""); answer.StatusCode != 400 || !strings.Contains(body, "AADSTS90002") {
		t.Errorf("%s %s", answer.Status, body)
	}
	_, body := do(t, cl, "GET", login+"common/discovery/instance?api-version=1.1&authorization_endpoint=https%3A%2F%2Flogin.example%2Ft1%2Foauth2%2Fv2.0%2Fauthorize", "")
	if got := fields(t, body)["tenant_discovery_endpoint"]; got != "https://login.example/t1/v2.0/.well-known/openid-configuration" {
		t.Errorf("tenant_discovery_endpoint is %v", got)
	}
	_, body = do(t, cl, "GET", login+"common/discovery/v2.0/keys", "")
	var set struct{ Keys []map[string]string }
	if json.Unmarshal([]byte(body), &set) != nil || len(set.Keys) != 1 || set.Keys[0]["kid"] != keyID {
		t.Errorf("keys: %s", body)
	}
	_, body = do(t, cl, "POST", login+"common/GetCredentialType", `{"Username":"mallory@fabrikam.com"}`, "Content-Type: application/json")
	if fields(t, body)["IfExistsResult"] != 0.0 {
		t.Errorf("GetCredentialType: %s", body)
	}
	_, body = do(t, cl, "GET", login+"common/userrealm/alice@contoso.com?api-version=1.0", "")
	if fields(t, body)["account_type"] != "Managed" {
		t.Errorf("userrealm: %s", body)
	}
}
