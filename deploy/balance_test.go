package deploy_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/tenantgate/tenantgate/demo"
	"github.com/tenantgate/tenantgate/needs"
)

const balancer, keeper = "haproxy/haproxy.cfg", "keepalived/keepalived.conf"

func TestHAProxyFindsNoFaultWithItsConfiguration(t *testing.T) {
	out := run(t, ".", needs.Tool(t, "haproxy"), "-c", "-f", balancer)
	if strings.Contains(out, "WARNING") {
		t.Error(out)
	}
}

func TestKeepalivedFindsNoFaultWithItsConfiguration(t *testing.T) {
	needs.Root(t)
	keepalived, unshare := needs.Tool(t, "keepalived"), needs.Tool(t, "unshare")
	told := func(text string) string {
		file := filepath.Join(t.TempDir(), "keepalived.conf")
		write(t, file, text)
		out, err := output(t, ".", unshare, "--net", "sh", "-c", `ip link add eth0 type veth peer name other && ip addr add 10.0.0.11/24 dev eth0 && ip link set eth0 up
			echo begin; exec "$0" -t -f "$1"`, keepalived, file)
		_, said, began := strings.Cut(out, "begin\n")
		if !began {
			t.Fatalf("%v: %s", err, out)
		}
		// Keepalived 2.2.7 ends itself with SIGTERM where it has tested a script as
		// another user than root, which is last; what it finds it says before.
		return strings.TrimSpace(said)
	}
	text := read(t, keeper)
	if got := told(text); got != "" {
		t.Error(got)
	}
	if got := told(strings.Replace(text, "priority 150", "prioritee 150", 1)); !strings.Contains(got, "prioritee") {
		t.Errorf("a misspelt word is not told, so this proves nothing: %q", got)
	}
}

// A fleet is two nodes, the real program, before the demo cloud and behind
// HAProxy, each at an address of its own.
type fleet struct {
	t     *testing.T
	cloud *demo.Cloud
	nodes [2]*node
	dirs  [2]string
	front *url.URL
	port  string // of the cloud
	log   string // HAProxy's
	token string
	roots *x509.CertPool
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	haproxy := needs.Tool(t, "haproxy")
	cloud, err := demo.NewCloud()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cloud.Close() })
	f := &fleet{t: t, cloud: cloud, roots: x509.NewCertPool(), token: cloud.Mint(demo.Spec{})}
	f.port = f.origin()
	dns, proxy, admin := f.names(), free(t), free(t)
	ca := t.TempDir()
	write(t, filepath.Join(ca, "roots.pem"), string(cloud.RootPEM()))
	for i := range f.nodes {
		ip := fmt.Sprint("127.0.0.", i+2)
		f.dirs[i] = t.TempDir()
		text := configuration(ip+":"+proxy, ip+":"+admin)
		text = strings.Replace(text, "listen: {", "listen: {proxy_protocol: [127.0.0.1/32], ", 1) +
			"upstream: {resolver: \"" + dns + "\", roots: " + ca + "/roots.pem, allow_addresses: [" + demo.Addresses + "], ports: [443, " + f.port + "]}\n"
		write(t, filepath.Join(f.dirs[i], "tenantgate.yaml"), text)
		f.nodes[i] = launch(t, exec.Command(program(t), "run", "-c", "tenantgate.yaml"), f.dirs[i])
		f.roots.AppendCertsFromPEM([]byte(read(t, filepath.Join(f.dirs[i], "state/ca/ca.crt"))))
	}
	dir := t.TempDir()
	front := free(t)
	f.front = &url.URL{Scheme: "http", Host: "127.0.0.1:" + front}
	write(t, filepath.Join(dir, "haproxy.cfg"), strings.NewReplacer("10.0.0.10:8080", f.front.Host, "10.0.0.11:8080", "127.0.0.2:"+proxy, "10.0.0.12:8080", "127.0.0.3:"+proxy,
		"port 9090", "port "+admin, "maxconn 20000", "maxconn 1000").Replace(read(t, balancer)))
	f.log = filepath.Join(dir, "log")
	file, err := os.Create(f.log)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd := exec.Command(haproxy, "-db", "-f", filepath.Join(dir, "haproxy.cfg"))
	cmd.Stdout, cmd.Stderr = file, file
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	until(t, func() bool {
		conn, err := net.Dial("tcp", f.front.Host)
		if err == nil {
			conn.Close()
		}
		return err == nil
	}, func() string { return read(t, f.log) })
	return f
}

