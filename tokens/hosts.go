package tokens

import "github.com/tenantgate/tenantgate/hosts"

// ARM is Azure Resource Manager in every cloud. The names beneath are its
// regional endpoints, which take the same tokens; they are not documented, and
// a name that does not exist does no harm here.
var ARM = hosts.MustParseSet(
	"management.azure.com", "*.management.azure.com",
	"management.usgovcloudapi.net", "*.management.usgovcloudapi.net",
	"management.chinacloudapi.cn", "*.management.chinacloudapi.cn",
)

// carriers are the hosts that carry tokens, beside ARM, by service: Microsoft
// 365 endpoint sets of every cloud (learn.microsoft.com/microsoft-365/enterprise/
// urls-and-ip-address-ranges), Azure's endpoint comparison of the clouds, and,
// for Azure DevOps, Power Platform and the consumer services, general
// knowledge. A wildcard within a label is widened to everything beneath the
// next one (*.crm*.dynamics.com to *.dynamics.com), since patterns have no
// narrower form. Sign-in hosts are tagging's.
var carriers = hosts.MustParseSet(
	// Graph
	"graph.microsoft.com", "graph.windows.net",
	"graph.microsoft.us", "dod-graph.microsoft.us", "graph.microsoftazure.us",
	"microsoftgraph.chinacloudapi.cn",

	// Exchange; autodiscover.{tenant}.onmicrosoft.com, attachments*.office365-net.us
	"outlook.office.com", "*.outlook.office.com", "outlook.office365.com",
	"outlook.com", "*.outlook.com",
	"attachments.office.net", "*.onmicrosoft.com", "substrate.office.com",
	"outlook.office365.us", "outlook-dod.office365.us", "*.office365-net.us",
	"*.partner.outlook.cn", "attachments.office365-net.cn",

	// SharePoint and OneDrive for Business; {tenant}.sharepoint.com, {tenant}-my
	"*.sharepoint.com", "*.svc.ms",
	"*.sharepoint.us", "*.sharepoint-mil.us", "*.dps.mil",
	"*.sharepoint.cn", "*.sharepoint.de",

	// personal accounts
	"onedrive.live.com", "storage.live.com", "*.users.storage.live.com",
	"ssw.live.com", "skyapi.onedrive.com", "api.onedrive.com",
	"outlook.live.com", "teams.live.com",

	// Teams and Skype
	"teams.microsoft.com", "*.teams.microsoft.com",
	"*.skype.com", "*.lync.com", "*.skypeforbusiness.com",
	"gov.teams.microsoft.us", "*.gov.teams.microsoft.us",
	"dod.teams.microsoft.us", "*.dod.teams.microsoft.us",
	"*.partner.lync.cn",

	// Office on the web; endpoint set 184 is the new unified domains
	"*.officeapps.live.com", "*.online.office.com", "office.live.com",
	"www.office.com", "forms.office.com",
	"*.cloud.microsoft", "*.static.microsoft", "*.usercontent.microsoft",
	"*.gov.online.office365.us", "*.dod.online.office365.us",
	"*.partner.officewebapps.cn", "*.partner.office365.cn",

	// security and compliance; *.apps.mil is DoD's for Exchange, OneDrive and portal too
	"compliance.microsoft.com", "*.compliance.microsoft.com",
	"security.microsoft.com", "*.security.microsoft.com",
	"defender.microsoft.com", "defender.office.com", "protection.office.com",
	"purview.microsoft.com",
	"compliance.microsoft.us", "*.compliance.microsoft.us", "*.apps.mil",

	// rights management
	"*.aadrm.com", "*.azurerms.com", "*.aadrm.us", "*.aadrm.cn",

	// storage; *.storage.azure.net is its DNS-zone endpoints, not documented in the list
	"*.blob.core.windows.net", "*.queue.core.windows.net", "*.table.core.windows.net",
	"*.file.core.windows.net", "*.dfs.core.windows.net", "*.web.core.windows.net",
	"*.storage.azure.net", "*.core.usgovcloudapi.net", "*.core.chinacloudapi.cn",

	// Key Vault and managed HSM
	"*.vault.azure.net", "*.managedhsm.azure.net",
	"*.vault.usgovcloudapi.net", "*.managedhsm.usgovcloudapi.net",
	"*.vault.azure.cn", "*.managedhsm.azure.cn",

	// container registry
	"*.azurecr.io", "*.azurecr.us", "*.azurecr.cn",

	// SQL, Cosmos DB, Service Bus and Event Hubs, App Configuration, AI Search, App Service
	"*.database.windows.net", "*.documents.azure.com", "*.servicebus.windows.net",
	"*.azconfig.io", "*.search.windows.net", "*.azurewebsites.net",
	"*.database.usgovcloudapi.net", "*.documents.azure.us", "*.servicebus.usgovcloudapi.net",
	"*.azconfig.azure.us", "*.search.windows.us", "*.azurewebsites.us",

	// Power BI and Fabric
	"app.powerbi.com", "api.powerbi.com", "*.analysis.windows.net", "*.fabric.microsoft.com",
	"app.powerbigov.us", "api.powerbigov.us",

	// Azure DevOps
	"dev.azure.com", "*.dev.azure.com", "*.visualstudio.com",

	// Power Platform and Dynamics
	"*.dynamics.com", "api.powerplatform.com", "*.api.powerplatform.com",
	"api.flow.microsoft.com", "make.powerapps.com", "*.azure-apihub.net",
	"*.appsplatform.us", "*.microsoftdynamics.us", "*.dynamics.cn",

	// portals
	"portal.azure.com", "entra.microsoft.com", "admin.microsoft.com",
	"myapps.microsoft.com", "account.activedirectory.windowsazure.com",
	"portal.azure.us", "portal.azure.cn",
)
