package demo

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"strings"
	"testing"
)

// start starts a cloud for one test.
func start(t *testing.T) *Cloud {
	t.Helper()
	c, err := NewCloud()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// client is a browser-like client that reaches the cloud and nothing else.
func client(t *testing.T, c *Cloud) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{
		DialContext:        c.Dial,
		TLSClientConfig:    &tls.Config{RootCAs: c.Roots()},
		ForceAttemptHTTP2:  true,
		DisableCompression: true,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport: transport, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// oldClient is client without HTTP/2.
func oldClient(t *testing.T, c *Cloud) *http.Client {
	t.Helper()
	cl := client(t, c)
	tr := cl.Transport.(*http.Transport)
	tr.ForceAttemptHTTP2 = false
	tr.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	return cl
}

func do(t *testing.T, cl *http.Client, method, address, body string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	if method == http.MethodPost && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := cl.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, address, err)
	}
	return answer, string(raw)
}

func fields(t *testing.T, body string) map[string]any {
	t.Helper()
	m := map[string]any{}
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	return m
}

// rows reads a table of testdata.
func rows(t *testing.T, name string) [][]string {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var table [][]string
	for line := range strings.Lines(string(raw)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		row := strings.Split(line, "|")
		for i := range row {
			row[i] = strings.TrimSpace(row[i])
		}
		table = append(table, row)
	}
	return table
}

// form is a body of an HTML form.
func form(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

func TestOnlyTheCloudsNamesResolve(t *testing.T) {
	c := start(t)
	for _, name := range []string{
		"login.microsoftonline.com", "LOGIN.live.com.", "graph.microsoft.com", "contoso.sharepoint.com",
		"fabrikamdata.blob.core.windows.net", "www.example.com", "management.azure.com",
	} {
		addrs, err := c.Resolve(t.Context(), name)
		if err != nil || len(addrs) != 1 || !addrs[0].IsLoopback() {
			t.Errorf("Resolve(%q) = %v, %v", name, addrs, err)
		}
	}
	for _, name := range []string{"www.microsoft.com", "example.net", "sharepoint.com", "127.0.0.1", "a b", ""} {
		_, err := c.Resolve(t.Context(), name)
		var dns *net.DNSError
		if !errors.As(err, &dns) || !dns.IsNotFound {
			t.Errorf("Resolve(%q) = %v, want a name that is not found", name, err)
		}
	}
}

func TestEveryAddressLiesInTheRangeThatTheGuardLetsThrough(t *testing.T) {
	_, allowed, err := net.ParseCIDR(Addresses)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"login.live.com", "graph.microsoft.com", "a.sharepoint.com", "management.azure.com", "a.vault.azure.net",
		"dev.azure.com", "www.example.com", "shop.test",
	} {
		addrs, err := start(t).Resolve(t.Context(), name)
		if err != nil || !allowed.Contains(addrs[0].AsSlice()) {
			t.Errorf("%s: %v is outside %s (%v)", name, addrs, Addresses, err)
		}
	}
	if allowed.Contains(net.IPv4(127, 0, 0, 1)) {
		t.Error("127.0.0.1 would be let through")
	}
}