// free is a port that nobody had a moment ago.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// origin has the cloud answer at the addresses that its names have.
func (f *fleet) origin() string {
	addr := netip.MustParsePrefix(demo.Addresses).Addr().Next()
	l, err := net.Listen("tcp", netip.AddrPortFrom(addr, 0).String())
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer in.Close()
				out, err := f.cloud.Dial(context.Background(), "tcp", "cloud:443")
				if err != nil {
					return
				}
				defer out.Close()
				go func() { _, _ = io.Copy(out, in); out.Close() }()
				_, _ = io.Copy(in, out)
			}()
		}
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

// names is a DNS server that knows one address, the origin's.
func (f *fleet) names() string {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { pc.Close() })
	addr := netip.MustParsePrefix(demo.Addresses).Addr().Next()
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			m.Response, m.Additionals = true, nil
			if q.Type == dnsmessage.TypeA {
				m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 60}, Body: &dnsmessage.AResource{A: addr.As4()}}}
			}
			if packed, err := m.Pack(); err == nil {
				_, _ = pc.WriteTo(packed, from)
			}
		}
	}()
	return pc.LocalAddr().String()
}

// visit opens a new connection from an address of the client's own and asks
// Graph through it.
func (f *fleet) visit(ctx context.Context, client int) error {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(client))}}
	tr := &http.Transport{Proxy: http.ProxyURL(f.front), DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{RootCAs: f.roots}, DisableKeepAlives: true}
	defer tr.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://graph.microsoft.com:"+f.port+"/v1.0/me", nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+f.token)
	resp, err := (&http.Client{Transport: tr, Timeout: patience}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s, %s", resp.Status, resp.Header.Get("Tenantgate-Reason"))
	}
	return nil
}

// served is how many events a node has, and of how many clients.
func (f *fleet) served(i int) (events int, clients map[string]bool) {
	clients = map[string]bool{}
	for line := range strings.Lines(read(f.t, filepath.Join(f.dirs[i], "state/events/events.jsonl"))) {
		var e struct {
			Source struct{ IP string }
			Tag    struct{ Kind string } `json:"tenantgate"`
		}
		if json.Unmarshal([]byte(line), &e) == nil && e.Source.IP != "" {
			events++
			clients[e.Source.IP] = true
		}
	}
	return events, clients
}

// TENANTGATE_FAILOVER is how many new connections are made after the kill.
func TestNoNewConnectionIsLostAfterTheHealthCheck(t *testing.T) {
	after := int64(200)
	if n, err := strconv.ParseInt(os.Getenv("TENANTGATE_FAILOVER"), 10, 64); err == nil {
		after = n
	}
	f := newFleet(t)
	const clients = 12
	var before, noticed, gone atomic.Int64
	var during, lost []error
	var mu sync.Mutex
	var down atomic.Bool
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			for ctx.Err() == nil && gone.Load() < after {
				wasDown := down.Load()
				err := f.visit(ctx, c+1)
				switch {
				case wasDown:
					gone.Add(1)
				default:
					before.Add(1)
				}
				if err != nil {
					mu.Lock()
					if wasDown {
						lost = append(lost, err)
					} else {
						during = append(during, err)
					}
					mu.Unlock()
				}
			}
		})
	}
	for i := range f.nodes {
		until(t, func() bool { n, _ := f.served(i); return n > 20 }, func() string {
			mu.Lock()
			defer mu.Unlock()
			return fmt.Sprintf("node %d serves nobody: %v\n%s", i, during, read(t, f.log))
		})
	}
	mu.Lock()
	early := len(during)
	mu.Unlock()
	killed := time.Now()
	if err := f.nodes[0].Process.Kill(); err != nil {
		t.Fatal(err)
	}
	until(t, func() bool { return strings.Contains(read(t, f.log), "nodes/one is DOWN") }, func() string { return read(t, f.log) })
	noticed.Store(int64(time.Since(killed)))
	down.Store(true)
	all.Wait()
	if early > 0 {
		t.Errorf("%d connections were lost before anything happened: %v", early, during[0])
	}
	if len(lost) > 0 {
		t.Errorf("%d of %d new connections were lost after HAProxy knew, the first: %v", len(lost), gone.Load(), lost[0])
	}
	for i := range f.nodes {
		if _, seen := f.served(i); seen["127.0.0.1"] || len(seen) == 0 {
			t.Errorf("node %d saw the clients %v, not their own addresses", i, seen)
		}
	}
	t.Logf("before the kill and until it was noticed %d connections, %d of them lost; noticed after %v; then %d new connections, %d lost",
		before.Load(), len(during), time.Duration(noticed.Load()).Round(time.Millisecond), gone.Load(), len(lost))
}
