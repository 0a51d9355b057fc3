package main

import (
	"net/http"
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
