package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	azpolicy "github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/policy/entra"
	"github.com/tenantgate/tenantgate/setting"
)

// graphs are Microsoft Graph and the sign-in service of each cloud
// (Microsoft, national cloud deployments; China's is not documented there).
var graphs = map[string]struct {
	url   string
	cloud cloud.Configuration
}{
	"global": {"https://graph.microsoft.com", cloud.AzurePublic},
	"usgov":  {"https://graph.microsoft.us", cloud.AzureGovernment},
	"china":  {"https://microsoftgraph.chinacloudapi.cn", cloud.AzureChina},
}

// graphClient reads cross-tenant access settings from Microsoft Graph. A
// redirect is never followed: the token would go with it.
type graphClient struct {
	url        string
	client     *http.Client
	credential azcore.TokenCredential
}

func newGraphClient(c policy.Sync, tenant string, transport http.RoundTripper) (*graphClient, error) {
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	g := &graphClient{url: graphs[c.Cloud].url, client: client}
	made, err := graphCredential(c, tenant, azpolicy.ClientOptions{Transport: client, Cloud: graphs[c.Cloud].cloud})
	if err != nil {
		return nil, err
	}
	g.credential = made
	return g, nil
}

// graphCredential is how we prove ourselves to Entra. A managed identity is
// had from the machine's own service, which no guarded transport would reach.
func graphCredential(c policy.Sync, tenant string, o azpolicy.ClientOptions) (azcore.TokenCredential, error) {
	const section = "policy.sync."
	var made azcore.TokenCredential
	var err error
	if c.Client == "" && c.Credential != "managed" && c.Credential != "workload" {
		return nil, setting.Errorf(section+"client", "write the application's client ID", "is missing")
	}
	switch c.Credential {
	case "managed":
		o.Transport = nil
		m := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: o}
		if c.Client != "" {
			m.ID = azidentity.ClientID(c.Client)
		}
		made, err = azidentity.NewManagedIdentityCredential(m)
	case "workload":
		made, err = azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{ClientOptions: o, TenantID: tenant, ClientID: c.Client})
	case "secret":
		if c.Secret == "" {
			return nil, setting.Errorf(section+"secret", "write it as ${file:…}", "is missing")
		}
		made, err = azidentity.NewClientSecretCredential(tenant, c.Client, c.Secret, &azidentity.ClientSecretCredentialOptions{ClientOptions: o})
	default:
		pem, bad := os.ReadFile(c.Certificate)
		certs, key, unread := azidentity.ParseCertificates(pem, nil)
		if bad != nil || unread != nil {
			return nil, setting.Errorf(section+"certificate", "name a PEM file with certificate and key", "has no certificate with its key")
		}
		made, err = azidentity.NewClientCertificateCredential(tenant, c.Client, certs, key, &azidentity.ClientCertificateCredentialOptions{ClientOptions: o})
	}
	if err != nil {
		return nil, setting.Errorf(section+"credential", "see docs/policy.md", "cannot be used: %v", err)
	}
	return made, nil
}

const crossTenant = "/beta/policies/crossTenantAccessPolicy"

// settings reads the default and all partners. tenantRestrictions are under
// /beta only (Microsoft, crossTenantAccessPolicyConfigurationDefault).
func (g *graphClient) settings(ctx context.Context) (*entra.Settings, error) {
	token, err := g.credential.GetToken(ctx, azpolicy.TokenRequestOptions{Scopes: []string{g.url + "/.default"}})
	if err != nil {
		return nil, fmt.Errorf("get a token: %.400s", strings.Join(strings.Fields(err.Error()), " "))
	}
	var s entra.Settings
	if err := g.add(ctx, &s, g.url+crossTenant+"/default", token.Token); err != nil {
		return nil, err
	}
	if s.Default == nil {
		return nil, errors.New("graph: /default is not the default settings")
	}
	next := g.url + crossTenant + "/partners"
	for pages := 0; next != ""; pages++ {
		if !strings.HasPrefix(next, g.url+crossTenant+"/partners") || pages == 1000 {
			return nil, errors.New("graph: the list of partners goes on elsewhere")
		}
		s.Next = ""
		if err := g.add(ctx, &s, next, token.Token); err != nil {
			return nil, err
		}
		next = s.Next
	}
	return &s, nil
}

func (g *graphClient) add(ctx context.Context, s *entra.Settings, url, token string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return errors.New("graph: the next page has no URL")
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Accept", "application/json")
	answer, err := g.client.Do(r)
	if err != nil {
		return fmt.Errorf("graph: %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxInput+1))
	if err != nil {
		return fmt.Errorf("graph: %w", err)
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("graph: %s answered %d %s", r.URL.Path, answer.StatusCode, graphCode(text))
	}
	if err := s.Add(text); err != nil {
		return fmt.Errorf("graph: %s: %w", r.URL.Path, err)
	}
	return nil
}

// graphCode returns the code of an error of Graph, which says more than the
// status.
func graphCode(text []byte) string {
	var e struct{ Error struct{ Code string } }
	if json.Unmarshal(text, &e) != nil {
		return ""
	}
	return fmt.Sprintf("%.60s", visible(e.Error.Code))
}
