package netns_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/needs"
)

const parentConfiguration = `Port 3128
Listen PARENT
Allow GATE
BasicAuth gate s3cret
ConnectPort 443
LogLevel Info
`

// runParent starts a proxy that somebody else makes, the only machine beside
// the device that the router lets out, and takes the gate's way out.
func (n *network) runParent() {
	n.t.Helper()
	file := n.write("tinyproxy.conf", strings.NewReplacer("PARENT", parentAddr, "GATE", gateAddr).Replace(parentConfiguration))
	n.resolvesAt(n.parent, dnsAddr)
	n.start(n.parent, "Accepting connections", needs.Tool(n.t, "tinyproxy"), "-d", "-c", file)
	n.ip(n.gate, "route del default", "route add 10.77.0.0/16 via 10.77.1.1")
	n.in(n.gate, func() error {
		if c, err := net.DialTimeout("tcp", siteAddr+":443", time.Second); err == nil {
			c.Close()
			n.t.Error("the gate gets out without its parent")
		}
		return nil
	})
}

// The proxy is behind another one, which asks for a password and knows the
// names; the device knows the PAC file's proxy.
func TestADeviceBehindTwoProxies(t *testing.T) {
	needs.Tool(t, "tinyproxy")
	n := newNetwork(t)
	n.runParent()
	n.runGate(", parent: \"http://gate:s3cret@" + parentAddr + ":3128\"")
	n.closeWaysRound()
	n.resolvesAt(n.device, dnsAddr)
	proxy := "http://" + gateAddr + ":8080"
	n.cannotSignIn(proxy) // the rules know our proxy, not the one that goes out
	n.must("ip", "netns", "exec", n.router, "nft", "add element inet tenantgate proxies4 { "+parentAddr+" }")
	n.signsInTagged(parentAddr, "--proxy", proxy)
	n.reads(parentAddr, "--proxy", proxy)
	n.event(`"connection-tunnelled"`, `"`+siteHost+`"`, `"`+deviceAddr+`"`)
}

// The administrator sees why, and the device gets no further by another way.
func TestAParentThatWantsAPassword(t *testing.T) {
	needs.Tool(t, "tinyproxy")
	n := newNetwork(t)
	n.runParent()
	n.runGate(", parent: \"http://" + parentAddr + ":3128\"")
	n.cannotSignIn("http://" + gateAddr + ":8080")
	n.event(`"parent-auth"`, `"`+signInHost+`"`, `"`+deviceAddr+`"`)
}

// cannotSignIn signs in through a proxy from which nothing gets out.
func (n *network) cannotSignIn(proxy string) {
	n.t.Helper()
	n.cloud.Reset()
	n.visits()
	out, err := n.curl("device.pem", "https://"+signInHost+"/", "--proxy", proxy)
	if err == nil && !strings.HasPrefix(out, "5") {
		n.t.Errorf("the sign-in was answered: %s", out)
	}
	if came := n.visits(); len(came) > 0 || len(n.cloud.Seen()) > 0 {
		n.t.Errorf("the world saw %v", came)
	}
}
