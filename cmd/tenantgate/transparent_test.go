package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/needs"
	"github.com/tenantgate/tenantgate/netns"
)

// Addresses of the network that a test makes: a client, a gate that is its
// router, and origins behind the gate.
const (
	originAddr  = "198.51.100.10" // what every name resolves to for the proxy
	elsewhere   = "198.51.100.99" // what clients believe; nothing is there
	signInRange = "20.190.128.5"  // an address of Entra's sign-in service
)

// network is a client and a router in network namespaces of their own, the
// program on the router, and the demo cloud behind it.
type network struct {
	t            *testing.T
	cloud        *demo.Cloud
	dir          string
	client, gate string
	ended        <-chan struct{} // closed when the program that started last is gone
}

func newNetwork(t *testing.T, transparent string) *network {
	t.Helper()
	needs.Root(t)
	for _, tool := range []string{"ip", "nft", "curl"} {
		needs.Tool(t, tool)
	}
	cloud, err := demo.NewCloud()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cloud.Close() })
	name := fmt.Sprintf("tg%d%s", os.Getpid(), transparent[:1])
	n := &network{t: t, cloud: cloud, dir: t.TempDir(), client: name + "c", gate: name + "g"}
	n.wire()
	n.firewall(transparent)
	n.origins()
	n.run(transparent)
	return n
}

// wire makes the namespaces: client eth0 - lan0 gate wan0 - nothing.
func (n *network) wire() {
	for _, ns := range []string{n.client, n.gate} {
		n.must("ip", "netns", "add", ns)
		n.t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", ns).Run() })
		n.must("ip", "-n", ns, "link", "set", "lo", "up")
	}
	n.must("ip", "link", "add", "lan0", "netns", n.gate, "type", "veth", "peer", "name", "eth0", "netns", n.client)
	n.must("ip", "link", "add", "wan0", "netns", n.gate, "type", "veth", "peer", "name", "wan1", "netns", n.gate)
	for _, line := range []string{
		n.gate + " addr add 10.77.0.1/24 dev lan0", n.gate + " -6 addr add fd77::1/64 dev lan0 nodad", n.gate + " addr add " + originAddr + "/32 dev lo",
		n.client + " addr add 10.77.0.2/24 dev eth0", n.client + " -6 addr add fd77::2/64 dev eth0 nodad",
		n.gate + " link set lan0 up", n.gate + " link set wan0 up", n.gate + " link set wan1 up", n.client + " link set eth0 up",
		n.gate + " route add default dev wan0", n.gate + " -6 route add default dev wan0",
		n.client + " route add default via 10.77.0.1", n.client + " -6 route add default via fd77::1",
	} {
		n.must("ip", append([]string{"-n"}, strings.Fields(line)...)...)
	}
	n.must("ip", "netns", "exec", n.gate, "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
}

// firewall loads the rules of docs/transparent.md.
func (n *network) firewall(transparent string) {
	text, err := os.ReadFile("../../docs/transparent.md")
	if err != nil {
		n.t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)<!-- file: " + transparent + `\.nft -->\n` + "```nft\n(.*?)```").FindSubmatch(text)
	if block == nil {
		n.t.Fatalf("docs/transparent.md has no rules for %s", transparent)
	}
	rules := filepath.Join(n.dir, "rules.nft")
	if err := os.WriteFile(rules, block[1], 0o600); err != nil {
		n.t.Fatal(err)
	}
	n.must("ip", "netns", "exec", n.gate, "nft", "-f", rules)
	if transparent != "tproxy" {
		return
	}
	routes := regexp.MustCompile(`(?m)^ip .*(rule|route) add .*$`).FindAllString(string(text), -1)
	if len(routes) != 4 {
		n.t.Fatalf("the page has %d routing commands, want 4", len(routes))
	}
	for _, line := range routes {
		n.must("ip", append([]string{"-n", n.gate}, strings.Fields(line)[1:]...)...)
	}
}

// origins puts the demo cloud and a DNS server that knows nothing else into
// the gate's namespace.
func (n *network) origins() {
	var l net.Listener
	var pc net.PacketConn
	n.in(n.gate, func() (err error) {
		if l, err = net.Listen("tcp", originAddr+":443"); err == nil {
			pc, err = net.ListenPacket("udp", "127.0.0.1:53")
		}
		return err
	})
	n.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go n.toCloud(c)
		}
	}()
	s := &dns.Server{PacketConn: pc, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		if one := q.Question[0]; one.Qtype == dns.TypeA {
			m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: one.Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: net.ParseIP(originAddr)}}
		}
		_ = w.WriteMsg(m)
	})}
	started, ended := make(chan struct{}), make(chan struct{})
	s.NotifyStartedFunc = func() { close(started) }
	go func() { defer close(ended); _ = s.ActivateAndServe() }()
	<-started
	n.t.Cleanup(func() { _ = s.Shutdown(); <-ended })
}

