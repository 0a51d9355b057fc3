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
	"github.com/tenantgate/tenantgate/needs"
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
	cmd := exec.Command(needs.Tool(t, name), args...)
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
	needs.Tool(t, "nft")
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

// A machine on which both scripts for Linux were run needs nothing else: its
// own stores trust the root, and its programs use the proxy.
func TestTheScriptsForLinuxAreEnough(t *testing.T) {
	for _, name := range []string{"update-ca-certificates", "curl", "openssl"} {
		needs.Tool(t, name)
	}
	s := newStage(t, "unshare")
	out, err := isolated(t, "--mount", `
		for dir in /usr/local/share/ca-certificates /etc/ssl /etc/profile.d; do
			mkdir -p "$dir" "$HOME$dir"
			cp -a "$dir/." "$HOME$dir"
			mount --bind "$HOME$dir" "$dir"
		done
		"$1/linux/trust.sh" >/dev/null 2>&1
		install -m 0644 "$1/linux/environment.sh" /etc/profile.d/tenantgate.sh
		openssl verify "$1/ca/tenantgate.crt"
		exec env -i PATH="$PATH" HOME="$HOME" sh -euc '. /etc/profile.d/tenantgate.sh; curl -sS -A curl/trusting "$1"' sh "$2"`,
		s.dir, signIn)
	if err != nil || !strings.Contains(out, "tenantgate.crt: OK") || !strings.Contains(out, "<h1>Sign in</h1>") {
		t.Fatalf("%v: %s", err, out)
	}
	s.tagged(t, "curl/trusting")
}

// Java is large, and CI goes without it.
func TestKeytoolTakesTheRoot(t *testing.T) {
	if _, err := exec.LookPath("keytool"); err != nil {
		t.Skip("skipping: keytool is not installed")
	}
	ca := filepath.Join(unpacked(t, installation(t)), "ca", "tenantgate.cer")
	store := filepath.Join(t.TempDir(), "cacerts")
	output(t, "keytool", "-importcert", "-noprompt", "-keystore", store, "-storepass", "changeit", "-alias", "tenantgate", "-file", ca)
	if list := output(t, "keytool", "-list", "-keystore", store, "-storepass", "changeit"); !strings.Contains(list, "trustedCertEntry") {
		t.Error(list)
	}
}

// knocks asks from a device behind the router: over TCP, or with a datagram.
const knocks = `
import socket, sys
for kind, at, port in [a.split("/") for a in sys.argv[1:]]:
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    s.settimeout(3)
    try:
        s.connect((at, int(port)))
        if kind == "udp":
            s.send(b"x"); s.recv(9)
        print(kind, at, port, "open")
    except ConnectionRefusedError:
        print(kind, at, port, "refused")
    except OSError as e:
        print(kind, at, port, type(e).__name__)
`

// answers is everybody on the other side of the router.
const answers = `
import socket, threading
def udp(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("0.0.0.0", port)); ready.release()
    while True:
        m, a = s.recvfrom(9); s.sendto(m, a)
ready = threading.Semaphore(0)
tcp = [socket.create_server(("0.0.0.0", p)) for p in (443, 853)]
for p in (53, 443, 853):
    threading.Thread(target=udp, args=(p,)).start()
for p in (53, 443, 853):
    ready.acquire()
print("ready", flush=True)
`

// A device, the router with the rules, and the world: what gets through.
func TestTheFirewallClosesTheWaysRound(t *testing.T) {
	for _, name := range []string{"nft", "ip", "python3"} {
		needs.Tool(t, name)
	}
	i := installation(t)
	i.Proxies = []string{"10.7.0.3:8080"}
	out, err := isolated(t, "--net", `
		exec 3>&2 2>/dev/null
		unshare --net sleep 60 & device=$!
		unshare --net sleep 60 & world=$!
		trap 'kill $device $world' EXIT
		here=$(readlink /proc/self/ns/net)
		for pid in $device $world; do until [[ $(readlink /proc/$pid/ns/net) != "$here" ]]; do :; done; done
		exec 2>&3
		in_device() { nsenter --net=/proc/$device/ns/net "$@"; }
		in_world() { nsenter --net=/proc/$world/ns/net "$@"; }
		ip link add d0 type veth peer name d1
		ip link add w0 type veth peer name w1
		ip link set d1 netns $device
		ip link set w1 netns $world
		ip addr add 10.7.0.1/24 dev d0; ip link set d0 up
		ip addr add 20.190.128.2/18 dev w0; ip addr add 203.0.113.1/24 dev w0; ip link set w0 up
		in_device ip addr add 10.7.0.2/24 dev d1; in_device ip addr add 10.7.0.3/24 dev d1; in_device ip link set d1 up
		in_device ip route add default via 10.7.0.1 src 10.7.0.2
		in_world ip addr add 20.190.128.1/18 dev w1; in_world ip addr add 203.0.113.2/24 dev w1; in_world ip link set w1 up
		in_world ip route add default via 203.0.113.1 src 203.0.113.2
		echo 1 >/proc/sys/net/ipv4/ip_forward
		coproc WORLD { exec nsenter --net=/proc/$world/ns/net python3 -c "$3"; }
		trap 'kill $device $world $WORLD_PID' EXIT
		read -r ready <&"${WORLD[0]}"
		ask() { in_device python3 -c "$1" tcp/20.190.128.1/443 tcp/203.0.113.2/443 udp/203.0.113.2/443 udp/203.0.113.2/53 tcp/203.0.113.2/853; }
		echo before; ask "$2"
		nft -f "$1"
		echo after; ask "$2"
		in_device ip route replace default via 10.7.0.1 src 10.7.0.3
		echo proxy; ask "$2"`,
		filepath.Join(unpacked(t, i), "firewall", "tenantgate.nft"), knocks, answers)
	const open = "tcp 20.190.128.1 443 open\ntcp 203.0.113.2 443 open\nudp 203.0.113.2 443 open\nudp 203.0.113.2 53 open\ntcp 203.0.113.2 853 open\n"
	const closed = "tcp 20.190.128.1 443 refused\ntcp 203.0.113.2 443 open\nudp 203.0.113.2 443 refused\nudp 203.0.113.2 53 open\ntcp 203.0.113.2 853 refused\n"
	if diff := cmp.Diff("before\n"+open+"after\n"+closed+"proxy\n"+open, out); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
