package onboard_test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantgate/tenantgate/onboard"
	"github.com/tenantgate/tenantgate/tagging"
)

var update = flag.Bool("update", false, "write testdata/golden anew")

const (
	tenant   = "11111111-1111-1111-1111-111111111111"
	policyID = "22222222-2222-2222-2222-222222222222"
)

func root(t *testing.T) *x509.Certificate {
	t.Helper()
	text, err := os.ReadFile("testdata/ca.crt")
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func installation(t *testing.T) onboard.Installation {
	t.Helper()
	tags, err := tagging.New(tagging.Config{Version: "v2"}, tenant, policyID)
	if err != nil {
		t.Fatal(err)
	}
	return onboard.Installation{
		Tenant: tenant, Policy: policyID, V2: true, Version: "1.2.3", Roots: []*x509.Certificate{root(t)}, Tags: tags,
		PAC: "http://proxy.contoso.com:9090/proxy.pac?group=plant", Proxies: []string{"proxy.contoso.com:8080", "192.0.2.7:8080", "[2001:db8::7]:8080"},
		SignIn: []netip.Prefix{netip.MustParsePrefix("20.190.128.0/18"), netip.MustParsePrefix("2603:1006:2000::/48")}, ExemptDirect: true,
	}
}

// written makes the files and returns them by their paths.
func written(t *testing.T, i onboard.Installation) map[string]onboard.File {
	t.Helper()
	files, err := onboard.Files(i)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]onboard.File{}
	for _, f := range files {
		if _, twice := all[f.Path]; twice || f.About == "" || len(f.Data) == 0 || !filepath.IsLocal(f.Path) {
			t.Errorf("%s: twice, empty or without a word on what it is", f.Path)
		}
		all[f.Path] = f
	}
	return all
}

// text undoes what a platform wants of a text file.
func text(t *testing.T, f onboard.File) string {
	t.Helper()
	data := f.Data
	if path.Ext(f.Path) == ".reg" {
		var units []uint16
		for i := 0; i+1 < len(data); i += 2 {
			units = append(units, uint16(data[i])|uint16(data[i+1])<<8)
		}
		if len(units) == 0 || units[0] != 0xfeff {
			t.Fatalf("%s does not start with a byte order mark", f.Path)
		}
		data = []byte(string(utf16.Decode(units[1:])))
	}
	if strings.HasPrefix(f.Path, "windows/") && path.Ext(f.Path) != ".json" && bytes.Count(data, []byte("\n")) != bytes.Count(data, []byte("\r\n")) {
		t.Errorf("%s has lines that do not end as on Windows", f.Path)
	}
	return strings.ReplaceAll(string(data), "\r\n", "\n")
}

func TestFilesAreAsTheyWere(t *testing.T) {
	for name, f := range written(t, installation(t)) {
		if strings.HasPrefix(name, "ca/") {
			continue
		}
		golden := filepath.Join("testdata", "golden", filepath.FromSlash(name))
		got := text(t, f)
		if *update {
			if err := os.MkdirAll(filepath.Dir(golden), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestTheSameInstallationWritesTheSameOctets(t *testing.T) {
	a, b := written(t, installation(t)), written(t, installation(t))
	if diff := cmp.Diff(a, b); diff != "" {
		t.Error(diff)
	}
}

func TestEveryJSONFileParses(t *testing.T) {
	for name, f := range written(t, installation(t)) {
		if path.Ext(name) == ".json" && !json.Valid(f.Data) {
			t.Errorf("%s: %s", name, f.Data)
		}
	}
}

// The browser's own tags must not reach a host that the proxy leaves alone.
func TestNoInjectionReachesAnExemptHost(t *testing.T) {
	rules := onboard.Injections(installation(t).Tags)
	if len(rules) != 1 || rules[0].Headers[0].Value != tenant+":"+policyID {
		t.Fatalf("%+v", rules)
	}
	for _, filter := range rules[0].Patterns {
		host, https := strings.CutPrefix(filter, "https://")
		suffix, exact := strings.CutPrefix(host, ".")
		if !https || strings.ContainsAny(host, "*/") {
			t.Errorf("%s is no filter for one host", filter)
		}
		for _, e := range tagging.Exempt().Patterns() {
			e = strings.TrimPrefix(e, "*.")
			if e == suffix || !exact && strings.HasSuffix(e, "."+suffix) {
				t.Errorf("%s reaches %s", filter, e)
			}
		}
	}
}

func TestTwoTagsMakeTwoInjections(t *testing.T) {
	tags, err := tagging.New(tagging.Config{Version: "v2", Providers: tagging.Providers{Google: &tagging.Google{Domains: []string{"contoso.com"}}}}, tenant, policyID)
	if err != nil {
		t.Fatal(err)
	}
	rules := onboard.Injections(tags)
	if len(rules) != 2 || rules[1].Headers[0].Name != "X-GoogApps-Allowed-Domains" {
		t.Errorf("%+v", rules)
	}
}

func TestNothingThatAShellActsUponIsWritten(t *testing.T) {
	for _, bad := range []string{"", "proxy.pac", "ftp://h/p", "http:///p", "http://u:p@h/p", "http://h/$(id)", "http://h/'", "http://h/\n", "http://h/%PATH%", "http://h/`x`", "http://h/p&q"} {
		i := installation(t)
		i.PAC = bad
		if _, err := onboard.Files(i); err == nil {
			t.Errorf("%q was written", bad)
		}
	}
	for _, bad := range []string{"proxy", "proxy:0x50", "a'b:80", "$(id):80", ""} {
		i := installation(t)
		i.Proxies = []string{bad}
		if _, err := onboard.Files(i); err == nil {
			t.Errorf("%q was written", bad)
		}
	}
	i := installation(t)
	i.Roots = nil
	if _, err := onboard.Files(i); !errors.Is(err, onboard.ErrNoRoot) {
		t.Error(err)
	}
}

func TestFilesAreReplacedOnlyWhenAsked(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(dir, "b")); err != nil {
		t.Fatal(err)
	}
	files := []onboard.File{{Path: "a/a", Mode: 0o755, Data: []byte("a")}, {Path: "b", Mode: 0o644, Data: []byte("b")}}
	if err := onboard.Write(dir, files, false); !errors.Is(err, onboard.ErrExists) || !strings.HasSuffix(err.Error(), ": b") {
		t.Errorf("%v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "a")); err == nil {
		t.Error("something was written all the same")
	}
	if err := onboard.Write(dir, files, true); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(outside); string(got) != "x" {
		t.Errorf("what a link points to became %q", got)
	}
	if info, err := os.Stat(filepath.Join(dir, "a", "a")); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("%v %v", info, err)
	}
}
