package main

import (
	"crypto/x509"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/audit/audittest"
	"github.com/tenantgate/tenantgate/demo"
)

// signal waits for the signal of a reason.
func (r *running) signal(reason string) audittest.Line {
	r.t.Helper()
	var found audittest.Line
	r.wait("told: "+reason, func() bool {
		lines, err := audittest.Read(filepath.Join(r.now.Load().file.State, "events", "events.jsonl"))
		if err != nil {
			r.t.Fatal(err)
		}
		for _, l := range lines {
			if l.Event.Action == "bypass-signal" && l.Event.Reason == reason {
				found = l
				return true
			}
		}
		return false
	})
	return found
}

func TestWhatLooksLikeAWayRoundTheProxyIsTold(t *testing.T) {
	r := start(t, "tokens: {hosts: [www.example.com]}\n")
	c := r.client()
	if status, _ := r.ask(c, demo.Home.ID, "https://graph.microsoft.com/v1.0/me"); status != http.StatusOK {
		t.Fatalf("a home token: %d", status)
	}

	pinned := r.client()
	pinned.Transport.(*http.Transport).TLSClientConfig.RootCAs = x509.NewCertPool()
	pinned.Transport.(*http.Transport).ProxyConnectHeader = http.Header{"User-Agent": {"Ledger/4.2"}}
	if status, problem := r.ask(pinned, "", "https://graph.microsoft.com/v1.0/me"); status != 0 {
		t.Fatalf("without the CA: %d %s", status, problem)
	}
	if s := r.signal("pinned-application"); s.URL.Domain != "graph.microsoft.com" || s.Source.IP != "127.0.0.1" || s.UserAgent.Original != "Ledger/4.2" ||
		s.Tenantgate.CloseReason != "tls: bad certificate" || !strings.HasPrefix(s.Tenantgate.ClientHello, "t13d") || s.Tenantgate.Completes == "" {
		t.Errorf("pinned application: %+v %+v", s, s.Tenantgate)
	}

	if status, reason := r.ask(c, demo.Foreign.ID, "https://graph.microsoft.com/v1.0/me"); status != http.StatusForbidden {
		t.Fatalf("a foreign token: %d %s", status, reason)
	}
	if s := r.signal("token-without-sign-in"); s.Tenantgate.ResourceTenant != demo.Foreign.ID || s.Tenantgate.Verdict != "block" || s.Event.Kind != "alert" ||
		len(s.Tenantgate.Credentials) != 1 || s.Tenantgate.Kind != "tenant" {
		t.Errorf("foreign token: %+v %+v", s, s.Tenantgate)
	}

	req, err := http.NewRequest(http.MethodGet, "https://login.microsoftonline.com/common/discovery/keys", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("sec-Restrict-Tenant-Access-Policy", "forged")
	if resp, err := c.Do(req); err != nil {
		t.Fatal(err)
	} else {
		resp.Body.Close()
	}
	if s := r.signal("client-sent-tags"); len(s.Tenantgate.ClientTags) != 1 {
		t.Errorf("forged tag: %+v", s.Tenantgate)
	}

	if status, problem := r.ask(c, "", "https://www.example.com/"); status != http.StatusOK {
		t.Fatalf("a host of our own: %d %s", status, problem)
	}
	c.CloseIdleConnections()
	r.configure("")
	r.hup(reloaded)
	if status, problem := r.ask(c, "", "https://www.example.com/"); status != http.StatusOK {
		t.Fatalf("the same, tunnelled: %d %s", status, problem)
	}
	c.CloseIdleConnections()
	if s := r.signal("host-not-intercepted"); s.URL.Domain != "www.example.com" || s.Tenantgate.Verdict != "tunnel" {
		t.Errorf("host that went off the list: %+v", s)
	}

	metrics := r.page("/metrics")
	for _, name := range []string{"pinned-application", "token-without-sign-in", "client-sent-tags", "host-not-intercepted"} {
		if !strings.Contains(metrics, `tenantgate_signals_total{signal="`+name+`"} 1`) {
			t.Errorf("%s is not counted once", name)
		}
	}
}
