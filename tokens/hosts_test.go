package tokens

import (
	"testing"

	"github.com/tenantgate/tenantgate/hosts"
)

func TestDataHostsOfEveryCloudCarryTokens(t *testing.T) {
	f := finder(t)
	for _, n := range []hosts.Name{
		"graph.microsoft.com", "dod-graph.microsoft.us", "microsoftgraph.chinacloudapi.cn",
		"outlook.office365.com", "autodiscover.contoso.onmicrosoft.com", "attachments2.office365-net.us", "webmail.apps.mil", "outlook.cloud.microsoft",
		"contoso.sharepoint.com", "contoso-my.sharepoint.us", "contoso-admin.sharepoint.cn", "od.apps.mil",
		"onedrive.live.com", "teams.microsoft.com", "emea.ng.msg.teams.microsoft.com", "gov.teams.microsoft.us", "web.skype.com",
		"m365.cloud.microsoft", "word-edit.officeapps.live.com", "purview.microsoft.com",
		"management.azure.com", "westeurope.management.azure.com", "management.usgovcloudapi.net", "management.chinacloudapi.cn",
		"contoso.blob.core.windows.net", "contoso.z6.web.core.windows.net", "contoso.queue.core.usgovcloudapi.net",
		"contoso.vault.azure.net", "contoso.vault.usgovcloudapi.net", "contoso.azurecr.io", "contoso.servicebus.windows.net",
		"contoso.azurewebsites.net", "api.powerbi.com", "app.powerbigov.us", "dev.azure.com", "vssps.dev.azure.com", "contoso.visualstudio.com",
		"contoso.crm4.dynamics.com", "contoso.dynamics.cn", "portal.azure.com", "portal.azure.us", "entra.microsoft.com",
	} {
		if !f.Hosts().Has(n) {
			t.Errorf("%s carries no tokens", n)
		}
	}
	for _, n := range []hosts.Name{
		"login.microsoftonline.com", "login.microsoftonline.us", "login.live.com", "device.login.microsoftonline.com",
		"enterpriseregistration.windows.net", "autologon.microsoftazuread-sso.com", "sts.windows.net",
		"www.microsoft.com", "windows.net", "live.com", "example.com", "sharepoint.com.example.com",
	} {
		if f.Hosts().Has(n) {
			t.Errorf("%s carries tokens", n)
		}
	}
	if !ARM.Has("management.azure.com") || ARM.Has("graph.microsoft.com") {
		t.Error("ARM is not Azure Resource Manager")
	}
}
