package proxy_test

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"testing"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/policy"
)

// nowhere is a resolver that knows no name.
type nowhere struct{}

func (nowhere) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
}

func observe(s *setup) { s.observe = true }

func ofRequest(e audit.Event) bool { return e.Method != "" }

func TestHomeRequestLeavesOneAccessEvent(t *testing.T) {
	each(t, func(t *testing.T, proto string) {
		r := newRig(t)
		resp := r.get(proto, "https://"+restricted+"/v1.0/me?x=secret", "Authorization", home(r), "Client-Request-Id", "42")
		if body(t, resp); resp.StatusCode != 200 {
			t.Fatal(resp.Status)
		}
		e := r.events.wait(t, isAccess("/v1.0/me"))
		if n := len(r.events.all(ofRequest)); n != 1 {
			t.Errorf("%d events of the request, want 1", n)
		}
		if e.Reason != string(policy.HomeAccount) || e.Verdict != "forward" || e.Status != 200 || e.Denied || e.BytesOut == 0 || e.RequestID != "42" {
			t.Errorf("event %+v", e)
		}
		if len(e.Credentials) != 1 || e.Credentials[0].Digest == "" || e.Credentials[0].Tenant != demo.Home.ID {
			t.Errorf("credentials %+v", e.Credentials)
		}
	})
}

func TestWhoseMailboxARequestIsForIsRecordedAndDecidesNothing(t *testing.T) {
	each(t, func(t *testing.T, proto string) {
		r := newRig(t)
		resp := r.get(proto, "https://"+restricted+"/v1.0/me", "Authorization", home(r), "X-AnchorMailbox", "Oid:7@"+demo.Partner.ID)
		if body(t, resp); resp.StatusCode != 200 {
			t.Fatal(resp.Status)
		}
		if e := r.events.wait(t, isAccess("/v1.0/me")); e.Mailbox != (audit.Mailbox{User: "7", Tenant: demo.Partner.ID}) {
			t.Errorf("mailbox %+v", e.Mailbox)
		}
	})
}

func TestSignInIsRecordedBeforeItLeavesAndAfterItsAnswer(t *testing.T) {
	each(t, func(t *testing.T, proto string) {
		var r *rig
		var before []audit.Event
		r = newRig(t, at(site(t, "h1", func(w http.ResponseWriter, req *http.Request) {
			before = r.events.all(ofRequest)
			if got := req.Header.Get("Sec-Restrict-Tenant-Access-Policy"); got != demo.Home.Tag() {
				t.Errorf("tag %q", got)
			}
		})))
		body(t, r.get(proto, "https://"+signIn+"/common/oauth2/v2.0/authorize"))
		if len(before) != 1 || before[0].Kind != audit.Tenant || before[0].Reason != string(policy.SignIn) {
			t.Fatalf("when it arrived there was %+v", before)
		}
		after := r.events.wait(t, isAccess(""))
		if after.For != before[0].ID || after.Status != 200 {
			t.Errorf("access event for %q, status %d; want for %q", after.For, after.Status, before[0].ID)
		}
	})
}

func TestNothingThatMattersPassesWithoutARecord(t *testing.T) {
	each(t, func(t *testing.T, proto string) {
		r := newRig(t)
		r.events.failing.Store(true)
		for _, url := range []string{"https://" + signIn + "/common", "https://" + restricted + "/v1.0/me"} {
			resp := r.get(proto, url, "Authorization", "Bearer "+r.cloud.Mint(demo.Spec{Tenant: demo.Foreign.ID, IDP: demo.Home.ID}))
			if got := resp.Header.Get("Tenantgate-Reason"); resp.StatusCode != 403 || got != string(policy.NotRecorded) {
				t.Errorf("%s: %d %s, want 403 %s", url, resp.StatusCode, got, policy.NotRecorded)
			}
		}
		if _, resp := r.connect(exempt + ":443"); resp.StatusCode != 403 || resp.Header.Get("Tenantgate-Reason") != string(policy.NotRecorded) {
			t.Errorf("exempt tunnel: %s", resp.Status)
		}
		if seen := r.cloud.Seen(); len(seen) > 0 {
			t.Errorf("arrived: %+v", seen)
		}
	})
}

func TestObservingForwardsAndSaysWhatItWouldHaveDone(t *testing.T) {
	each(t, func(t *testing.T, proto string) {
		r := newRig(t, observe)
		resp := r.get(proto, "https://"+restricted+"/v1.0/me", "Authorization", foreign(r))
		if body(t, resp); resp.StatusCode != 200 || resp.Header.Get("Tenantgate-Reason") != "" {
			t.Errorf("%d %s, want the origin's 200", resp.StatusCode, resp.Header.Get("Tenantgate-Reason"))
		}
		e := r.events.wait(t, func(e audit.Event) bool { return e.Kind == audit.Tenant })
		if !e.Observed || e.Denied || e.Mode != "observe" || e.Verdict != "forward" || e.Reason != string(policy.ExternalAccount) {
			t.Errorf("event %+v", e)
		}
		r.arrived()
	})
}

func TestObservingStillRefusesWhatIsMalformed(t *testing.T) {
	r := newRig(t, observe)
	refused(t, r, r.raw(restricted, "GET / HTTP/1.1\r\nHost: "+signIn+"\r\n\r\n"), 421, policy.AuthorityMismatch)
	refused(t, r, r.clear("GET http://"+signIn+"/ HTTP/1.1\r\nHost: x\r\n\r\n"), 403, policy.PlainHTTP)
	_, guarded := r.connect("169.254.169.254:443")
	refused(t, r, guarded, 403, policy.GuardedAddress)
	if seen := r.cloud.Seen(); len(seen) > 0 {
		t.Errorf("arrived: %+v", seen)
	}
}
