package tagging

import "github.com/tenantgate/tenantgate/hosts"

// untouchable is a name whose TLS must reach its client unbroken.
type untouchable struct{ pattern, source, why string }

// untouchables are built in; no setting takes one out. Each is attack surface,
// so the list is as short as the vendors' own statements allow, and
// policy.exempt can refuse all of them.
//
// "Not documented" marks names from general knowledge. Being wrong about one
// costs a record in the log: the name would have been tunnelled anyway.
var untouchables = []untouchable{
	{"device.login.microsoftonline.com", "tenant-restrictions", "device sign-in presents a TLS client certificate"},
	{"device.login.microsoftonline.us", "not documented", "its twin in US Government clouds"},
	{"device.login.partner.microsoftonline.cn", "not documented", "its twin in China"},
	{"enterpriseregistration.windows.net", "tenant-restrictions", "device registration presents a TLS client certificate"},
	{"enterpriseregistration.microsoftonline.us", "Compare Azure Government and global Azure", "its twin in US Government clouds"},
	{"enterpriseregistration.partner.microsoftonline.cn", "not documented", "its twin in China"},

	{"certauth.login.microsoftonline.com", "certificate-based authentication", "the user's TLS client certificate is the credential"},
	{"*.certauth.login.microsoftonline.com", "certificate-based authentication", "the same by tenant"},
	{"certauth.login.microsoftonline.us", "Compare Azure Government and global Azure", "its twin in US Government clouds"},
	{"*.certauth.login.microsoftonline.us", "Compare Azure Government and global Azure", "the same by tenant"},
	{"certauth.login.partner.microsoftonline.cn", "not documented", "its twin in China"},
	{"*.certauth.login.partner.microsoftonline.cn", "not documented", "the same by tenant"},
	{"logincert.microsoftonline.com", "Microsoft 365 endpoint set 56", "not documented: by its name another client certificate host"},

	// MSAL sends token requests of applications that hold a certificate here,
	// and the certificate in the handshake (mTLS proof of possession).
	{"mtlsauth.microsoft.com", "MSAL source", "the application's TLS client certificate is the credential"},
	{"*.mtlsauth.microsoft.com", "MSAL source", "the same by region"},
	{"mtlsauth.microsoftonline.us", "MSAL source", "its twin in US Government clouds"},
	{"*.mtlsauth.microsoftonline.us", "MSAL source", "the same by region"},
	{"mtlsauth.partner.microsoftonline.cn", "MSAL source", "its twin in China"},
	{"*.mtlsauth.partner.microsoftonline.cn", "MSAL source", "the same by region"},

	{"autologon.microsoftazuread-sso.com", "Microsoft 365 endpoint set 56", "Seamless SSO: Negotiate is bound to the origin"},
	{"autologon.microsoft.us", "Microsoft 365 endpoint set 56", "its twin in US Government clouds"},

	{"*.dh.microsoft.com", "Intune network endpoints", "device health attestation does not support inspection"},
	{"*.attest.azure.net", "Intune network endpoints", "device health attestation does not support inspection"},

	{"app-site-association.cdn-apple.com", "apple-sso-plugin", "Apple checks the SSO extension's domains over unbroken TLS"},
	{"app-site-association.networking.apple", "apple-sso-plugin", "Apple checks the SSO extension's domains over unbroken TLS"},
}

var exempt = func() hosts.Set {
	var patterns []string
	for _, u := range untouchables {
		patterns = append(patterns, u.pattern)
	}
	return hosts.MustParseSet(patterns...)
}()

// Exempt returns the hosts that are never decrypted and never tagged: device
// registration, certificate authentication, attestation. Whoever restricts a
// set of hosts takes these out of it last.
func Exempt() hosts.Set { return exempt }
