package policy

import "github.com/tenantgate/tenantgate/hosts"

// resolvers are public names at which somebody else's resolver, or a relay
// that hides the destination, can be had over TLS. Whoever asks there is not
// steered by the DNS of this network.
//
// The list is of well-known names, not of all: a resolver can stand under any
// name. What asks for one by its media type or its path is seen wherever it is
// decrypted. Chromium is net/dns/public/doh_provider_entry.cc; a source that is
// not named is not documented, and being wrong about a name costs a record.
var resolvers = []struct{ pattern, source string }{
	{"mask.icloud.com", "Apple: prepare your network for iCloud Private Relay"},
	{"mask-h2.icloud.com", "Apple: prepare your network for iCloud Private Relay"},
	{"mask-api.icloud.com", "Apple: use Apple products on enterprise networks"},
	{"doh.dns.apple.com", "Apple: use Apple products on enterprise networks"},

	{"dns.google", "Chromium"},
	{"*.dns.google", "Chromium"},
	{"dns.google.com", "Chromium"},
	{"8888.google", "Chromium"},
	{"cloudflare-dns.com", "Cloudflare: 1.1.1.1 over HTTPS"},
	{"*.cloudflare-dns.com", "Cloudflare and Chromium; Firefox asks mozilla.cloudflare-dns.com"},
	{"one.one.one.one", "Chromium"},
	{"dns.cloudflare.com", ""},
	{"*.cloudflare-gateway.com", "Cloudflare: Zero Trust DNS locations"},
	{"dns.quad9.net", "Chromium"},
	{"dns9.quad9.net", "Chromium"},
	{"dns10.quad9.net", "Chromium"},
	{"dns11.quad9.net", "Chromium"},
	{"dns12.quad9.net", ""},
	{"doh.opendns.com", "Chromium"},
	{"doh.familyshield.opendns.com", "Chromium"},
	{"dns.opendns.com", "Cisco: OpenDNS over HTTPS"},
	{"doh.umbrella.com", "Cisco: Umbrella over HTTPS"},
	{"dns.umbrella.com", "Cisco: Umbrella over HTTPS"},
	{"dns.nextdns.io", "NextDNS"},
	{"*.dns.nextdns.io", "Chromium and Firefox"},
	{"doh.cleanbrowsing.org", "Chromium"},
	{"adult-filter-dns.cleanbrowsing.org", "Chromium"},
	{"family-filter-dns.cleanbrowsing.org", "Chromium"},
	{"security-filter-dns.cleanbrowsing.org", "Chromium"},
	{"dns.adguard.com", "AdGuard DNS, older names"},
	{"dns-family.adguard.com", "AdGuard DNS, older names"},
	{"dns-unfiltered.adguard.com", "AdGuard DNS, older names"},
	{"dns.adguard-dns.com", "AdGuard DNS"},
	{"family.adguard-dns.com", "AdGuard DNS"},
	{"unfiltered.adguard-dns.com", "AdGuard DNS"},
	{"d.adguard-dns.com", "AdGuard DNS, personal servers"},
	{"*.d.adguard-dns.com", "AdGuard DNS, personal servers"},
	{"dns.mullvad.net", "Mullvad: encrypted DNS"},
	{"*.dns.mullvad.net", "Mullvad: encrypted DNS"},
	{"doh.mullvad.net", "Mullvad: encrypted DNS, older name"},
	{"dns.controld.com", "Control D"},
	{"*.dns.controld.com", "Control D"},
	{"freedns.controld.com", "Control D"},

	{"doh.dns.sb", "Chromium"},
	{"dns.sb", "Chromium"},
	{"odvr.nic.cz", "Chromium"},
	{"dns.levonet.sk", "Chromium"},
	{"dnsnl.alekberg.net", "Chromium"},
	{"public.dns.iij.jp", "Chromium"},
	{"doh.xfinity.com", "Chromium"},
	{"dot.xfinity.com", "Chromium"},
	{"doh.cox.net", "Chromium"},
	{"dot.cox.net", "Chromium"},
	{"doh.quickline.ch", "Chromium"},
	{"dot.quickline.ch", "Chromium"},
	{"doh-01.spectrum.com", "Chromium"},
	{"doh-02.spectrum.com", "Chromium"},
	{"dns.switch.ch", "SWITCH: public DNS"},
	{"dns0.eu", "dns0.eu"},
	{"*.dns0.eu", "dns0.eu"},
	{"*.joindns4.eu", "DNS4EU"},
	{"private.canadianshield.cira.ca", "CIRA: Canadian Shield"},
	{"protected.canadianshield.cira.ca", "CIRA: Canadian Shield"},
	{"family.canadianshield.cira.ca", "CIRA: Canadian Shield; Firefox asks it"},
	{"dns.twnic.tw", "Quad101"},
	{"doh.applied-privacy.net", "Applied Privacy"},
	{"doh.libredns.gr", "LibreDNS"},
	{"dot.libredns.gr", "LibreDNS"},
	{"dns.digitale-gesellschaft.ch", "Digitale Gesellschaft"},
	{"wikimedia-dns.org", "Wikimedia DNS"},
	{"dns.alidns.com", "Alibaba: public DNS"},
	{"doh.pub", "DNSPod"},
	{"dot.pub", "DNSPod"},
	{"doh.360.cn", "360"},
	{"dot.360.cn", "360"},
}

var encryptedDNS = func() hosts.Set {
	var patterns []string
	for _, r := range resolvers {
		patterns = append(patterns, r.pattern)
	}
	return hosts.MustParseSet(patterns...)
}()

// EncryptedDNS returns the names of resolvers and relays that policy.encrypted_dns
// is about.
func EncryptedDNS() hosts.Set { return encryptedDNS }

// judgeEncryptedDNS decides a question to somebody else's resolver that was
// let in: done is what is done where it is permitted.
func (p *Policy) judgeEncryptedDNS(done Action) Verdict {
	const rule = "policy.encrypted_dns"
	if p.encryptedDNS == Tunnel {
		return Verdict{Action: done, Reason: DNSElsewhere, Rule: rule}
	}
	return p.refuse(DNSElsewhere, done, rule)
}
