package netns_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/needs"
	"github.com/tenantgate/tenantgate/netns"
)

// Where everybody is. Addresses of the world are the real ones: the rules and
// the proxy's dial guard know some of them. No packet leaves the namespaces.
const (
	deviceAddr = "10.77.0.2"
	gateAddr   = "10.77.1.7"
	parentAddr = "10.77.3.8"

	signInAddr = "20.190.128.10" // in the ranges of Entra's sign-in service
	siteAddr   = "93.184.215.14"
	dnsAddr    = "9.9.9.9" // the world's resolver
	dohAddr    = "1.1.1.1" // and one over HTTPS
)

const (
	signInHost = "login.microsoftonline.com"
	siteHost   = "www.example.com"
	dohHost    = "cloudflare-dns.com"
)

// network is a device, a router that it is behind, the machine of the proxy
// (the gate), one of another proxy, and the world with the demo cloud in it.
//
//	device ── router ── gate
//	            ├────── parent
//	            └────── world
type network struct {
	t     *testing.T
	cloud *demo.Cloud
	dir   string

	device, router, gate, parent, world string // namespaces

	mu   sync.Mutex
	came []visit
}

// visit is a connection that the world saw.
type visit struct{ from, to string }

func newNetwork(t *testing.T) *network {
	t.Helper()
	for _, name := range []string{"ip", "nft", "curl", "sysctl"} {
		needs.Tool(t, name)
	}
	if os.Getuid() != 0 {
		needs.Missing(t, "only root may make network namespaces")
	}
	cloud, err := demo.NewCloud()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cloud.Close() })
	name := fmt.Sprintf("tgn%d", os.Getpid())
	n := &network{t: t, cloud: cloud, dir: t.TempDir(), device: name + "d", router: name + "r", gate: name + "g", parent: name + "p", world: name + "w"}
	n.wire()
	n.serveWorld()
	n.write("cloud.pem", string(cloud.RootPEM()))
	return n
}

func (n *network) wire() {
	for _, ns := range []string{n.device, n.router, n.gate, n.parent, n.world} {
		n.must("ip", "netns", "add", ns)
		n.t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", ns).Run() })
		n.must("ip", "-n", ns, "link", "set", "lo", "up")
		// Chromium gives up a page when an address comes late (ERR_NETWORK_CHANGED), as that of an IPv6 link does.
		n.must("ip", "netns", "exec", ns, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1")
	}
	for i, ns := range []string{n.device, n.gate, n.world, n.parent} {
		near, far := fmt.Sprintf("10.77.%d.1", i), []string{deviceAddr, gateAddr, "10.77.2.2", parentAddr}[i]
		link := fmt.Sprint("to", i)
		n.must("ip", "link", "add", link, "netns", n.router, "type", "veth", "peer", "name", "eth0", "netns", ns)
		n.ip(n.router, "addr add "+near+"/24 dev "+link, "link set "+link+" up")
		n.ip(ns, "addr add "+far+"/24 dev eth0", "link set eth0 up", "route add default via "+near)
	}
	n.ip(n.router, "route add default via 10.77.2.2")
	for _, a := range []string{signInAddr, siteAddr, dnsAddr, dohAddr} {
		n.ip(n.world, "addr add "+a+"/32 dev lo")
	}
	n.must("ip", "netns", "exec", n.router, "sysctl", "-qw", "net.ipv4.ip_forward=1")
}

// resolvesAt tells the programs of a namespace the one resolver they know.
func (n *network) resolvesAt(ns, addr string) {
	n.t.Helper()
	dir := filepath.Join("/etc/netns", ns)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { os.RemoveAll(dir); os.Remove("/etc/netns") }) // the latter if nothing else is in it
	if err := os.WriteFile(filepath.Join(dir, "resolv.conf"), []byte("nameserver "+addr+"\noptions timeout:2 attempts:2\n"), 0o644); err != nil {
		n.t.Fatal(err)
	}
}

// serveWorld has the cloud answer at every address, over TCP. An echo answers
// where HTTP/3 would, and a resolver at port 53 and behind HTTPS.
func (n *network) serveWorld() {
	var tcp net.Listener
	var plain, quic net.PacketConn
	n.in(n.world, func() (err error) {
		if tcp, err = net.Listen("tcp", "0.0.0.0:443"); err != nil {
			return err
		}
		if plain, err = net.ListenPacket("udp", dnsAddr+":53"); err != nil {
			return err
		}
		quic, err = net.ListenPacket("udp", signInAddr+":443")
		return err
	})
	n.t.Cleanup(func() { tcp.Close(); quic.Close() })
	go n.acceptWorld(tcp)
	go func() {
		buf := make([]byte, 2048)
		for {
			size, from, err := quic.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = quic.WriteTo(buf[:size], from)
		}
	}()
	s := &dns.Server{PacketConn: plain, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) { _ = w.WriteMsg(zone(q)) })}
	started, ended := make(chan struct{}), make(chan struct{})
	s.NotifyStartedFunc = func() { close(started) }
	go func() { defer close(ended); _ = s.ActivateAndServe() }()
	<-started
	n.t.Cleanup(func() { _ = s.Shutdown(); <-ended })
	n.cloud.Publish(dohHost, http.HandlerFunc(answerDoH))
}

func (n *network) acceptWorld(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		from, _, _ := net.SplitHostPort(c.RemoteAddr().String())
		to, _, _ := net.SplitHostPort(c.LocalAddr().String())
		n.mu.Lock()
		n.came = append(n.came, visit{from, to})
		n.mu.Unlock()
		go func() {
			defer c.Close()
			origin, err := n.cloud.Connect(context.Background(), netip.AddrPortFrom(netip.MustParseAddr(to), 443))
			if err != nil {
				return
			}
			defer origin.Close()
			go func() { _, _ = io.Copy(origin, c); origin.Close() }()
			_, _ = io.Copy(c, origin)
		}()
	}
}

// zone is what the world's resolvers say.
func zone(q *dns.Msg) *dns.Msg {
	m := new(dns.Msg).SetReply(q)
	if len(q.Question) != 1 || q.Question[0].Qtype != dns.TypeA {
		return m
	}
	addr := siteAddr
	switch name := q.Question[0].Name; {
	case strings.EqualFold(name, dohHost+"."):
		addr = dohAddr
	case strings.HasSuffix(strings.ToLower(name), "microsoftonline.com."):
		addr = signInAddr
	}
	m.Answer = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: net.ParseIP(addr)}}
	return m
}

// answerDoH answers as RFC 8484 section 4 has it.
func answerDoH(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	q := new(dns.Msg)
	if err != nil || q.Unpack(body) != nil {
		http.Error(w, "no DNS message", http.StatusBadRequest)
		return
	}
	packed, err := zone(q).Pack()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/dns-message")
	_, _ = w.Write(packed)
}

// visits are what the world saw since it was last asked; the cloud forgets too.
func (n *network) visits() []visit {
	n.mu.Lock()
	defer n.mu.Unlock()
	came := n.came
	n.came = nil
	return came
}

func (n *network) in(ns string, f func() error) {
	n.t.Helper()
	if err := netns.In(ns, f); err != nil {
		n.t.Fatal(err)
	}
}