func (n *network) toCloud(c net.Conn) {
	defer c.Close()
	origin, err := n.cloud.Connect(context.Background(), netip.MustParseAddrPort(originAddr+":443"))
	if err != nil {
		return
	}
	defer origin.Close()
	go func() { _, _ = io.Copy(origin, c); origin.Close() }()
	_, _ = io.Copy(c, origin)
}

func (n *network) in(ns string, f func() error) {
	n.t.Helper()
	if err := netns.In(ns, f); err != nil {
		n.t.Fatal(err)
	}
}

// run starts the program on the gate.
func (n *network) run(transparent string) {
	n.t.Helper()
	roots := n.write("roots.pem", n.cloud.RootPEM())
	n.write("tenantgate.yaml", []byte("state: "+n.dir+`/state
tenant: {id: `+homeTenant+`, policy: `+homePolicy+`}
listen: {proxy: "", steered: ":8443", transparent: `+transparent+`, admin: "127.0.0.1:9090"}
upstream: {resolver: "127.0.0.1:53", roots: `+roots+`, allow_addresses: [198.51.100.0/24]}
`))
	n.start()
	n.write("both.pem", append(n.cloud.RootPEM(), n.read("state/ca/ca.crt")...))
}

func (n *network) start(more ...string) {
	n.t.Helper()
	args := append([]string{"netns", "exec", n.gate, "tenantgate", "run", "-c", filepath.Join(n.dir, "tenantgate.yaml")}, more...)
	cmd := exec.Command("ip", args...)
	errs, err := cmd.StderrPipe()
	if err != nil {
		n.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	ended := make(chan struct{})
	n.ended = ended
	n.t.Cleanup(func() { _ = cmd.Process.Signal(syscall.SIGKILL); <-ended })
	lines, said := bufio.NewScanner(errs), ""
	for lines.Scan() {
		if said += lines.Text() + "\n"; strings.Contains(lines.Text(), "tenantgate runs") {
			go func() { _, _ = io.Copy(io.Discard, errs); _ = cmd.Wait(); close(ended) }()
			return
		}
	}
	_ = cmd.Wait()
	close(ended)
	n.t.Fatalf("it did not start: %s", said)
}

func (n *network) write(name string, b []byte) string {
	n.t.Helper()
	path := filepath.Join(n.dir, name)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		n.t.Fatal(err)
	}
	return path
}

func (n *network) read(name string) []byte {
	n.t.Helper()
	b, err := os.ReadFile(filepath.Join(n.dir, name))
	if err != nil {
		n.t.Fatal(err)
	}
	return b
}

