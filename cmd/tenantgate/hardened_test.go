package main

import (
	"strings"
	"testing"
)

func TestEnvironmentThatUndoesProtectionsIsNamed(t *testing.T) {
	tests := []struct{ entry, told string }{ // told is empty where there is nothing to tell
		{"SSLKEYLOGFILE=/tmp/keys", "keys of their connections"},
		{"SSLKEYLOGFILE=", ""},
		{"SSL_CERT_FILE=/tmp/roots.pem", "upstream.roots"},
		{"SSL_CERT_DIR=/tmp/roots", "upstream.roots"},
		{"HTTP_PROXY=http://u:p@x", "upstream.parent"},
		{"HTTPS_PROXY=http://u:p@x", "upstream.parent"},
		{"https_proxy=http://u:p@x", "upstream.parent"},
		{"ALL_PROXY=socks5://x", "upstream.parent"},
		{"no_proxy=*", "upstream.parent"},
		{"GODEBUG=x509sha1=1", ": x509sha1 "},
		{"GODEBUG=tlsrsakex=1", ": tlsrsakex "},
		{"GODEBUG=tls10server=1,tls3des=1", ": tls10server, tls3des "},
		{"GODEBUG=http2server=0", ": http2server "},
		{"GODEBUG=http2debug=2", ": http2debug "},
		{"GODEBUG=httplaxcontentlength=1", ": httplaxcontentlength "},
		{"GODEBUG=rsa1024min=0", ": rsa1024min "},
		{"GODEBUG=x509usefallbackroots=1", ": x509usefallbackroots "},
		{"GODEBUG=whatcomesnext=1", ": whatcomesnext "},
		{"GODEBUG=gctrace=1, tlsmlkem=0", ": tlsmlkem "},
		{"GODEBUG=a\nb=1", "something unreadable"},
		{"GODEBUG=fips140=off", ": fips140 "},
		{"GODEBUG=fips140=on", ""},
		{"GODEBUG=fips140=only", ""},
		{"GODEBUG=gctrace=1,netdns=go", ""},
		{"GODEBUG=,", ""},
		{"GOTRACEBACK=crash", "core dump at a crash: crash "},
		{"GOTRACEBACK=all", ""},
		{"LD_PRELOAD=/tmp/x.so", "linked dynamically"},
		{"GOMEMLIMIT=1GiB", ""},
		{"TENANT=SSLKEYLOGFILE", ""},
	}
	for _, tt := range tests {
		got := hazardous([]string{"PATH=/bin", tt.entry})
		switch {
		case tt.told == "" && len(got) > 0:
			t.Errorf("%q: %v, want nothing", tt.entry, got)
		case tt.told == "":
		case len(got) != 1:
			t.Errorf("%q: %d problems, want 1", tt.entry, len(got))
		default:
			text := got[0].Error()
			_, value, _ := strings.Cut(tt.entry, "=")
			if !strings.Contains(text, tt.told) || strings.Contains(text, value) && !strings.Contains(tt.told, value) || strings.ContainsAny(text, "\n") {
				t.Errorf("%q: %q, want %q and no value", tt.entry, text, tt.told)
			}
		}
	}
}
