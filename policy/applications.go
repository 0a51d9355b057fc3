package policy

import "strings"

// applicationID returns the ID of the application that a claim names: the ID
// itself, in the forms that aud has (access-token-claims-reference; api:// and
// spn: are not documented there), or that of one of Microsoft's by its URI.
// It is empty where nobody can tell.
func applicationID(claim string) string {
	s := claim
	for _, scheme := range []string{"spn:", "api://"} {
		if rest, ok := cutFold(s, scheme); ok {
			s = rest
			break
		}
	}
	if len(s) >= 36 && isID(s[:36]) && (len(s) == 36 || s[36] == '/') {
		return s[:36]
	}
	host, ok := cutFold(s, "https://")
	if !ok {
		return ""
	}
	if i := strings.IndexAny(host, "/:"); i >= 0 {
		host = host[:i]
	}
	for _, r := range resources {
		end := host
		if r.suffix[0] == '.' && len(host) > len(r.suffix) {
			end = host[len(host)-len(r.suffix):]
		}
		if sameID(end, r.suffix) {
			return r.id
		}
	}
	return ""
}

// cutFold is strings.CutPrefix whatever the case.
func cutFold(s, prefix string) (rest string, ok bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return s, false
	}
	return s[len(prefix):], true
}

func isID(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if s[i] != '-' {
				return false
			}
		case ('0' > s[i] || s[i] > '9') && ('a' > c || c > 'f'):
			return false
		}
	}
	return true
}

// IDs of Microsoft's resources. None is documented as a list: an ID that is
// wrong here matches no token, and one that is missing is refused by a list of
// those allowed.
const (
	graph      = "00000003-0000-0000-c000-000000000000"
	aadGraph   = "00000002-0000-0000-c000-000000000000"
	exchange   = "00000002-0000-0ff1-ce00-000000000000"
	sharePoint = "00000003-0000-0ff1-ce00-000000000000"
	skype      = "00000004-0000-0ff1-ce00-000000000000"
	office     = "00000006-0000-0ff1-ce00-000000000000"
	manager    = "797f4846-ba00-4fd7-ba43-dac1f8f63013"
	keyVault   = "cfa8b339-82a2-471a-a3c9-0fc0be7a4093"
	storage    = "e406a681-f3d4-42a8-90b6-c2b029497af1"
	sql        = "022907d3-0f1b-48f7-badc-1ba6abab6d66"
	devOps     = "499b84ac-1321-427f-aa17-267ca6975798"
	powerBI    = "00000009-0000-0000-c000-000000000000"
	dataverse  = "00000007-0000-0000-c000-000000000000"
	teams      = "cc15fd57-2c6c-4117-a88c-83b1d56b4bbe"
)

// resources are the URIs by which tokens name Microsoft's resources: a host,
// or with a dot in front every name beneath it. Not documented.
var resources = []struct{ suffix, id string }{
	{"graph.microsoft.com", graph}, {"graph.microsoft.us", graph}, {"dod-graph.microsoft.us", graph}, {"microsoftgraph.chinacloudapi.cn", graph},
	{"graph.windows.net", aadGraph},
	{"outlook.office365.com", exchange}, {"outlook.office.com", exchange}, {"outlook.office365.us", exchange}, {"outlook-dod.office365.us", exchange},
	{".sharepoint.com", sharePoint}, {".sharepoint.us", sharePoint}, {".sharepoint-mil.us", sharePoint}, {".sharepoint.cn", sharePoint},
	{"api.spaces.skype.com", teams}, {"teams.microsoft.com", teams},
	{"management.azure.com", manager}, {"management.core.windows.net", manager}, {"management.usgovcloudapi.net", manager}, {"management.chinacloudapi.cn", manager},
	{"vault.azure.net", keyVault}, {"vault.usgovcloudapi.net", keyVault}, {"vault.azure.cn", keyVault},
	{"storage.azure.com", storage}, {".blob.core.windows.net", storage},
	{"database.windows.net", sql}, {"analysis.windows.net", powerBI}, {".dynamics.com", dataverse}, {"app.vssps.visualstudio.com", devOps},
}

// officeApps are the applications of Entra's group Office365 as far as they
// are known: services, and the clients of the suite. Microsoft documents the
// group by names that change. Graph is no member of it: a client of the suite
// that asks Graph is.
var officeApps = []string{
	exchange, sharePoint, skype, office, teams,
	"00000005-0000-0ff1-ce00-000000000000", // Yammer
	"1fec8e78-bce4-4aaf-ab1b-5451cc387264", // Teams
	"5e3ce6c0-2b1f-4285-8d4b-75ee78787346", // Teams in a browser
	"d3590ed6-52b3-4102-aeff-aad2292ab01c", // Office
	"4765445b-32c6-49b0-83e6-1d93765276ca", // office.com
	"89bee1f7-5e6e-4d8a-9f3d-ecd601259da7", // its frame
	"4354e225-50c9-4423-9ece-2d5afd904870", // Augmentation Loop
	"5d661950-3475-41cd-a2c3-d671a3162bc1", // Outlook
	"27922004-5251-4030-b22d-91ecd9a37ea4", // Outlook on a phone
	"9199bf20-a13f-4107-85dc-02114787ef48", // Outlook in a browser
	"ab9b8c07-8f02-4f72-87fa-80105867a763", // OneDrive
	"af124e86-4e96-495a-b70a-90f90ab96707", // OneDrive on a phone
	"5f00fd34-f302-417f-81ef-1adda179d8fd", // Forms in a browser
	"66375f6b-983f-4c2c-9701-d680650f588f", // Planner
	"75f31797-37c9-498e-8dc9-53c16a36afca", // Planner's client
	"22098786-6e16-43cc-a27d-191a01a1e3b5", // To Do
	"3ff8e6ba-7dc3-4e9e-ba40-ee12b60d6d48", // To Do in a browser
	"57336123-6e14-4acc-8dcf-287b6088aa28", // Whiteboard
	"0922ef46-e1b9-4f7e-9134-9ad00547eb41", // Loop
}

// microsoftApps are applications of Microsoft's beside those of Office365 and
// those with a reserved ID.
var microsoftApps = []string{
	manager, keyVault, storage, sql, devOps,
	"04b07795-8ddb-461a-bbee-02f9e1bf7b46", // Azure CLI
	"1950a258-227b-4e31-a9cf-717495945fc2", // Azure PowerShell
	"29d9ed98-a469-4536-ade2-f981bc1d605e", // Authentication Broker
	"aebc6443-996d-45c2-90f0-388ff96faa56", // Visual Studio Code
	"18fbca16-2224-45f6-85b0-f7bf2b39b3f3", // Microsoft Learn (tenant-restrictions-v2)
	"195e7f27-02f9-4045-9a91-cd2fa1c2af2f", // Enterprise Skills Initiative (likewise)
}

func inOffice(id string) bool { return among(officeApps, id) }

// ofMicrosoft recognizes beside the table the IDs that Microsoft gave out by
// hand: no random GUID starts and ends like them (RFC 9562, 5.4).
func ofMicrosoft(id string) bool {
	return strings.HasPrefix(id, "000000") && strings.HasSuffix(id, "-000000000000") || inOffice(id) || among(microsoftApps, id)
}

func among(all []string, id string) bool {
	for _, one := range all {
		if sameID(one, id) {
			return true
		}
	}
	return false
}

// sameID compares two IDs or hosts whatever their case. Most differ in length
// or in the first octet.
func sameID(a, b string) bool {
	return len(a) == len(b) && a != "" && a[0]|0x20 == b[0]|0x20 && strings.EqualFold(a, b)
}
