package pac

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

func ask(t *testing.T, srv *httptest.Server, method, path string, header ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			r.Host = header[i+1]
		}
	}
	resp, err := srv.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func serve(t *testing.T, script func() Script) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(Handler(func(string, netip.Addr) Script { return script() }))
	t.Cleanup(srv.Close)
	return srv
}

func TestTheFileIsServedAsClientsWantIt(t *testing.T) {
	srv := serve(t, small)
	want := string(mustSource(t, small()))
	resp, body := ask(t, srv, "GET", "/proxy.pac")
	if resp.StatusCode != 200 || body != want {
		t.Errorf("GET: %d, %d octets", resp.StatusCode, len(body))
	}
	for key, value := range map[string]string{"Content-Type": "application/x-ns-proxy-autoconfig", "Cache-Control": "private, max-age=300"} {
		if got := resp.Header.Get(key); got != value {
			t.Errorf("%s: %q, want %q", key, got, value)
		}
	}
	tag := resp.Header.Get("ETag")
	if len(tag) < 20 || tag[0] != '"' {
		t.Errorf("ETag: %q", tag)
	}

	resp, body = ask(t, srv, "HEAD", "/proxy.pac")
	if resp.StatusCode != 200 || body != "" || resp.ContentLength != int64(len(want)) || resp.Header.Get("ETag") != tag {
		t.Errorf("HEAD: %d, length %d, ETag %q", resp.StatusCode, resp.ContentLength, resp.Header.Get("ETag"))
	}
	for _, match := range []string{tag, `"x", ` + tag, "W/" + tag, "*"} {
		resp, body = ask(t, srv, "GET", "/proxy.pac", "If-None-Match", match)
		if resp.StatusCode != 304 || body != "" || resp.Header.Get("ETag") != tag {
			t.Errorf("If-None-Match %s: %d, %d octets", match, resp.StatusCode, len(body))
		}
	}
	if resp, body = ask(t, srv, "GET", "/wpad.dat", "If-None-Match", `"old"`); resp.StatusCode != 200 || body != want {
		t.Errorf("If-None-Match of another file: %d", resp.StatusCode)
	}
}

func TestTheFileDoesNotDependOnWhoAsks(t *testing.T) {
	srv := serve(t, small)
	want := string(mustSource(t, small()))
	for _, host := range []string{"wpad", "wpad.contoso.com", "evil.test:8080", "127.0.0.1"} {
		resp, body := ask(t, srv, "GET", "/proxy.pac?x=1", "Host", host, "X-Forwarded-Host", "evil.test", "Forwarded", "host=evil.test")
		if resp.StatusCode != 200 || body != want {
			t.Errorf("Host %s: %d, another file: %v", host, resp.StatusCode, body != want)
		}
	}
}

func TestOtherMethodsAreRefused(t *testing.T) {
	srv := serve(t, small)
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "get"} {
		resp, _ := ask(t, srv, method, "/proxy.pac")
		if resp.StatusCode != 405 || resp.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d, Allow %q", method, resp.StatusCode, resp.Header.Get("Allow"))
		}
	}
}

func TestAReloadChangesTheFileAndItsTag(t *testing.T) {
	s := small()
	srv := serve(t, func() Script { return s })
	before, _ := ask(t, srv, "GET", "/proxy.pac")
	s.Proxies = []string{"proxy-z.contoso.com:3128"}
	after, body := ask(t, srv, "GET", "/proxy.pac", "If-None-Match", before.Header.Get("ETag"))
	if after.StatusCode != 200 || !strings.Contains(body, "PROXY proxy-z.contoso.com:3128") {
		t.Errorf("%d: the old file is served", after.StatusCode)
	}
}

func TestAFileThatCannotBeWrittenIsNoFile(t *testing.T) {
	srv := serve(t, func() Script { return Script{} })
	resp, body := ask(t, srv, "GET", "/proxy.pac")
	if resp.StatusCode != 500 || strings.Contains(body, "FindProxyForURL") || resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d: %s", resp.StatusCode, body)
	}
}
