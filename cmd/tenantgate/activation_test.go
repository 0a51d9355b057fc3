package main

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/tenantgate/tenantgate/proxy"
)

// socket is one that a service manager holds and passes on.
type socket struct {
	name string // FileDescriptorName=
	file *os.File
	addr string
}

// tcpSocket and udpSocket open sockets as a socket unit does.
func tcpSocket(t *testing.T, name string) socket {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return held(t, name, l.Addr(), l.(*net.TCPListener).File)
}

func udpSocket(t *testing.T, name, addr string) socket {
	t.Helper()
	c, err := net.ListenPacket("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return held(t, name, c.LocalAddr(), c.(*net.UDPConn).File)
}

func held(t *testing.T, name string, addr net.Addr, file func() (*os.File, error)) socket {
	t.Helper()
	f, err := file()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return socket{name, f, addr.String()}
}

// passing starts the program with sockets, as systemd does (sd_listen_fds(3)):
// the shell is the process that becomes the program, so that its number fits.
func passing(t *testing.T, dir string, text string, sockets ...socket) *program {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "tenantgate") // see TestMain
	if err := os.Symlink(self, name); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "tenantgate.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &program{t: t, dir: dir, out: &notes{}, err: &notes{}, ended: make(chan error, 1)}
	p.Cmd = exec.Command("sh", "-c", `LISTEN_PID=$$ exec "$0" run -c tenantgate.yaml`, name)
	names := make([]string, len(sockets))
	for i, s := range sockets {
		names[i] = s.name
		p.ExtraFiles = append(p.ExtraFiles, s.file)
	}
	p.Dir, p.Env = dir, append(os.Environ(), "LISTEN_FDS="+strconv.Itoa(len(sockets)), "LISTEN_FDNAMES="+strings.Join(names, ":"))
	p.Stdout, p.Stderr = p.out, p.err
	return p
}

const heldConfiguration = `state: state
tenant: {id: 11111111-1111-1111-1111-111111111111, policy: 22222222-2222-2222-2222-222222222222, domains: [contoso.com]}
`

func TestSocketsThatSystemdHoldsAreUsed(t *testing.T) {
	front, admin, steered := tcpSocket(t, "proxy"), tcpSocket(t, "tenantgate.socket"), tcpSocket(t, "steered")
	names := tcpSocket(t, "dns")
	asked := udpSocket(t, "dns", names.addr)
	// The configuration's own proxy port cannot be opened: the name decides. The
	// admin listener's socket has no name that says anything: its address does.
	p := passing(t, t.TempDir(), heldConfiguration+`listen: {proxy: "192.0.2.1:1", steered: "127.0.0.1:1", dns: "`+names.addr+`", admin: "`+admin.addr+`"}
dns: {upstreams: ["127.0.0.1:9"], answers: ["127.0.0.1"]}
upstream: {resolver: "127.0.0.1:9"}
`, front, admin, steered, names, asked)
	p.begin()
	if got := p.addr("proxy"); got != front.addr {
		t.Errorf("the proxy is at %s, want %s", got, front.addr)
	}
	p.connect("nowhere.example:443")
	for _, network := range []string{"udp", "tcp"} {
		c := dns.Client{Net: network, Timeout: patience}
		m := new(dns.Msg).SetQuestion("login.microsoftonline.com.", dns.TypeA)
		if r, _, err := c.Exchange(m, names.addr); err != nil || len(r.Answer) != 1 {
			t.Errorf("over %s: %v, %v", network, r, err)
		}
	}
	conn, err := net.Dial("tcp", steered.addr)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = conn.Write([]byte("no hello\r\n\r\n"))
	_ = conn.SetDeadline(time.Now().Add(patience))
	if n, err := conn.Read(make([]byte, 1)); n != 0 || os.IsTimeout(err) {
		t.Errorf("the steered listener: %d, %v", n, err)
	}
	conn.Close()
	if env, err := os.ReadFile("/proc/" + strconv.Itoa(p.Process.Pid) + "/environ"); err != nil || !strings.Contains(string(env), "LISTEN_FDS=5") {
		t.Errorf("the program was not given what it should: %v", err)
	}
	if code := p.end(); code != 0 {
		t.Errorf("exit code %d:\n%s", code, p.err)
	}
}

func TestASocketForNobodyIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name, listen string
		sockets      func(t *testing.T) []socket
		says         string
	}{
		{"unknown", "{}", func(t *testing.T) []socket { return []socket{tcpSocket(t, "web")} }, `socket "web" that was passed to us: no listener of the configuration has its name`},
		{"turned off", "{}", func(t *testing.T) []socket { return []socket{tcpSocket(t, "steered")} }, "no listener of the configuration"},
		{"twice", `{proxy: "127.0.0.1:0"}`, func(t *testing.T) []socket { return []socket{tcpSocket(t, "proxy"), tcpSocket(t, "proxy")} }, "listen.proxy has a socket already"},
		{"datagrams for the proxy", `{proxy: "127.0.0.1:0"}`, func(t *testing.T) []socket { return []socket{udpSocket(t, "proxy", "127.0.0.1:0")} }, "datagrams are for listen.dns alone"},
		{"a connection", `{proxy: "127.0.0.1:0"}`, func(t *testing.T) []socket { return []socket{connected(t)} }, "it does not listen"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := passing(t, t.TempDir(), heldConfiguration+"listen: "+tt.listen+"\n", tt.sockets(t)...)
			_ = p.Run()
			if code := p.ProcessState.ExitCode(); code != 3 || !strings.Contains(p.err.String(), tt.says) || !strings.Contains(p.err.String(), "\nhint: ") {
				t.Errorf("exit code %d, want 3, %q and a hint:\n%s", code, tt.says, p.err)
			}
		})
	}
}

func connected(t *testing.T) socket {
	t.Helper()
	l := tcpSocket(t, "")
	c, err := net.Dial("tcp", l.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return held(t, "proxy", c.LocalAddr(), c.(*net.TCPConn).File)
}

func TestAnAddressOfTheConfigurationFindsItsSocket(t *testing.T) {
	for _, tt := range []struct {
		socket, wanted string
		same           bool
	}{
		{"127.0.0.1:8080", "127.0.0.1:8080", true},
		{"127.0.0.1:8080", "localhost:8080", true},
		{"127.0.0.1:8080", "127.0.0.1:8081", false},
		{"127.0.0.1:8080", "0.0.0.0:8080", false},
		{"0.0.0.0:8080", "0.0.0.0:8080", true},
		{"[::]:8080", "0.0.0.0:8080", true},
		{"[::]:8080", ":8080", true},
		{"[::]:8080", "127.0.0.1:8080", false},
		{"[::1]:53", "[::1]:53", true},
		{"[::1]:53", "127.0.0.1:53", false},
		{"[::1]:53", "", false},
	} {
		a, err := net.ResolveTCPAddr("tcp", tt.socket)
		if err != nil {
			t.Fatal(err)
		}
		if got := belongs("", a, proxy.Listen{Admin: tt.wanted}) == "admin"; got != tt.same {
			t.Errorf("a socket at %s for %q: %v, want %v", tt.socket, tt.wanted, got, tt.same)
		}
	}
}

func TestNoRequestFailsWhileSystemdRestartsTheService(t *testing.T) {
	times, rate := handovers(t)
	front, admin := tcpSocket(t, "proxy"), tcpSocket(t, "admin")
	text := heldConfiguration + "listen: {proxy: \"" + front.addr + "\", admin: \"" + admin.addr + "\"}\n"
	dir := t.TempDir()
	p := passing(t, dir, text, front, admin)
	p.begin()
	load := newPressure(t, dir, front.addr)
	ctx, stop := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	asking.Go(func() { load.run(ctx, rate) })
	for range times {
		load.more(rate / 2)
		p.finish()
		p = passing(t, dir, text, front, admin)
		p.begin()
	}
	load.more(rate / 2)
	stop()
	asking.Wait()
	p.finish()
	asked, failed := load.check(filepath.Join(dir, "state/events/events.jsonl"))
	t.Logf("%d restarts", times)
	t.Logf("scorecard: requests not failed by a restart behind sockets: %d of %d", asked-failed, asked)
}
