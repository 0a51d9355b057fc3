package demo

import (
	"context"
	"net"
	"net/netip"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
)

// Addresses is where every name of the cloud lies, as CIDR: what the proxy's
// dial guard must let through, and no more (127.0.0.1 is not in it).
const Addresses = "127.0.0.16/28"

// The kinds of host that the cloud imitates.
var (
	signInHosts = hosts.MustParseSet(
		"login.microsoftonline.com", "login.microsoft.com", "login.windows.net", "sts.windows.net",
		"login.microsoftonline.us", "login.partner.microsoftonline.cn", "login.chinacloudapi.cn",
		"login-us.microsoftonline.com", "login.microsoftonline.de", "login.usgovcloudapi.net",
		"device.login.microsoftonline.com", "enterpriseregistration.windows.net",
		"certauth.login.microsoftonline.com", "autologon.microsoftazuread-sso.com", "*.login.microsoft.com",
		"*.b2clogin.com", "*.ciamlogin.com", "accounts.accesscontrol.windows.net", "loginex.microsoftonline.com",
		"*.login.microsoftonline.com")
	consumerHosts   = hosts.MustParseSet("login.live.com", "account.live.com")
	graphHosts      = hosts.MustParseSet("graph.microsoft.com", "graph.microsoft.us", "graph.windows.net")
	sharePointHosts = hosts.MustParseSet("*.sharepoint.com", "*.sharepoint.us", "*.sharepoint.cn")
	armHosts        = hosts.MustParseSet("management.azure.com", "management.usgovcloudapi.net")
	storageHosts    = hosts.MustParseSet("*.core.windows.net")
	vaultHosts      = hosts.MustParseSet("*.vault.azure.net")
	otherDataHosts  = hosts.MustParseSet(
		"dev.azure.com", "*.dev.azure.com", "*.visualstudio.com", "*.azurecr.io", "*.servicebus.windows.net",
		"outlook.office.com", "outlook.office365.com", "*.outlook.office.com", "*.outlook.com", "outlook.live.com",
		"onedrive.live.com", "api.onedrive.com", "teams.microsoft.com", "*.teams.microsoft.com", "teams.live.com",
		"*.skype.com", "*.officeapps.live.com", "www.office.com", "forms.office.com", "*.cloud.microsoft", "*.svc.ms",
		"app.powerbi.com", "api.powerbi.com", "*.dynamics.com", "*.api.powerplatform.com", "api.flow.microsoft.com",
		"portal.azure.com", "entra.microsoft.com", "admin.microsoft.com", "myapps.microsoft.com",
		"*.documents.azure.com", "*.azconfig.io", "*.search.windows.net", "*.managedhsm.azure.net", "*.onmicrosoft.com",
		"substrate.office.com", "attachments.office.net", "security.microsoft.com", "purview.microsoft.com", "*.security.microsoft.com",
		"*.compliance.microsoft.com", "*.aadrm.com", "*.lync.com", "*.analysis.windows.net", "*.fabric.microsoft.com",
		"make.powerapps.com", "*.azure-apihub.net", "account.activedirectory.windowsazure.com")
	unlistedHosts = hosts.MustParseSet(
		"example.com", "*.example.com", "example.org", "*.example.org",
		"*.azurewebsites.net", "www.contoso.com", "www.fabrikam.com")
)

// services are hosts of others that read restriction headers of their own.
var services = hosts.MustParseSet(
	"google.com", "*.google.com", "slack.com", "*.slack.com", "dropbox.com", "*.dropbox.com", "github.com", "api.github.com", "*.githubcopilot.com",
	"chatgpt.com", "*.chatgpt.com", "api.openai.com", "claude.ai", "*.claude.ai", "claude.com", "anthropic.com", "*.anthropic.com",
	"*.webex.com", "atlas-a.wbx2.com", "zoom.us", "*.zoom.us", "zoom.com", "*.zoom.com")

// zone is every name that resolves.
var zone = services.Union(signInHosts).Union(consumerHosts).Union(graphHosts).Union(sharePointHosts).Union(armHosts).
	Union(storageHosts).Union(vaultHosts).Union(otherDataHosts).Union(unlistedHosts)

// exists tells whether the cloud answers for n. Beside the zone there is what
// RFC 2606 reserves for examples and tests.
func exists(n hosts.Name) bool {
	return zone.Has(n) || strings.HasSuffix(string(n), ".example") || strings.HasSuffix(string(n), ".test")
}

// addresses gives each kind an address of its own, first match first, so that
// a test can tell from what was dialled which kind was meant.
var addresses = []struct {
	set  hosts.Set
	addr netip.Addr
}{
	{signInHosts.Union(consumerHosts), netip.AddrFrom4([4]byte{127, 0, 0, 17})},
	{graphHosts, netip.AddrFrom4([4]byte{127, 0, 0, 18})},
	{sharePointHosts, netip.AddrFrom4([4]byte{127, 0, 0, 19})},
	{armHosts, netip.AddrFrom4([4]byte{127, 0, 0, 20})},
	{storageHosts.Union(vaultHosts), netip.AddrFrom4([4]byte{127, 0, 0, 21})},
	{otherDataHosts, netip.AddrFrom4([4]byte{127, 0, 0, 22})},
}

// elsewhere is the address of every other name.
var elsewhere = netip.AddrFrom4([4]byte{127, 0, 0, 23})

// Resolve answers as a resolver would in which only the names of the cloud
// exist: one IPv4 address, or a *net.DNSError that says not found.
func (c *Cloud) Resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if err := ctx.Err(); err != nil {
		return nil, &net.DNSError{Err: err.Error(), Name: host, IsTimeout: true}
	}
	n, err := hosts.Parse(host)
	if err != nil || !exists(n) {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	for _, a := range addresses {
		if a.set.Has(n) {
			return []netip.Addr{a.addr}, nil
		}
	}
	return []netip.Addr{elsewhere}, nil
}

// LookupNetIP is Resolve in the shape of net.Resolver's.
func (c *Cloud) LookupNetIP(ctx context.Context, _, host string) ([]netip.Addr, error) {
	return c.Resolve(ctx, host)
}
