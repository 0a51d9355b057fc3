package clients_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/demo"
)

// goDevice is azidentity's sign-in with a device code. Enter does what the
// person does who is shown the code.
func (s *stage) goDevice(t *testing.T, tenant string, enter func(context.Context, azidentity.DeviceCodeMessage) error) azcore.TokenCredential {
	t.Helper()
	credential, err := azidentity.NewDeviceCodeCredential(&azidentity.DeviceCodeCredentialOptions{
		ClientOptions: s.goOptions(t), TenantID: tenant, ClientID: clientID, UserPrompt: enter,
	})
	if err != nil {
		t.Fatal(err)
	}
	return credential
}

// enters is a person who types the code and an account into the page that the
// message names, on a device with this client.
func enters(t *testing.T, client *http.Client, user string) func(context.Context, azidentity.DeviceCodeMessage) error {
	return func(ctx context.Context, m azidentity.DeviceCodeMessage) error {
		form := url.Values{"otc": {m.UserCode}, "login": {user}}.Encode()
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, m.VerificationURL, strings.NewReader(form))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		answer, err := client.Do(r)
		if err != nil {
			return err
		}
		return answer.Body.Close()
	}
}

// phone is a device of somebody's own: it reaches the cloud past the proxy.
func (s *stage) phone(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{DialContext: s.Cloud.Dial, TLSClientConfig: &tls.Config{RootCAs: s.Cloud.Roots()}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// noPrompt fails the test if a person is asked for anything.
func noPrompt(t *testing.T) func(context.Context, azidentity.DeviceCodeMessage) error {
	return func(context.Context, azidentity.DeviceCodeMessage) error {
		t.Error("a code was shown")
		return nil
	}
}

// notSignedIn wants that azidentity gives no token, and says why.
func notSignedIn(t *testing.T, err error, says ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("azidentity has a token")
	}
	for _, text := range says {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("the error does not say %q: %v", text, err)
		}
	}
}

// polled wants that azidentity gives up with an error of the token endpoint's,
// and returns the header of that answer. Of its body azidentity shows nothing,
// whoever refused: MSAL for Go reads it before (isWaitDeviceCodeErr).
func polled(t *testing.T, err error) http.Header {
	t.Helper()
	failed, ok := errors.AsType[*azidentity.AuthenticationFailedError](err)
	if !ok || failed.RawResponse == nil || failed.RawResponse.StatusCode != 400 {
		t.Fatalf("the error is %v", err)
	}
	return failed.RawResponse.Header
}

// withheld waits for the event of a token that Entra issued and that was
// withheld.
func (s *stage) withheld(t *testing.T, account demo.Tenant) audit.Event {
	t.Helper()
	e, ok := s.Events.Await(within(t, eventPatience), func(e audit.Event) bool {
		return e.Kind == audit.Tenant && e.Action == "token-withheld"
	})
	if !ok || e.Reason != "external-account" || !e.Denied || e.AccountTenant != account.ID {
		t.Fatalf("the event is %+v", e)
	}
	return e
}

// blockedByEntra waits for the event of a sign-in that Entra refused by our tag.
func (s *stage) blockedByEntra(t *testing.T) {
	t.Helper()
	e, ok := s.Events.Await(within(t, eventPatience), func(e audit.Event) bool { return e.Entra.Blocked })
	if !ok || e.Entra.Code != "5000211" {
		t.Errorf("the event is %+v", e)
	}
}

func TestADeviceCodeSignsInAtHome(t *testing.T) {
	for name, tenant := range map[string]string{"by directory ID": demo.Home.ID, "organizations": "organizations"} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			own := s.goOptions(t).Transport.(*http.Client)
			body, err := s.goGraph(t, s.goDevice(t, tenant, enters(t, own, demo.Home.Users[1])), "/v1.0/me")
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(body, demo.Home.Users[1]) {
				t.Errorf("Graph answered %s", body)
			}
			s.tagged(t)
			s.untagged(t, graphHost)
			s.recorded(t, graphHost, "home-account")
			s.confined(t, signInHost, graphHost)
		})
	}
}

func TestADeviceCodeOfAForeignTenantIsRefusedByEntra(t *testing.T) {
	t.Run("before anybody is asked", func(t *testing.T) {
		s := newStage(t)
		_, err := s.goGraph(t, s.goDevice(t, demo.Foreign.ID, noPrompt(t)), "/v1.0/me")
		notSignedIn(t, err, "AADSTS5000211")
		s.tagged(t)
		s.kept(t, graphHost)
	})
	t.Run("although the code was entered on a phone", func(t *testing.T) {
		s := newStage(t)
		_, err := s.goGraph(t, s.goDevice(t, "organizations", enters(t, s.phone(t), demo.Foreign.Users[0])), "/v1.0/me")
		polled(t, err)
		s.blockedByEntra(t)
		s.kept(t, graphHost)
	})
}

// The cloud's policy allows Partner and so issues the token; ours has no entry
// for it.
func TestADeviceCodesTokenIsWithheldWhereOnlyEntraAllowsIt(t *testing.T) {
	s := newStage(t)
	_, err := s.goGraph(t, s.goDevice(t, "organizations", enters(t, s.phone(t), demo.Partner.Users[0])), "/v1.0/me")
	h, e := polled(t, err), s.withheld(t, demo.Partner)
	if h.Get("Tenantgate-Reason") != "external-account" || h.Get("Tenantgate-Event") != e.ID {
		t.Errorf("the answer's header is %v, want event %s", h, e.ID)
	}
	s.kept(t, graphHost)
}

// goCertificate is azidentity with a certificate. With its chain it sends the
// certificate along, and the cloud checks the signature.
func (s *stage) goCertificate(t *testing.T, tenant string, chain bool) azcore.TokenCredential {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "an application"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	credential, err := azidentity.NewClientCertificateCredential(tenant, clientID, []*x509.Certificate{cert}, key,
		&azidentity.ClientCertificateCredentialOptions{ClientOptions: s.goOptions(t), SendCertificateChain: chain})
	if err != nil {
		t.Fatal(err)
	}
	return credential
}

func TestACertificateSignsAnApplicationInAtHome(t *testing.T) {
	for name, chain := range map[string]bool{"with its chain": true, "by its thumbprint": false} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			body, err := s.goGraph(t, s.goCertificate(t, demo.Home.ID, chain), "/v1.0/users")
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(body, demo.Home.Users[0]) {
				t.Errorf("Graph answered %s", body)
			}
			if !slices.ContainsFunc(s.seen(signInHost), func(r demo.Seen) bool {
				return strings.Contains(string(r.Body), "client_assertion=ey")
			}) {
				t.Error("no assertion reached the cloud")
			}
			s.tagged(t)
			s.recorded(t, graphHost, "home-account")
			s.confined(t, signInHost, graphHost)
		})
	}
}

func TestACertificateOfAForeignTenantIsRefusedByEntra(t *testing.T) {
	s := newStage(t)
	_, err := s.goGraph(t, s.goCertificate(t, demo.Foreign.Domains[0], true), "/v1.0/users")
	notSignedIn(t, err, "AADSTS5000211")
	s.tagged(t)
	s.kept(t, graphHost)
}

func TestACertificatesTokenIsWithheldWhereOnlyEntraAllowsIt(t *testing.T) {
	s := newStage(t)
	_, err := s.goGraph(t, s.goCertificate(t, demo.Partner.ID, true), "/v1.0/users")
	e := s.withheld(t, demo.Partner)
	notSignedIn(t, err, "access_denied", "account of another organization", "tenantgate: external-account", e.ID)
	s.kept(t, graphHost)
}
