package proxy_test

import (
	"crypto/tls"
	"encoding/asn1"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/policy"
)

// What docs/threat-model.md says is not protected, shown: whoever changes one of
// these has a line less to write there.

// anyEvent is every event there is.
func anyEvent(audit.Event) bool { return true }

// 3 and 7: a program outside that speaks to Microsoft for somebody, or any
// service, is a tunnel to a host that nobody lists.
func TestARelayIsAHostThatNobodyLists(t *testing.T) {
	each(t, func(t *testing.T, proto string) {
		r := newRig(t)
		r.cloud.KeepBytes()
		token := r.cloud.Mint(demo.Spec{Tenant: demo.Foreign.ID, Marker: foreignMarker})
		resp := r.get(proto, "https://"+unlisted+"/relay/graph/v1.0/me", "Authorization", "Bearer "+token)
		if body(t, resp); resp.StatusCode != http.StatusOK || !r.cloud.SawBytes(foreignMarker) {
			t.Errorf("%s: the relay did not get it, which is better than the limit says", resp.Status)
		}
		r.shutdown() // a tunnel is recorded when it ends
		r.events.wait(t, func(e audit.Event) bool { return e.Host == unlisted })
		for _, e := range r.events.all(anyEvent) {
			if e.Kind != audit.Access || e.Denied || len(e.Credentials) > 0 || e.Host != unlisted {
				t.Errorf("more than an access event of the host: %+v", e)
			}
		}
	})
}

// 4: on a customer's own host, a token that says it is ours is one of ours,
// whoever signed it. The event says that nobody verified it.
func TestAForgedTokenOfOursPassesToACustomersHost(t *testing.T) {
	const host = "relay.azurewebsites.net"
	r := newRig(t)
	token := r.cloud.Mint(demo.Spec{})
	forged := token[:strings.LastIndexByte(token, '.')+1] + strings.Repeat("A", 342)
	resp := r.get("h1", "https://"+host+"/api", "Authorization", "Bearer "+forged)
	if body(t, resp); resp.StatusCode != http.StatusOK {
		t.Errorf("%s %s", resp.Status, resp.Header.Get("Tenantgate-Reason"))
	}
	e := r.events.wait(t, isAccess("/api"))
	if line := string(e.JSON(audit.Observer{})); !strings.Contains(line, `"verified":false`) {
		t.Errorf("the event does not say it: %s", line)
	}
	if e.Reason != string(policy.HomeAccount) || len(e.Credentials) != 1 || e.Credentials[0].Tenant != demo.Home.ID {
		t.Errorf("event %+v", e)
	}
}

// 5: what is behind four megabytes of an upload is not read.
func TestATokenBehindFourMegabytesOfAnUploadPasses(t *testing.T) {
	r := newRig(t)
	token := r.cloud.Mint(demo.Spec{Tenant: demo.Foreign.ID})
	for _, c := range []struct {
		padding int
		passes  bool
	}{{1 << 10, false}, {5 << 20, true}} {
		text := `{"x":"` + strings.Repeat("x", c.padding) + `","access_token":"` + token + `"}`
		req := must(http.NewRequest(http.MethodPost, "https://"+restricted+"/echo", strings.NewReader(text)))(t)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", home(r))
		resp := must(r.client("h1").Do(req))(t)
		echo := body(t, resp)
		if got := resp.Header.Get("Tenantgate-Reason"); (got == "") != c.passes || strings.Contains(echo, token) != c.passes {
			t.Errorf("behind %d octets: %s %q", c.padding, resp.Status, got)
		}
	}
}

// 8: a WebSocket is a pipe from its 101 on.
func TestATokenInAWebSocketPasses(t *testing.T) {
	arrived := make(chan string, 1)
	r := newRig(t, afterSwitch(t, func(c *tls.Conn) {
		said := make([]byte, len(foreignMarker))
		_, _ = io.ReadFull(c, said)
		arrived <- string(said)
	}))
	c := switched(t, r)
	send(t, c, foreignMarker)
	if got := <-arrived; got != foreignMarker {
		t.Errorf("%q arrived", got)
	}
	c.Close()
	if e := r.events.wait(t, isAccess("/ws")); e.Denied || e.Status != http.StatusSwitchingProtocols {
		t.Errorf("event %+v", e)
	}
}

// 13: an origin whose certificate is in no log of certificate transparency
// (RFC 6962, 3.3: three ways to prove it) is believed.
func TestAnOriginInNoTransparencyLogIsBelieved(t *testing.T) {
	proof := asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}
	r := newRig(t)
	conn := must(r.cloud.Dial(t.Context(), "tcp", net.JoinHostPort(restricted, "443")))(t)
	defer conn.Close()
	origin := tls.Client(conn, &tls.Config{ServerName: restricted, RootCAs: r.roots})
	if err := origin.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	state := origin.ConnectionState()
	if len(state.SignedCertificateTimestamps) > 0 || len(state.OCSPResponse) > 0 {
		t.Fatal("the origin proves that it is in a log")
	}
	for _, e := range state.PeerCertificates[0].Extensions {
		if e.Id.Equal(proof) {
			t.Fatal("the origin's certificate proves that it is in a log")
		}
	}
	if resp := r.get("h1", "https://"+restricted+"/v1.0/me", "Authorization", home(r)); resp.StatusCode != http.StatusOK {
		t.Error(resp.Status)
	}
}
