package onboard_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/onboard"
)

// unpacked is a directory with the files of the installation.
func unpacked(t *testing.T, i onboard.Installation) string {
	t.Helper()
	files, err := onboard.Files(i)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := onboard.Write(dir, files, false); err != nil {
		t.Fatal(err)
	}
	return dir
}

// output runs a program to its end.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(tool(t, name), args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "LANG=C.UTF-8"}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", name, err, out)
	}
	return string(out)
}

func TestOpenSSLReadsEveryFormOfTheRoot(t *testing.T) {
	i := installation(t)
	i.Roots = append(i.Roots, i.Roots[0])
	ca := filepath.Join(unpacked(t, i), "ca")
	want := output(t, "openssl", "x509", "-in", "testdata/ca.crt", "-noout", "-fingerprint", "-sha256")
	for _, args := range [][]string{
		{"x509", "-in", ca + "/tenantgate.crt"}, {"x509", "-inform", "DER", "-in", ca + "/tenantgate.cer"},
		{"x509", "-in", ca + "/tenantgate-next.crt"}, {"x509", "-in", ca + "/tenantgate.pem"},
	} {
		if got := output(t, "openssl", append(args, "-noout", "-fingerprint", "-sha256")...); got != want {
			t.Errorf("%q: %s, want %s", args, got, want)
		}
	}
	list := output(t, "openssl", "pkcs7", "-inform", "DER", "-in", ca+"/tenantgate.p7b", "-print_certs")
	if n := strings.Count(list, "BEGIN CERTIFICATE"); n != 2 {
		t.Errorf("%d certificates in the PKCS #7 file: %s", n, list)
	}
}

// The profile is read by somebody else's parser, and comes back as it was.
func TestThePropertyListIsOneForItsReaders(t *testing.T) {
	file := filepath.Join(unpacked(t, installation(t)), "apple", "tenantgate.mobileconfig")
	text := output(t, "python3", "-c", `
import base64, json, plistlib, sys
d = plistlib.load(open(sys.argv[1], "rb"))
assert plistlib.loads(plistlib.dumps(d)) == d
print(json.dumps(d, default=lambda b: base64.b64encode(b).decode()))`, file)
	var profile struct {
		PayloadType, PayloadUUID string
		PayloadContent           []map[string]any
	}
	if err := json.Unmarshal([]byte(text), &profile); err != nil {
		t.Fatal(err)
	}
	uuids := map[string]bool{profile.PayloadUUID: true}
	of := map[string]map[string]any{}
	for _, p := range profile.PayloadContent {
		of[p["PayloadType"].(string)] = p
		id := p["PayloadUUID"].(string)
		if uuids[id] || !regexp.MustCompile(`^[0-9A-F]{8}-[0-9A-F]{4}-8[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$`).MatchString(id) {
			t.Errorf("%s is not an identifier of its own", id)
		}
		uuids[id] = true
	}
	global := of["com.apple.proxy.http.global"]
	if global["ProxyType"] != "Auto" || global["ProxyPACURL"] != installation(t).PAC || global["ProxyPACFallbackAllowed"] != false {
		t.Errorf("%v", global)
	}
	if of["com.google.Chrome"]["QuicAllowed"] != false || of["com.apple.security.root"]["PayloadDisplayName"] != root(t).Subject.CommonName {
		t.Errorf("%v", of)
	}
}

func TestNftablesLoadsTheRules(t *testing.T) {
	tool(t, "nft")
	for name, change := range map[string]func(*onboard.Installation){
		"as it is":           func(*onboard.Installation) {},
		"no proxy by number": func(i *onboard.Installation) { i.Proxies, i.ExemptDirect = i.Proxies[:1], false },
	} {
		i := installation(t)
		change(&i)
		file := filepath.Join(unpacked(t, i), "firewall", "tenantgate.nft")
		out, err := isolated(t, "--net", `nft -c -f "$1"; nft -f "$1"; nft -f "$1"; nft list ruleset`, file)
		if err != nil {
			t.Fatalf("%s: %v: %s", name, err, out)
		}
		for _, want := range []string{"udp dport 443", "20.190.128.0/18", "2603:1006:2000::/48", "ip daddr @signin4", "reject with tcp reset"} {
			if !strings.Contains(out, want) {
				t.Errorf("%s: %s is not in what was loaded: %s", name, want, out)
			}
		}
		if has := strings.Contains(out, "192.0.2.7"); has != (len(i.Proxies) > 1) {
			t.Errorf("%s: %s", name, out)
		}
	}
}

