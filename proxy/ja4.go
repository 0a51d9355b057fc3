package proxy

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// Extensions that a fingerprint counts and does not hash (RFC 6066, RFC 7301).
const (
	extensionServerName = 0x0000
	extensionALPN       = 0x0010
)

// ja4 is the fingerprint of a hello that names the client's TLS library and
// how it is set up, after FoxIO's JA4 (technical_details/JA4.md, BSD licence);
// empty where nothing was said.
func ja4(h *tls.ClientHelloInfo) string {
	if h == nil {
		return ""
	}
	suites, extensions := genuine(h.CipherSuites), genuine(h.Extensions)
	named := "i"
	if slices.Contains(extensions, extensionServerName) {
		named = "d"
	}
	head := fmt.Sprintf("t%s%s%02d%02d%s", spoken(h.SupportedVersions), named,
		min(len(suites), 99), min(len(extensions), 99), protocol(h.SupportedProtos))
	extensions = slices.DeleteFunc(extensions, func(id uint16) bool { return id == extensionServerName || id == extensionALPN })
	slices.Sort(suites)
	slices.Sort(extensions)
	tail := list(extensions)
	if len(h.SignatureSchemes) > 0 {
		tail += "_" + list(h.SignatureSchemes)
	}
	return head + "_" + digest(list(suites)) + "_" + digest(tail)
}

// genuine returns ids without those that mean nothing (GREASE, RFC 8701).
func genuine(ids []uint16) []uint16 {
	return slices.DeleteFunc(slices.Clone(ids), func(id uint16) bool { return id&0x0f0f == 0x0a0a && id>>8 == id&0xff })
}

// spoken is the highest version offered.
func spoken(versions []uint16) string {
	highest := uint16(0)
	for _, v := range genuine(versions) {
		highest = max(highest, v)
	}
	switch highest {
	case tls.VersionTLS13:
		return "13"
	case tls.VersionTLS12:
		return "12"
	case tls.VersionTLS11:
		return "11"
	case tls.VersionTLS10:
		return "10"
	default:
		return "00"
	}
}

// protocol is the first and the last character of the first one offered.
func protocol(offered []string) string {
	if len(offered) == 0 || offered[0] == "" {
		return "00"
	}
	one := offered[0]
	first, last := one[0], one[len(one)-1]
	if !alphanumeric(first) || !alphanumeric(last) {
		text := hex.EncodeToString([]byte(one))
		first, last = text[0], text[len(text)-1]
	}
	return string([]byte{first, last})
}

func alphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func list[T ~uint16](ids []T) string {
	all := make([]string, len(ids))
	for i, id := range ids {
		all[i] = fmt.Sprintf("%04x", uint16(id))
	}
	return strings.Join(all, ",")
}

func digest(s string) string {
	if s == "" {
		return "000000000000"
	}
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:6])
}
