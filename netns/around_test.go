package netns_test

import (
	"errors"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// way is a way past the proxy that a device can try, and what it got.
type way struct {
	name string
	try  func(n *network) string
}

// ways are tried by a device that knows the resolver, and everything else from
// elsewhere. In none does a program see a proxy setting.
var ways = []way{
	{"sign-in host at its own address", func(n *network) string { return n.past("--resolve", signInHost+":443:"+signInAddr) }},
	{"sign-in address under another name", func(n *network) string {
		return n.says(n.curl("cloud.pem", "https://"+siteHost+"/", "--resolve", siteHost+":443:"+signInAddr))
	}},
	{"sign-in host by a resolver over HTTPS", func(n *network) string { return n.past("--doh-url", "https://"+dohHost+"/dns-query") }},
	{"sign-in host by a resolver over HTTPS whose address is known", func(n *network) string {
		return n.past("--doh-url", "https://"+dohHost+"/dns-query", "--resolve", dohHost+":443:"+dohAddr)
	}},
	{"resolver over HTTPS at its own address", func(n *network) string {
		return n.says(n.curl("cloud.pem", "https://"+dohHost+"/dns-query", "--resolve", dohHost+":443:"+dohAddr))
	}},
	{"HTTP/3 to the sign-in address", func(n *network) string { return n.datagram(signInAddr + ":443") }},
	{"resolver over HTTPS through the proxy", func(n *network) string {
		return n.says(n.curl("device.pem", "https://"+dohHost+"/dns-query", "--proxy", "http://"+gateAddr+":8080"))
	}},
	{"unlisted site", func(n *network) string { return n.says(n.curl("cloud.pem", "https://"+siteHost+"/")) }},
}

// A device that goes round is where it wants to be until the router has the
// rules, and is refused from then on.
func TestADeviceThatGoesRound(t *testing.T) {
	n := newNetwork(t)
	n.runGate("")
	n.resolvesAt(n.device, gateAddr)
	before := n.tryAll()
	n.closeWaysRound()
	after := n.tryAll()
	want := map[string][2]string{
		"sign-in host at its own address":                              {"untagged", "refused"},
		"sign-in address under another name":                           {"answered 200", "refused"},
		"sign-in host by a resolver over HTTPS":                        {"no address", "no address"},
		"sign-in host by a resolver over HTTPS whose address is known": {"untagged", "no address"},
		"resolver over HTTPS at its own address":                       {"answered 400", "refused"},
		"HTTP/3 to the sign-in address":                                {"answered", "refused"},
		"resolver over HTTPS through the proxy":                        {"the proxy says no", "the proxy says no"},
		"unlisted site":                                                {"answered 200", "answered 200"},
	}
	got := map[string][2]string{}
	for _, w := range ways {
		got[w.name] = [2]string{before[w.name], after[w.name]}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("before and after the rules (-want +got):\n%s", diff)
	}
	n.event(`"encrypted-dns"`, `"`+dohHost+`"`, `"`+deviceAddr+`"`)
	if came := n.visits(); slices.ContainsFunc(came, func(v visit) bool { return v.from == deviceAddr && v.to == signInAddr }) {
		t.Errorf("after the rules the device reached the sign-in service: %v", came)
	}
	n.signsInTagged(gateAddr) // who does as told is not kept from it
}

func (n *network) tryAll() map[string]string {
	n.t.Helper()
	n.visits()
	got := map[string]string{}
	for _, w := range ways {
		got[w.name] = w.try(n)
	}
	return got
}

// past asks the sign-in host as args say, trusting nobody but the cloud: what
// went through the proxy would fail.
func (n *network) past(args ...string) string {
	n.t.Helper()
	n.cloud.Reset()
	out, err := n.curl("cloud.pem", "https://"+signInHost+"/", args...)
	for _, s := range n.cloud.Seen() {
		if s.Host == signInHost && len(s.Tags()) == 0 {
			return "untagged"
		}
	}
	return n.says(out, err)
}

// says puts into words what curl tells: its exit codes stand in what it prints.
func (n *network) says(out string, err error) string {
	switch {
	case err == nil:
		return "answered " + out
	case strings.Contains(out, "response 403"):
		return "the proxy says no"
	case strings.Contains(out, "(6)"):
		return "no address"
	case strings.Contains(out, "(7)"):
		return "refused"
	}
	return out
}

// datagram sends what a QUIC client would begin with, as far as a firewall can
// tell, and waits for an answer.
func (n *network) datagram(addr string) string {
	n.t.Helper()
	said := "answered"
	n.in(n.device, func() error {
		c, err := net.Dial("udp", addr)
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
			return err
		}
		if _, err := c.Write(make([]byte, 1200)); err != nil {
			return err
		}
		_, err = c.Read(make([]byte, 1500))
		if errors.Is(err, syscall.ECONNREFUSED) {
			said, err = "refused", nil
		}
		return err
	})
	return said
}