func TestTheTrustScriptInstallsIntoATree(t *testing.T) {
	dir, tree := unpacked(t, installation(t)), t.TempDir()
	if err := os.MkdirAll(filepath.Join(tree, "usr/local/share/ca-certificates"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(tree, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tree, "etc/passwd"), []byte("root:x:0:0::/root:/bin/bash\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(dir, "linux", "trust.sh")
	output(t, "bash", "-n", script)
	dry := output(t, "env", "DRY_RUN=1", "ROOT="+tree, "bash", script)
	if _, err := os.Stat(filepath.Join(tree, "etc/ssl")); err == nil || !strings.Contains(dry, "install -m 0644") {
		t.Errorf("a dry run did something, or said nothing: %s", dry)
	}
	output(t, "env", "ROOT="+tree, "bash", script)
	for _, name := range []string{"usr/local/share/ca-certificates/tenantgate.crt", "etc/ssl/tenantgate.pem"} {
		got, err := os.ReadFile(filepath.Join(tree, name))
		want, _ := os.ReadFile("testdata/ca.crt")
		if err != nil || string(got) != string(want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A login shell that sources the file sends curl through the proxy.
func TestTheEnvironmentSendsCurlThroughTheProxy(t *testing.T) {
	s := newStage(t, "curl", "bash")
	file := s.file("linux/environment.sh")
	output(t, "sh", "-n", file)
	got := output(t, "env", "-i", "PATH="+os.Getenv("PATH"), "sh", "-euc", `. "$1"; echo "$NODE_EXTRA_CA_CERTS"; curl -sS --cacert "$2" -A curl/test "$3"`, "sh",
		file, s.file("ca/tenantgate.pem"), signIn)
	if !strings.HasPrefix(got, "/etc/ssl/tenantgate.pem\n") || !strings.Contains(got, "<h1>Sign in</h1>") {
		t.Errorf("%s", got)
	}
	s.tagged(t, "curl/test")
}

var (
	section = regexp.MustCompile(`^\[HKEY_LOCAL_MACHINE\\[^\]]+\]$`)
	value   = regexp.MustCompile(`^"([A-Za-z]+)"=(dword:[0-9a-f]{8}|"((?:[^"\\]|\\["\\])*)")$`)
)

// readRegistry reads a .reg file by the letter of its format (Microsoft, "How to add,
// modify, or delete registry subkeys and values by using a .reg file").
func readRegistry(t *testing.T, f onboard.File) map[string]string {
	t.Helper()
	lines := strings.Split(text(t, f), "\n")
	if lines[0] != "Windows Registry Editor Version 5.00" || lines[1] != "" {
		t.Fatalf("%s starts %q", f.Path, lines[:2])
	}
	got, key := map[string]string{}, ""
	for _, line := range lines[2:] {
		switch m := value.FindStringSubmatch(line); {
		case line == "" || strings.HasPrefix(line, ";"):
		case section.MatchString(line):
			key = strings.Trim(line, "[]")
		case m != nil && key != "" && strings.HasPrefix(m[2], "dword"):
			got[key+`\`+m[1]] = m[2]
		case m != nil && key != "":
			got[key+`\`+m[1]] = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(m[3])
		default:
			t.Errorf("%s: %q", f.Path, line)
		}
	}
	return got
}

func TestTheRegistryFilesSayWhatTheyShould(t *testing.T) {
	files := written(t, installation(t))
	proxied := readRegistry(t, files["windows/proxy.reg"])
	if proxied[`HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Internet Settings\AutoConfigURL`] != installation(t).PAC ||
		proxied[`HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Windows\CurrentVersion\Internet Settings\ProxySettingsPerUser`] != "dword:00000000" {
		t.Errorf("%v", proxied)
	}
	trv2 := readRegistry(t, files["windows/trv2.reg"])
	const payload = `HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Microsoft\Windows\TenantRestrictions\Payload\`
	if diff := cmp.Diff(map[string]string{payload + "tenantid": tenant, payload + "policyid": policyID}, trv2); diff != "" {
		t.Error(diff)
	}
	// What the registry holds as text is the same policy as the file for Linux.
	browsers := readRegistry(t, files["windows/browsers.reg"])
	var linux struct{ ProxySettings any }
	if err := json.Unmarshal(files["browsers/chrome.json"].Data, &linux); err != nil {
		t.Fatal(err)
	}
	for _, browser := range []string{`Google\Chrome`, `Microsoft\Edge`} {
		var windows any
		if err := json.Unmarshal([]byte(browsers[`HKEY_LOCAL_MACHINE\SOFTWARE\Policies\`+browser+`\ProxySettings`]), &windows); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(linux.ProxySettings, windows); diff != "" {
			t.Errorf("%s: %s", browser, diff)
		}
	}
	var firefox struct {
		Policies struct{ Preferences any }
	}
	if err := json.Unmarshal(files["browsers/firefox.json"].Data, &firefox); err != nil {
		t.Fatal(err)
	}
	var preferences any
	if err := json.Unmarshal([]byte(browsers[`HKEY_LOCAL_MACHINE\SOFTWARE\Policies\Mozilla\Firefox\Preferences`]), &preferences); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(firefox.Policies.Preferences, preferences); diff != "" {
		t.Error(diff)
	}
	if demo.Home.ID != tenant || demo.Home.Policy != policyID {
		t.Error("the demo's tenant is another: the browsers' tests prove nothing of these files")
	}
}
