package proxy

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// portDoT is that of DNS over TLS (RFC 7858, 3.1), whatever stands there.
const portDoT = 853

// dnsTypes are media types that only a question to a resolver has.
var dnsTypes = []string{
	"application/dns-message",           // RFC 8484, 6
	"application/oblivious-dns-message", // RFC 9230, 4.3
	"application/dns+json",              // RFC 8427, 7
	"application/dns-json",              // Cloudflare and Google, not registered
}

// asksResolver tells whether r is a question to a resolver: by a media type
// that it sends or wants, by the path that RFC 8484 and every public resolver
// use, or by a DNS message in the parameter that RFC 8484 gives it.
func asksResolver(r *http.Request) bool {
	return asksFor(r.URL, r.Header["Content-Type"], r.Header["Accept"])
}

func asksFor(u *url.URL, sends, wants []string) bool {
	return slices.ContainsFunc(sends, dnsType) || slices.ContainsFunc(wants, dnsType) || dnsPath(u.Path) || dnsParameter(u.RawQuery)
}

// dnsType tells whether one of a list of media types is a resolver's.
func dnsType(list string) bool {
	if !saysDNS(list) {
		return false
	}
	for one := range strings.SplitSeq(list, ",") {
		one, _, _ = strings.Cut(one, ";")
		if slices.Contains(dnsTypes, strings.ToLower(strings.TrimSpace(one))) {
			return true
		}
	}
	return false
}

// saysDNS tells whether a text has these letters: few have.
func saysDNS(text string) bool {
	for i := 0; i+2 < len(text); i++ {
		if text[i]|0x20 == 'd' && text[i+1]|0x20 == 'n' && text[i+2]|0x20 == 's' {
			return true
		}
	}
	return false
}

// dnsPath tells whether a segment of the path is dns-query.
func dnsPath(path string) bool {
	const segment = "dns-query"
	if len(path) <= len(segment) {
		return false
	}
	for one := range strings.SplitSeq(path, "/") {
		if strings.EqualFold(one, segment) {
			return true
		}
	}
	return false
}

// dnsParameter tells whether the query carries a DNS message as dns.
func dnsParameter(query string) bool {
	if !strings.Contains(query, "=") {
		return false
	}
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if name, err := url.QueryUnescape(name); err != nil || name != "dns" {
			continue
		}
		if value, err := url.QueryUnescape(value); err == nil && question(value) {
			return true
		}
	}
	return false
}

// question tells whether text is a DNS message with one question and no answer
// (RFC 1035, 4.1.1), in base64url as RFC 8484, 6 writes it.
func question(text string) bool {
	m, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(text, "="))
	return err == nil && len(m) >= 17 && m[2]&0x80 == 0 && m[4] == 0 && m[5] == 1 && m[6] == 0 && m[7] == 0
}
