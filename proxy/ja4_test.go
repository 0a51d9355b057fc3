package proxy

import (
	"crypto/tls"
	"testing"
)

// The example of FoxIO's description of JA4: a Chrome of 2023, GREASE included.
func TestAHelloHasTheFingerprintThatOthersGiveIt(t *testing.T) {
	h := &tls.ClientHelloInfo{
		CipherSuites: []uint16{0x3a3a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035},
		Extensions: []uint16{0xeaea, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b, 0xff01, 0x000b, 0x000a,
			0x0015, 0x5a5a},
		SupportedVersions: []uint16{0xbaba, tls.VersionTLS13, tls.VersionTLS12},
		SupportedProtos:   []string{"h2", "http/1.1"},
		SignatureSchemes:  []tls.SignatureScheme{0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601},
	}
	if got, want := ja4(h), "t13d1516h2_8daaf6152771_e5627efa2ab1"; got != want {
		t.Errorf("ja4 = %s, want %s", got, want)
	}
	if got := ja4(nil); got != "" {
		t.Errorf("ja4 of nothing = %q", got)
	}
	if got := ja4(&tls.ClientHelloInfo{SupportedProtos: []string{"\xab"}}); got != "t00i0000ab_000000000000_000000000000" {
		t.Errorf("ja4 of an empty hello = %s", got)
	}
}