func TestAnOriginIsWhoItsNameSays(t *testing.T) {
	c := start(t)
	for name, want := range map[string]string{
		"www.example.com":           "",
		"login.microsoftonline.com": "",
		"expired.example.com":       "expired",
		"wrong.example.com":         "another.example",
		"untrusted.sharepoint.com":  "unknown authority",
		"nowhere.invalid":           "unrecognized name|internal error",
	} {
		err := shake(t.Context(), c, name)
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		ok := false
		for part := range strings.SplitSeq(want, "|") {
			ok = ok || err != nil && strings.Contains(err.Error(), part)
		}
		if !ok {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}

func shake(ctx context.Context, c *Cloud, name string) error {
	raw, err := c.Dial(ctx, "tcp", "127.0.0.17:443")
	if err != nil {
		return err
	}
	defer raw.Close()
	return tls.Client(raw, &tls.Config{RootCAs: c.Roots(), ServerName: name}).HandshakeContext(ctx)
}

func TestWhatArrivesIsRecorded(t *testing.T) {
	c := start(t)
	do(t, client(t, c), "POST", "https://graph.microsoft.com/v1.0/me?x=1", "hello", "X-A: b", "Content-Type: text/plain")
	do(t, oldClient(t, c), "GET", "https://www.example.com/", "")
	do(t, client(t, c), "GET", "http://www.example.com/plain", "")
	seen := c.Seen()
	if len(seen) != 3 {
		t.Fatalf("%d requests, want 3", len(seen))
	}
	first := seen[0]
	if first.Host != "graph.microsoft.com" || first.TLSServerName != first.Host || first.Proto != "HTTP/2.0" ||
		first.Path != "/v1.0/me" || first.Query != "x=1" || string(first.Body) != "hello" || first.Header.Get("X-A") != "b" {
		t.Errorf("%+v", first)
	}
	if seen[1].Proto != "HTTP/1.1" || seen[2].TLSServerName != "" {
		t.Errorf("%+v %+v", seen[1], seen[2])
	}
	c.Reset()
	if len(c.Seen()) != 0 {
		t.Error("Reset forgets nothing")
	}
}

func TestAMarkerIsFoundWhereverItArrives(t *testing.T) {
	const marker = "marker-9d1c7e"
	c := start(t)
	c.KeepBytes()
	token := c.Mint(Spec{Marker: marker})
	for name, send := range map[string]func(cl *http.Client){
		"nothing": func(cl *http.Client) { do(t, cl, "GET", "https://graph.microsoft.com/headers", "") },
		"header": func(cl *http.Client) {
			do(t, cl, "GET", "https://graph.microsoft.com/v1.0/me", "", "Authorization: Bearer "+token)
		},
		"query": func(cl *http.Client) { do(t, cl, "GET", "https://graph.microsoft.com/headers?t="+token, "") },
		"body":  func(cl *http.Client) { do(t, cl, "POST", "https://graph.microsoft.com/v1.0/me", "token="+token) },
		"plain": func(cl *http.Client) { do(t, cl, "POST", "https://graph.microsoft.com/echo", "x"+marker) },
		"gzip": func(cl *http.Client) {
			do(t, cl, "POST", "https://graph.microsoft.com/v1.0/me", zipped(token), "Content-Encoding: gzip")
		},
	} {
		for _, cl := range []*http.Client{client(t, c), oldClient(t, c)} {
			c.Reset()
			send(cl)
			if got, want := c.SawBytes(marker), name != "nothing"; got != want {
				t.Errorf("%s: SawBytes = %v, want %v", name, got, want)
			}
		}
	}
}

func TestAMarkerIsFoundAtEveryOffsetOfBase64(t *testing.T) {
	const marker = "marker-9d1c7e"
	for before := range 7 {
		for after := range 7 {
			text := strings.Repeat("<", before) + marker + strings.Repeat(">", after)
			if !containsAny([]byte(b64([]byte(text))), spellings(marker)[1:]) {
				t.Errorf("not found in %s", text)
			}
			if other := strings.Replace(text, "9d1c", "9d2c", 1); containsAny([]byte(b64([]byte(other))), spellings(marker)) {
				t.Errorf("found in %s", other)
			}
		}
	}
}

func TestBytesThatAreNoRequestAreKeptToo(t *testing.T) {
	const marker = "marker-9d1c7e"
	for _, keep := range []bool{false, true} {
		c := start(t)
		if keep {
			c.KeepBytes()
		}
		raw, err := c.Dial(t.Context(), "tcp", "www.example.com:443")
		if err != nil {
			t.Fatal(err)
		}
		defer raw.Close()
		conn := tls.Client(raw, &tls.Config{RootCAs: c.Roots(), ServerName: "www.example.com"})
		_, _ = io.WriteString(conn, "no request "+marker+"\r\n\r\n")
		if answer, _ := io.ReadAll(conn); !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") {
			t.Errorf("%q", answer)
		}
		if c.SawBytes(marker) != keep || len(c.Seen()) != 0 {
			t.Errorf("KeepBytes %v: SawBytes = %v, %v", keep, c.SawBytes(marker), c.Seen())
		}
	}
}

func zipped(s string) string {
	var b bytes.Buffer
	zw := newGzip(&b)
	_, _ = io.WriteString(zw, s)
	_ = zw.Close()
	return b.String()
}
