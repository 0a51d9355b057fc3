package demo

import (
	"slices"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

func TestAzidentitySignsInWithItsDefaultAuthority(t *testing.T) {
	c := start(t)
	for _, tenant := range []string{Home.ID, "fabrikam.com"} {
		c.Reset()
		credential, err := azidentity.NewClientSecretCredential(tenant, "99999999-0000-4000-8000-000000000001", "secret",
			&azidentity.ClientSecretCredentialOptions{ClientOptions: azcore.ClientOptions{
				Transport: client(t, c), Retry: policy.RetryOptions{MaxRetries: -1},
			}})
		if err != nil {
			t.Fatal(err)
		}
		token, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{
			Scopes: []string{"https://graph.microsoft.com/.default"},
		})
		if err != nil {
			t.Fatal(err)
		}
		claims := claimsOf(t, token.Token)
		if claims["tid"] != tenantOf(tenant).ID || claims["idtyp"] != "app" || claims["aud"] != graphAudience {
			t.Errorf("%s: %v", tenant, claims)
		}
		var paths []string
		for _, s := range c.Seen() {
			paths = append(paths, s.Path)
		}
		if !slices.Contains(paths, "/common/discovery/instance") || !slices.Contains(paths, "/"+tenant+"/v2.0/.well-known/openid-configuration") {
			t.Logf("asked for %v", paths)
		}
	}
}
