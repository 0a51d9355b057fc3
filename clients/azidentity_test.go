package clients_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/tenantgate/tenantgate/demo"
)

// An application of a tenant that signs in with a secret. The cloud takes any.
const (
	clientID     = "99999999-0000-4000-8000-000000000001"
	clientSecret = "not a secret"
	graphScope   = "https://" + graphHost + "/.default"
)

// goOptions are those of a Go program that uses the proxy and trusts its CA
// alone. Nothing is retried, so that what happened happened once.
func (s *stage) goOptions(t *testing.T) azcore.ClientOptions {
	t.Helper()
	proxy, err := url.Parse(s.proxy)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(s.authority.Certificate())
	transport := &http.Transport{
		Proxy: http.ProxyURL(proxy), TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return azcore.ClientOptions{
		Transport: &http.Client{Transport: transport}, Retry: policy.RetryOptions{MaxRetries: -1},
	}
}

// goSecret is azidentity with its default authority.
func (s *stage) goSecret(t *testing.T, tenant string) azcore.TokenCredential {
	t.Helper()
	credential, err := azidentity.NewClientSecretCredential(tenant, clientID, clientSecret,
		&azidentity.ClientSecretCredentialOptions{ClientOptions: s.goOptions(t)})
	if err != nil {
		t.Fatal(err)
	}
	return credential
}

// goGraph asks Graph as Azure's own Go clients do, and returns their error.
func (s *stage) goGraph(t *testing.T, credential azcore.TokenCredential, path string) (string, error) {
	t.Helper()
	options := s.goOptions(t)
	pipeline := runtime.NewPipeline("clients", "v1.0.0", runtime.PipelineOptions{
		PerRetry: []policy.Policy{runtime.NewBearerTokenPolicy(credential, []string{graphScope}, nil)},
	}, &options)
	r, err := runtime.NewRequest(within(t, patience), http.MethodGet, "https://"+graphHost+path)
	if err != nil {
		t.Fatal(err)
	}
	response, err := pipeline.Do(r)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", runtime.NewResponseError(response)
	}
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

// held is a credential that holds a token, however it came by it.
type held string

// GetToken implements azcore.TokenCredential.
func (h held) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(h), ExpiresOn: time.Now().Add(time.Hour)}, nil
}

func TestAzidentityWorksAtHomeAndEverySignInIsTagged(t *testing.T) {
	s := newStage(t)
	body, err := s.goGraph(t, s.goSecret(t, demo.Home.ID), "/v1.0/users")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(body, demo.Home.Users[0]) {
		t.Errorf("Graph answered %s", body)
	}
	s.tagged(t)
	s.untagged(t, graphHost)
	s.recorded(t, graphHost, "home-account")
	s.confined(t, signInHost, graphHost)
}

func TestAzidentityIsToldThatAForeignTenantIsRestricted(t *testing.T) {
	s := newStage(t)
	_, err := s.goGraph(t, s.goSecret(t, demo.Foreign.Domains[0]), "/v1.0/users")
	failed, ok := errors.AsType[*azidentity.AuthenticationFailedError](err)
	if !ok || !strings.Contains(failed.Error(), "AADSTS5000211") {
		t.Errorf("the error is %v", err)
	}
	s.tagged(t)
	s.kept(t, graphHost)
}

func TestAGoClientIsToldWhyAForeignTokenIsRefused(t *testing.T) {
	s := newStage(t)
	token, marker := s.stolen(t)
	_, err := s.goGraph(t, held(token), "/v1.0/me")
	refused, ok := errors.AsType[*azcore.ResponseError](err)
	if !ok || refused.StatusCode != 403 || refused.ErrorCode != "external-account" {
		t.Errorf("the error is %v", err)
	}
	if ok && refused.RawResponse.Header.Get("Tenantgate-Event") != s.recorded(t, graphHost, "external-account").ID {
		t.Error("the answer does not name its event")
	}
	s.kept(t, graphHost, marker)
}
