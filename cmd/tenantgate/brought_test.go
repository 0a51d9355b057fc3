package main

import (
	"bytes"
	"net/netip"
	"testing"

	"github.com/tenantgate/tenantgate/config"
	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/pac"
)

// TestARefusedSignInNameIsBroughtHere: a name that is refused must arrive to
// be refused; one that must never be decrypted goes direct all the same.
func TestARefusedSignInNameIsBroughtHere(t *testing.T) {
	f, err := config.Flags("11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b, err := assemble(f, offline)
	if err != nil {
		t.Fatal(err)
	}
	s := b.pac.Script("", netip.Addr{}, "127.0.0.1:8080")
	for name, want := range map[string]string{
		"login.windows-ppe.net":            "PROXY 127.0.0.1:8080",
		"login.microsoftonline.com":        "PROXY 127.0.0.1:8080",
		"device.login.microsoftonline.com": "DIRECT",
		"www.example.com":                  "DIRECT",
	} {
		if got, err := pac.Route(s, hosts.Name(name)); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", name, got, err, want)
		}
	}
	if b.restricted.Has("login.windows-ppe.net") {
		t.Error("a refused name would be decrypted")
	}
	var file bytes.Buffer
	if err := pac.Write(&file, s); err != nil || !bytes.Contains(file.Bytes(), []byte("login.windows-ppe.net")) {
		t.Errorf("PAC: %v", err)
	}
}
