package proxy_test

import (
	"crypto/x509"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/proxy"
)

// foreign is an Authorization header with another tenant's token.
func foreign(r *rig) string { return "Bearer " + r.cloud.Mint(demo.Spec{Tenant: demo.Foreign.ID}) }

func home(r *rig) string { return "Bearer " + r.cloud.Mint(demo.Spec{}) }

func (r *rig) get(proto, url string, headers ...string) *http.Response {
	r.t.Helper()
	req := must(http.NewRequest("GET", url, nil))(r.t)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return must(r.client(proto).Do(req))(r.t)
}

func TestRefusalIsAPageForPeopleAndJSONForPrograms(t *testing.T) {
	each(t, func(t *testing.T, proto string) {
		tests := []struct{ name, accept, contentType string }{
			{"a browser", "text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8"},
			{"a program", "application/json", "application/json"},
			{"nobody in particular", "*/*", "application/json"},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				r := newRig(t)
				resp := r.get(proto, "https://"+restricted+"/v1.0/me?code=secret", "Accept", tt.accept, "Authorization", foreign(r))
				content := body(t, resp)
				refused(t, r, resp, 403, policy.ExternalAccount)
				if got := resp.Header.Get("Content-Type"); got != tt.contentType {
					t.Errorf("content type %q, want %q", got, tt.contentType)
				}
				event := resp.Header.Get("Tenantgate-Event")
				if !strings.Contains(content, event) || !strings.Contains(content, restricted) || strings.Contains(content, "secret") {
					t.Errorf("body: %s", content)
				}
				if tt.contentType != "application/json" {
					return
				}
				var object struct {
					Error struct{ Code, Message, Event string }
				}
				if err := json.Unmarshal([]byte(content), &object); err != nil {
					t.Fatal(err)
				}
				if e := object.Error; e.Code != string(policy.ExternalAccount) || e.Event != event || e.Message == "" {
					t.Errorf("error %+v", e)
				}
			})
		}
	})
}

// refused checks what every refusal has, and what none may have.
func refused(t *testing.T, r *rig, resp *http.Response, status int, reason policy.Reason) {
	t.Helper()
	if got := resp.Header.Get("Tenantgate-Reason"); resp.StatusCode != status || got != string(reason) {
		t.Errorf("%d %s, want %d %s", resp.StatusCode, got, status, reason)
	}
	for _, name := range []string{"Www-Authenticate", "Proxy-Authenticate", "Location", "Set-Cookie"} {
		if v, ok := resp.Header[name]; ok {
			t.Errorf("%s: %q", name, v)
		}
	}
	if got := resp.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	id := resp.Header.Get("Tenantgate-Event")
	events := r.events.all(func(e audit.Event) bool { return e.ID == id })
	kind := audit.Tenant
	if status >= 500 { // a broken origin is nobody's attempt
		kind = audit.Access
	}
	if len(events) != 1 || events[0].Reason != string(reason) || events[0].Kind != kind {
		t.Errorf("event %q: %+v", id, events)
	}
}

func TestAScriptCanReadWhyItWasRefused(t *testing.T) {
	each(t, func(t *testing.T, proto string) {
		for origin, want := range map[string]string{"https://app.example": "https://app.example", "": ""} {
			r := newRig(t)
			req := must(http.NewRequest("GET", "https://"+restricted+"/v1.0/me", nil))(t)
			req.Header.Set("Authorization", "Bearer opaque")
			if origin != "" {
				req.Header.Set("Origin", origin)
			}
			resp := must(r.client(proto).Do(req))(t)
			if got := resp.Header.Get("Access-Control-Allow-Origin"); resp.StatusCode != http.StatusForbidden || got != want {
				t.Errorf("Origin %q: %s, Access-Control-Allow-Origin %q", origin, resp.Status, got)
			}
		}
	})
}

func TestEveryWayInIsRefusedAlike(t *testing.T) {
	tests := []struct {
		name   string
		ask    func(r *rig) *http.Response
		status int
		reason policy.Reason
	}{
		{"CONNECT", func(r *rig) *http.Response { _, resp := r.connect("169.254.169.254:443"); return resp }, 403, policy.GuardedAddress},
		{"in clear", func(r *rig) *http.Response { return r.clear("GET http://" + signIn + "/ HTTP/1.1\r\nHost: x\r\n\r\n") }, 403, policy.PlainHTTP},
		{"intercepted", func(r *rig) *http.Response { return r.raw(restricted, "GET / HTTP/1.1\r\nHost: "+signIn+"\r\n\r\n") }, 421, policy.AuthorityMismatch},
		{"to the proxy itself", func(r *rig) *http.Response { return r.clear("GET / HTTP/1.1\r\nHost: x\r\n\r\n") }, 400, policy.MalformedRequest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t)
			refused(t, r, tt.ask(r), tt.status, tt.reason)
			if seen := r.cloud.Seen(); len(seen) > 0 {
				t.Errorf("arrived: %+v", seen)
			}
		})
	}
}

func TestOriginThatIsBrokenIsToldInsideTheConnection(t *testing.T) {
	each(t, func(t *testing.T, proto string) {
		tests := []struct {
			name   string
			change func(*setup)
			status int
			reason policy.Reason
		}{
			{"untrusted", func(s *setup) {
				s.rules = func(r *proxy.Rules) { r.HTTP = proxy.NewTransport(s.dialer, x509.NewCertPool()) }
			}, 502, policy.OriginUntrusted},
			{"not there", func(s *setup) { s.dialer.Resolver = nowhere{} }, 502, policy.OriginUnreachable},
			{"guarded", func(s *setup) { s.dialer.Allow = nil }, 403, policy.GuardedAddress},
			{"slow", func(s *setup) { s.dialer.Resolver, s.dialer.Timeout = stuck{}, 1 }, 504, policy.OriginTimeout},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				r := newRig(t, tt.change)
				resp := r.get(proto, "https://"+restricted+"/v1.0/me")
				if got := resp.Header.Get("Tenantgate-Reason"); resp.StatusCode != tt.status || got != string(tt.reason) {
					t.Errorf("%d %s, want %d %s", resp.StatusCode, got, tt.status, tt.reason)
				}
				if id := resp.Header.Get("Tenantgate-Event"); len(r.events.all(func(e audit.Event) bool { return id != "" && e.ID == id })) != 1 {
					t.Errorf("event %q is not there", id)
				}
			})
		}
	})
}
