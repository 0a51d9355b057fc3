package audit

import (
	"net/http"
	"os"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/tenantgate/tenantgate/setting"
)

// AzureConfig is how a sink proves itself to Azure. Managed and workload need no
// secret at all.
type AzureConfig struct {
	Credential  string `yaml:"credential"`  // managed | workload | certificate | secret; empty is managed
	Tenant      string `yaml:"tenant"`      // directory ID; with certificate and secret
	Client      string `yaml:"client"`      // client ID; of a user-assigned identity with managed, else empty is the machine's own
	Secret      string `yaml:"secret"`      // with secret
	Certificate string `yaml:"certificate"` // PEM file with certificate and key; with certificate
}

// azureCredential makes what c describes. Paths of its errors are relative to c.
func azureCredential(c AzureConfig, client *http.Client) (azcore.TokenCredential, error) {
	options := policy.ClientOptions{Transport: client}
	var made azcore.TokenCredential
	var err error
	path := "credential"
	switch c.Credential {
	case "", "managed":
		o := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: options}
		if c.Client != "" {
			o.ID = azidentity.ClientID(c.Client)
		}
		made, err = azidentity.NewManagedIdentityCredential(o)
	case "workload":
		made, err = azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{
			ClientOptions: options, TenantID: c.Tenant, ClientID: c.Client,
		})
	case "certificate":
		return certificateCredential(c, options)
	case "secret":
		path = "secret"
		made, err = azidentity.NewClientSecretCredential(c.Tenant, c.Client, c.Secret, &azidentity.ClientSecretCredentialOptions{ClientOptions: options})
		if c.Secret == "" {
			return nil, setting.Errorf(path, "write it as ${file:…}", "is missing")
		}
	default:
		return nil, setting.Errorf(path, "write managed, workload, certificate or secret", "%q is none of them", c.Credential)
	}
	if err != nil {
		return nil, setting.Errorf(path, "see docs/sinks.md", "cannot be used: %v", err)
	}
	return made, nil
}

func certificateCredential(c AzureConfig, options policy.ClientOptions) (azcore.TokenCredential, error) {
	const path, hint = "certificate", "name a PEM file with certificate and key"
	pem, err := os.ReadFile(c.Certificate)
	if err != nil {
		return nil, setting.Errorf(path, hint, "cannot be read")
	}
	certs, key, err := azidentity.ParseCertificates(pem, nil)
	if err != nil {
		return nil, setting.Errorf(path, hint, "has no certificate with its key")
	}
	made, err := azidentity.NewClientCertificateCredential(c.Tenant, c.Client, certs, key, &azidentity.ClientCertificateCredentialOptions{ClientOptions: options})
	if err != nil {
		return nil, setting.Errorf(path, hint, "cannot be used: %v", err)
	}
	return made, nil
}