func (n *network) must(name string, args ...string) {
	n.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		n.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// curl asks host at addr from a namespace, trusting the file of roots.
func (n *network) curl(ns, roots, host, addr string, args ...string) (string, error) {
	args = append([]string{"netns", "exec", ns, "curl", "-sS", "--max-time", "15", "--cacert", filepath.Join(n.dir, roots),
		"--resolve", host + ":443:" + addr, "-o", "/dev/null", "-w", "%{http_code}"}, args...)
	cmd := exec.Command("ip", append(args, "https://"+host+"/")...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// event waits for an event with all of these parts and returns it.
func (n *network) event(parts ...string) map[string]any {
	n.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		for line := range strings.Lines(string(n.read("state/events/events.jsonl"))) {
			found := true
			for _, part := range parts {
				found = found && strings.Contains(line, part)
			}
			var e map[string]any
			if found && json.Unmarshal([]byte(line), &e) == nil {
				return e
			}
		}
	}
	n.t.Fatalf("no event with %q in\n%s", parts, n.read("state/events/events.jsonl"))
	return nil
}

func TestDivertedClientsGoByTheirNames(t *testing.T) {
	for _, transparent := range []string{"redirect", "tproxy"} {
		t.Run(transparent, func(t *testing.T) {
			n := newNetwork(t, transparent)
			for _, addr := range []string{elsewhere, "[2001:db8::99]"} {
				n.signsInTagged(addr)
				n.tunnels(addr)
			}
			n.refusesSpoofedSignIn()
			n.closesWithoutName()
			n.refusesQUIC()
			n.handsOver()
			n.doesNotLoop(transparent)
		})
	}
}

func (n *network) signsInTagged(addr string) {
	n.t.Helper()
	n.cloud.Reset()
	if out, err := n.curl(n.client, "both.pem", "login.microsoftonline.com", addr); err != nil {
		n.t.Fatalf("sign-in host at %s: %v %s", addr, err, out)
	}
	seen := n.cloud.Seen()
	if len(seen) != 1 || seen[0].Header.Get("Sec-Restrict-Tenant-Access-Policy") != homeTenant+":"+homePolicy {
		n.t.Errorf("at %s arrived: %+v", addr, seen)
	}
	bare := strings.Trim(addr, "[]")
	n.event(`"connection-intercepted"`, `"login.microsoftonline.com"`, `"ip":"`+bare+`"`)
	if _, err := n.curl(n.client, "roots.pem", "login.microsoftonline.com", addr); err == nil {
		n.t.Error("the sign-in host showed its own certificate: it was not intercepted")
	}
}

func (n *network) tunnels(addr string) {
	n.t.Helper()
	n.cloud.Reset()
	if out, err := n.curl(n.client, "roots.pem", "www.example.com", addr); err != nil || out != "200" {
		n.t.Errorf("unlisted host at %s: %v %s", addr, err, out)
	}
	for _, s := range n.cloud.Seen() {
		if s.Header.Get("Sec-Restrict-Tenant-Access-Policy") != "" {
			n.t.Errorf("an unlisted host was tagged: %+v", s)
		}
	}
	n.event(`"connection-tunnelled"`, `"www.example.com"`, `"ip":"`+originAddr+`"`)
}

func (n *network) refusesSpoofedSignIn() {
	n.t.Helper()
	if out, err := n.curl(n.client, "both.pem", "www.example.com", signInRange); err == nil {
		n.t.Errorf("an unlisted name at a sign-in address was answered: %s", out)
	}
	n.event(`"restricted-address"`, `"www.example.com"`, `"ip":"`+signInRange+`"`, `"10.77.0.2"`)
}

func (n *network) closesWithoutName() {
	n.t.Helper()
	// An IP address is no server name, so curl sends none.
	if out, err := n.curl(n.client, "both.pem", elsewhere, elsewhere); err == nil {
		n.t.Errorf("a hello without a name was answered: %s", out)
	}
	n.event(`"malformed-hello"`, `"ip":"`+elsewhere+`"`)
}

func (n *network) refusesQUIC() {
	n.t.Helper()
	n.in(n.client, func() error {
		c, err := net.Dial("udp", elsewhere+":443")
		if err != nil {
			return err
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(patience))
		if _, err := c.Write(make([]byte, 1200)); err != nil {
			return err
		}
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNREFUSED) {
			n.t.Errorf("UDP 443: %v, want it refused", err)
		}
		return nil
	})
}

// handsOver has another process take the place of the one that runs.
func (n *network) handsOver() {
	n.t.Helper()
	before := n.ended
	n.start("--replace")
	for left := false; !left; {
		select {
		case <-before:
			left = true
		default:
		}
		n.signsInTagged(elsewhere)
	}
	n.tunnels("[2001:db8::99]")
}

// doesNotLoop makes the mistake of diverting what the gate itself sends.
func (n *network) doesNotLoop(transparent string) {
	n.t.Helper()
	if transparent != "redirect" {
		return // prerouting alone sees no packet of the gate's own
	}
	n.must("ip", "netns", "exec", n.gate, "nft", "add chain inet tenantgate out { type nat hook output priority -100 ; } ; add rule inet tenantgate out tcp dport 443 redirect to :8443")
	if out, err := n.curl(n.client, "both.pem", "www.example.com", elsewhere); err == nil {
		n.t.Errorf("a proxy that meets itself answered: %s", out)
	}
	n.event(`"proxy-loop"`)
	if count := strings.Count(string(n.read("state/events/events.jsonl")), `"proxy-loop"`); count > 4 {
		n.t.Errorf("%d times round", count)
	}
}
