package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/policy"
)

const imported = `policy:
  default:
    tenant_restrictions: allow
    outbound: block
  partners:
    - tenant: 33333333-3333-3333-3333-333333333333
      outbound: allow
    - tenant: 44444444-4444-4444-4444-444444444444
      inbound: {applications: {allow: [Office365]}}
`

func TestWhatTheFileItselfSaysComesBeforeWhatWasImported(t *testing.T) {
	dir := t.TempDir()
	from := filepath.Join(dir, "entra.yaml")
	file := filepath.Join(dir, "tenantgate.yaml")
	for name, text := range map[string]string{from: imported, file: tenantLine + `policy:
  from: ` + from + `
  default: {tenant_restrictions: block}
  partners:
    - {tenant: "{44444444-4444-4444-4444-444444444444}", keys: block}
`} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	f, err := Read(file)
	if err != nil {
		t.Fatal(err)
	}
	d, p := f.Policy.Default, f.Policy.Partners
	if d.TenantRestrictions.Setting != policy.Deny || d.Outbound.Setting != policy.Deny || d.Inbound.Setting != policy.Allow {
		t.Errorf("default: %+v", d)
	}
	if len(p) != 2 || p[0].Inbound.Said() || p[0].Keys != policy.Deny || p[1].Outbound.Setting != policy.Allow {
		t.Errorf("partners: %+v", p)
	}
	for path, want := range map[string]string{
		"policy.default.tenant_restrictions": file + ":4",
		"policy.default.outbound":            from + ":4",
		"policy.default.inbound":             "",
		"policy.partners[0].keys":            file + ":6",
		"policy.partners[1].outbound":        from + ":7",
	} {
		if got := f.Where(path); got != want {
			t.Errorf("%s stands at %q, want %q", path, got, want)
		}
	}
}

func TestAnImportedFileThatCannotBeUsedIsAProblemOfPolicyFrom(t *testing.T) {
	dir := t.TempDir()
	from, file := filepath.Join(dir, "entra.yaml"), filepath.Join(dir, "tenantgate.yaml")
	if err := os.WriteFile(file, []byte(tenantLine+"policy:\n  from: "+from+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"":                                  "there is no such file",
		"policy:\n  default: {outbound: x}": "policy.default.outbound: \"x\" is not allow or block",
		"mode: observe\n":                   `has a section "mode", want policy alone`,
		"policy: [":                         "is not YAML",
		"policy: {from: x}":                 "",
	} {
		_ = os.Remove(from)
		if text != "" {
			if err := os.WriteFile(from, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := Read(file)
		switch {
		case want == "" && err == nil:
		case err == nil, want == "", !strings.Contains(err.Error(), want), !strings.Contains(err.Error(), file+":3:9: policy.from: "):
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
