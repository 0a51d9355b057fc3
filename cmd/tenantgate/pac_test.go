package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestWPADIsServedOnlyWhereItIsWantedAndFailingOpenIsTold(t *testing.T) {
	r := start(t, "pac: {wpad: true, fail_open: true}\n")
	file := r.page("/proxy.pac")
	if !strings.Contains(file, "FAIL OPEN") || r.page("/wpad.dat") != file {
		t.Error("/wpad.dat is not /proxy.pac, or the file does not say that it fails open")
	}
	if got := r.get("/wpad.dat").Header.Get("Content-Type"); got != "application/x-ns-proxy-autoconfig" {
		t.Errorf("Content-Type of /wpad.dat = %q", got)
	}
	metrics := r.page("/metrics")
	for _, want := range []string{"tenantgate_pac_fail_open 1\n", "tenantgate_pac_requests_total 3\n"} {
		if !strings.Contains(metrics, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	if !strings.Contains(r.log.String(), "pac.fail_open is true") {
		t.Error("the log does not say that the PAC file fails open")
	}
	r.configure("")
	r.reloadNow()
	if got := r.get("/wpad.dat").StatusCode; got != http.StatusNotFound {
		t.Errorf("GET /wpad.dat after a reload without it = %d", got)
	}
	if strings.Contains(r.page("/proxy.pac"), "FAIL OPEN") || !strings.Contains(r.page("/metrics"), "tenantgate_pac_fail_open 0\n") {
		t.Error("the reload did not close it")
	}
}

func TestLintFetchesAsClientsDo(t *testing.T) {
	const file = `function FindProxyForURL(url, host) { return "PROXY p.test:1"; }`
	mux := http.NewServeMux()
	mux.HandleFunc("/proxy.pac", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, file) })
	mux.HandleFunc("/moved.pac", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/proxy.pac", http.StatusFound) })
	mux.HandleFunc("/large.pac", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 2<<20)) })
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	t.Setenv("http_proxy", "http://192.0.2.1:1") // a PAC file never comes by a proxy
	for path, want := range map[string]string{
		"/proxy.pac": "0 errors",
		"/moved.pac": "the answer is 302, and clients want exactly 200",
		"/none.pac":  "the answer is 404, and clients want exactly 200",
		"/large.pac": "error: the file has 1 MB or more",
	} {
		var out, errs strings.Builder
		code := run([]string{"pac", "lint", srv.URL + path}, strings.NewReader(""), &out, &errs)
		if (code == 0) != (path == "/proxy.pac") || !strings.Contains(out.String()+errs.String(), want) {
			t.Errorf("%s: exit %d: %s%s", path, code, out.String(), errs.String())
		}
	}
}
