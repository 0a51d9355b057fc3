package demo

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/tenantgate/tenantgate/hosts"
)

// A Tenant is one directory of the cloud.
type Tenant struct {
	ID           string   // directory ID
	Name         string   // display name, as error messages say it
	Short        string   // contoso: its hosts and storage accounts begin with it
	Domains      []string // verified domains; the first is that of its users
	Policy       string   // id of its default cross-tenant access policy
	Subscription string   // its Azure subscription
	Users        []string // members
	Guests       []string // users of other tenants who are guests here
	Partners     []string // directory IDs its tenant restrictions allow
}

// The tenants of the demo. Home's accounts are ours; Foreign is whom tenant
// restrictions keep out; Partner is allowed by Home's policy in the cloud.
var (
	Home = Tenant{
		ID: "11111111-1111-1111-1111-111111111111", Name: "Contoso", Short: "contoso",
		Domains:      []string{"contoso.com", "contoso.onmicrosoft.com"},
		Policy:       "22222222-2222-2222-2222-222222222222",
		Subscription: "aaaaaaaa-1111-4111-8111-111111111111",
		Users:        []string{"alice@contoso.com", "bob@contoso.com"},
		Guests:       []string{"grace@fabrikam.com", "sam@outlook.com"},
		Partners:     []string{Partner.ID},
	}
	Foreign = Tenant{
		ID: "33333333-3333-3333-3333-333333333333", Name: "Fabrikam", Short: "fabrikam",
		Domains:      []string{"fabrikam.com", "fabrikam.onmicrosoft.com"},
		Policy:       "66666666-6666-6666-6666-666666666666",
		Subscription: "bbbbbbbb-3333-4333-8333-333333333333",
		Users:        []string{"mallory@fabrikam.com", "grace@fabrikam.com"},
		Guests:       []string{"alice@contoso.com", "paula@adatum.com"},
	}
	Partner = Tenant{
		ID: "44444444-4444-4444-4444-444444444444", Name: "Adatum", Short: "adatum",
		Domains:      []string{"adatum.com", "adatum.onmicrosoft.com"},
		Policy:       "77777777-7777-7777-7777-777777777777",
		Subscription: "cccccccc-4444-4444-8444-444444444444",
		Users:        []string{"paula@adatum.com"},
		Guests:       []string{"alice@contoso.com"},
	}
	Consumer = Tenant{ // Microsoft: access-token-claims-reference, tid
		ID: "9188040d-6c67-4c5b-b112-36a304b66dad", Name: "Personal accounts", Short: "live",
		Domains: []string{"outlook.com", "live.com", "hotmail.com"},
		Users:   []string{"sam@outlook.com"},
	}
)

// Tenants returns every tenant of the cloud.
func Tenants() []Tenant { return []Tenant{Home, Foreign, Partner, Consumer} }

// Tag returns the value of the TRv2 header that names t's default policy.
func (t Tenant) Tag() string { return t.ID + ":" + t.Policy }

// SharePoint returns the tenant's SharePoint host.
func (t Tenant) SharePoint() string { return t.Short + ".sharepoint.com" }

// has tells whether a user can sign in to t: as a member or as a guest.
func (t Tenant) has(user string) bool {
	return slices.Contains(t.Users, user) || slices.Contains(t.Guests, user)
}

// known says whether t is a tenant at all; the zero Tenant is none.
func (t Tenant) known() bool { return t.ID != "" }

// tenantOf finds a tenant as the first path segment of a sign-in host names
// it: directory ID, verified domain, or consumers.
func tenantOf(segment string) Tenant {
	segment = strings.ToLower(segment)
	if segment == "consumers" {
		return Consumer
	}
	for _, t := range Tenants() {
		if t.ID == segment || slices.Contains(t.Domains, segment) {
			return t
		}
	}
	return Tenant{}
}

// homeOf finds the tenant that a user name belongs to.
func homeOf(user string) Tenant {
	_, domain, ok := strings.Cut(strings.ToLower(user), "@")
	if !ok {
		return Tenant{}
	}
	return tenantOf(domain)
}

// ownerOf finds the tenant whose host this is: contoso.sharepoint.com,
// contoso-my.sharepoint.com, contosodata.blob.core.windows.net.
func ownerOf(n hosts.Name) Tenant {
	label, _, _ := strings.Cut(strings.TrimPrefix(string(n), "h1-"), ".")
	for _, t := range Tenants() {
		if strings.HasPrefix(label, t.Short) {
			return t
		}
	}
	return Tenant{}
}

// subscriber finds the tenant of a subscription.
func subscriber(subscription string) Tenant {
	for _, t := range Tenants() {
		if t.Subscription != "" && t.Subscription == strings.ToLower(subscription) {
			return t
		}
	}
	return Tenant{}
}

// objectID returns the same GUID for the same things, another for others.
func objectID(of ...string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(strings.Join(of, "\x00"))))
	s := hex.EncodeToString(sum[:16])
	return s[:8] + "-" + s[8:12] + "-4" + s[13:16] + "-8" + s[17:20] + "-" + s[20:32]
}
