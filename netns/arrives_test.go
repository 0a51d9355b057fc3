package netns_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/pac/judge"
)

// signsInTagged signs in on the device as args say. The cloud gets it from
// whom it should come, tagged, and the certificate is not the cloud's.
func (n *network) signsInTagged(from string, args ...string) {
	n.t.Helper()
	n.cloud.Reset()
	n.visits()
	if out, err := n.curl("device.pem", "https://"+signInHost+"/common/oauth2/v2.0/authorize", args...); err != nil {
		n.t.Fatalf("sign-in: %v %s", err, out)
	}
	seen := n.cloud.Seen()
	if len(seen) != 1 || !slices.Equal(seen[0].Tags(), []string{"Sec-Restrict-Tenant-Access-Policy: " + demo.Home.Tag()}) {
		n.t.Errorf("at the cloud arrived: %+v", seen)
	}
	if came := n.visits(); !slices.Equal(came, []visit{{from, signInAddr}}) {
		n.t.Errorf("the world saw %v", came)
	}
	n.event(`"connection-intercepted"`, `"`+signInHost+`"`, `"`+deviceAddr+`"`)
	if out, err := n.curl("cloud.pem", "https://"+signInHost+"/", args...); err == nil {
		n.t.Errorf("the sign-in host showed its own certificate: it was not intercepted: %s", out)
	}
}

// reads reads an unlisted site, which is not decrypted.
func (n *network) reads(from string, args ...string) {
	n.t.Helper()
	n.cloud.Reset()
	n.visits()
	if out, err := n.curl("cloud.pem", "https://"+siteHost+"/", args...); err != nil || out != "200" {
		n.t.Fatalf("unlisted site: %v %s", err, out)
	}
	if seen := n.cloud.Seen(); len(seen) != 1 || len(seen[0].Tags()) != 0 {
		n.t.Errorf("at the site arrived: %+v", seen)
	}
	if came := n.visits(); !slices.Equal(came, []visit{{from, siteAddr}}) {
		n.t.Errorf("the world saw %v", came)
	}
}

// A device that was told where the PAC file is, and nothing else.
func TestADeviceThatKnowsOnlyThePAC(t *testing.T) {
	n := newNetwork(t)
	n.runGate("")
	n.closeWaysRound()
	n.resolvesAt(n.device, dnsAddr)
	out, err := exec.Command("ip", "netns", "exec", n.device, "curl", "-sSf", "--max-time", "20", "http://"+gateAddr+":9090/proxy.pac").Output()
	if err != nil {
		t.Fatalf("fetch the PAC file: %v", err)
	}
	file, err := judge.Load(out, judge.Facts{})
	if err != nil {
		t.Fatal(err)
	}
	signIn, err := file.Find("https://" + signInHost + "/")
	if err != nil || signIn.FailsOpen() || signIn[0] != (judge.Hop{Kind: "PROXY", At: gateAddr + ":8080"}) {
		t.Fatalf("for the sign-in host the file says %s, %v", signIn, err)
	}
	n.signsInTagged(gateAddr, "--proxy", "http://"+signIn[0].At)
	site, err := file.Find("https://" + siteHost + "/")
	if err != nil || !site.Direct() {
		t.Fatalf("for an unlisted site the file says %s, %v", site, err)
	}
	n.reads(deviceAddr)
}

// A device whose resolver is ours, and that has never heard of a proxy.
func TestADeviceThatKnowsOnlyTheResolver(t *testing.T) {
	n := newNetwork(t)
	n.runGate("")
	n.closeWaysRound()
	n.resolvesAt(n.device, gateAddr)
	n.signsInTagged(gateAddr)
	n.reads(deviceAddr)
	if out := n.must("ip", "netns", "exec", n.device, "getent", "ahosts", signInHost); !strings.Contains(out, gateAddr) || strings.Contains(out, signInAddr) {
		t.Errorf("the device believes the sign-in host to be at %s", out)
	}
	n.examines("", "pass", "pass", "pass")
	n.resolvesAt(n.device, dnsAddr) // and now it knows another
	n.examines("to the sign-in service itself", "fail", "pass", "fail")
}

// examines has the program examine the device, whose way is by the resolver.
func (n *network) examines(says, dns, discovery, intercepted string) {
	n.t.Helper()
	cmd := exec.Command("ip", "netns", "exec", n.device, n.program(), "doctor", "--from-client", "--resolver", gateAddr, "--json")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "SSL_CERT_FILE=" + filepath.Join(n.dir, "device.pem"), "SSL_CERT_DIR=" + n.dir}
	out, err := cmd.Output()
	if (err == nil) != (dns == "pass") {
		n.t.Errorf("doctor: %v", err)
	}
	var report struct {
		Checks []struct{ Check, Status, What string }
	}
	if err := json.Unmarshal(out, &report); err != nil {
		n.t.Fatalf("%v: %s", err, out)
	}
	want := map[string]string{"dns": dns, "discovery": discovery, "intercepted": intercepted}
	for _, c := range report.Checks {
		if w := want[c.Check]; w != "" && w != c.Status {
			n.t.Errorf("%s: %s, want %s: %s", c.Check, c.Status, w, c.What)
		}
		delete(want, c.Check)
	}
	if len(want) > 0 || !strings.Contains(string(out), says) {
		n.t.Errorf("the doctor says %s", out)
	}
}
