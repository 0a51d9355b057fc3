package proxy_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/proxy"
)

// limited is a rig whose clients may take little, and what it counts.
func limited(t *testing.T, l proxy.Limits) (*rig, func(budget string) float64) {
	registry := prometheus.NewRegistry()
	m := proxy.NewMetrics(registry)
	r := newRig(t, func(s *setup) { s.server.Limits, s.server.Metrics = l, m })
	return r, func(budget string) float64 {
		families := must(registry.Gather())(t)
		for _, f := range families {
			for _, one := range f.Metric {
				if f.GetName() == "tenantgate_shed_total" && one.Label[0].GetValue() == budget {
					return one.Counter.GetValue()
				}
			}
		}
		return 0
	}
}

// from connects to the explicit proxy from an address of this machine.
func (r *rig) from(ip string) net.Conn {
	r.t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	c := must(d.DialContext(r.t.Context(), "tcp", r.proxy))(r.t)
	_ = c.SetDeadline(time.Now().Add(patience))
	r.t.Cleanup(func() { c.Close() })
	return c
}

// served tells whether the proxy answers on c, or closes it; c is used up.
func served(t *testing.T, c net.Conn) bool {
	t.Helper()
	defer c.Close()
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n") // a refusal is an answer
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return true
}

// settled waits until the budgets have everything back.
func (r *rig) settled() {
	r.t.Helper()
	r.until("all that has ended is counted no longer", func() bool {
		connections, bodies := r.server.Taken()
		return connections == 0 && bodies == 0 && r.server.UnderWay() == 0
	})
}

// until waits for what must come.
func (r *rig) until(what string, is func() bool) {
	r.t.Helper()
	for end := time.Now().Add(patience); !is(); runtime.Gosched() {
		if time.Now().After(end) {
			r.t.Fatalf("not in time: %s", what)
		}
	}
}

func TestOneClientsConnectionsLeaveRoomForTheOthers(t *testing.T) {
	r, shed := limited(t, proxy.Limits{Connections: 8, ClientShare: 50})
	var held []net.Conn
	for range 4 {
		c, resp := r.connect(restricted + ":443") // open, and says nothing more
		if resp.StatusCode != http.StatusOK {
			t.Fatal(resp.Status)
		}
		held = append(held, c)
	}
	if served(t, r.from("127.0.0.1")) {
		t.Error("the fifth connection of a client with four is served")
	}
	if !served(t, r.from("127.0.0.2")) {
		t.Error("another client is not served")
	}
	if shed("connections") == 0 {
		t.Error("nothing is counted as shed")
	}
	if e := r.events.all(func(e audit.Event) bool { return e.Reason == string(policy.Overloaded) }); len(e) == 0 || e[0].Kind != audit.Access || !e[0].Denied {
		t.Errorf("the event of what was shed: %+v", e)
	}
	for _, c := range held {
		c.Close()
	}
	r.settled()
	if !served(t, r.from("127.0.0.1")) {
		t.Error("a client that closed its connections is not served")
	}
}

func TestEveryWayOfEndingGivesItsConnectionBack(t *testing.T) {
	r, _ := limited(t, proxy.Limits{Connections: 3, ClientShare: 100})
	ways := map[string]func(){
		"nothing said":   func() { r.from("127.0.0.1").Close() },
		"half a head":    func() { c := r.from("127.0.0.1"); _, _ = io.WriteString(c, "CONNECT "); c.Close() },
		"refused":        func() { c, _ := r.connect("127.0.0.1:443"); c.Close() },
		"tunnelled":      func() { c := r.tunnel(unlisted + ":443"); r.shake(c, &tls.Config{ServerName: unlisted}).Close() },
		"tunnel, silent": func() { r.tunnel(unlisted + ":443").Close() },
		"intercepted":    func() { c := r.tls(restricted); c.Close() },
		"no handshake": func() {
			c := r.tunnel(restricted + ":443")
			_, _ = io.WriteString(c, "GET / HTTP/1.1\r\n\r\n")
			c.Close()
		},
		"plain http": func() {
			r.clear("GET http://" + unlisted + "/ HTTP/1.1\r\nHost: " + unlisted + "\r\nConnection: close\r\n\r\n")
		},
		"steered, silent":  func() { must(net.Dial("tcp", r.steered))(t).Close() },
		"steered, garbage": func() { c := must(net.Dial("tcp", r.steered))(t); _, _ = io.WriteString(c, "garbage"); c.Close() },
	}
	for name, once := range ways {
		t.Run(name, func(t *testing.T) {
			for range 5 { // more than the budget
				once()
				r.settled()
			}
		})
	}
}

func TestWhatNoBudgetIsLeftForIsRefused(t *testing.T) {
	t.Run("handshakes", func(t *testing.T) {
		r, shed := limited(t, proxy.Limits{})
		r.server.Starve("handshakes", 1)
		r.wantShed(shed, "handshakes", func() *http.Response { _, resp := r.connect(restricted + ":443"); return resp })
	})
	t.Run("leaves", func(t *testing.T) {
		r, shed := limited(t, proxy.Limits{})
		r.tls("contoso.sharepoint.com").Close()
		r.server.Starve("leaf-mints", 1)
		n := 0
		r.wantShed(shed, "leaf-mints", func() *http.Response {
			n++
			_, resp := r.connect(fmt.Sprintf("contoso-%d.sharepoint.com:443", n))
			return resp
		})
		r.tls("contoso.sharepoint.com").Close() // a name that has its leaf is served all the same
	})
	t.Run("bodies", func(t *testing.T) {
		r, shed := limited(t, proxy.Limits{})
		r.server.Starve("bodies", 1)
		slow := r.tls(restricted) // one body that does not come
		send(t, slow, "POST /status/200 HTTP/1.1\r\nHost: "+restricted+"\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\na")
		r.wantShed(shed, "bodies", func() *http.Response {
			return r.raw(restricted, "POST /status/200 HTTP/1.1\r\nHost: "+restricted+"\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=b")
		})
		if resp := r.raw(restricted, "GET /status/200 HTTP/1.1\r\nHost: "+restricted+"\r\n\r\n"); resp.StatusCode != http.StatusOK {
			t.Errorf("a request without a body: %s", resp.Status)
		}
	})
}

// wantShed asks until the budget is used up, and wants the refusal for it.
func (r *rig) wantShed(shed func(string) float64, budget string, ask func() *http.Response) {
	r.t.Helper()
	for range 100 {
		resp := ask()
		if resp.StatusCode == http.StatusOK {
			continue
		}
		if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Tenantgate-Reason") != "overloaded" {
			r.t.Errorf("%s: %s %s", budget, resp.Status, resp.Header.Get("Tenantgate-Reason"))
		}
		if shed(budget) == 0 {
			r.t.Errorf("%s: not counted", budget)
		}
		return
	}
	r.t.Errorf("%s: nothing was refused", budget)
}

func TestClientsAreShedWhileMemoryIsShort(t *testing.T) {
	r, shed := limited(t, proxy.Limits{})
	open := r.tls(restricted)
	runtime.GC()
	old := debug.SetMemoryLimit(1 << 20) // less than what is live
	defer debug.SetMemoryLimit(old)
	for end := time.Now().Add(patience); served(t, r.from("127.0.0.1")); {
		if time.Now().After(end) {
			t.Fatal("clients are taken although there is no memory for them")
		}
	}
	send(t, open, "POST /status/200 HTTP/1.1\r\nHost: "+restricted+"\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=b")
	if resp := answer(t, open, "POST"); resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a body to look into: %s", resp.Status)
	}
	if shed("memory") < 2 {
		t.Error("not counted")
	}
	debug.SetMemoryLimit(old)
	for end := time.Now().Add(patience); !served(t, r.from("127.0.0.1")); {
		if time.Now().After(end) {
			t.Fatal("clients are not taken when there is memory again")
		}
	}
}

// fewDescriptors says that this process is the proxy of the test below.
const fewDescriptors = "TENANTGATE_TEST_FEW_DESCRIPTORS"

// TestDescriptorsThatRunOutShedClientsAndKeepTheReserve runs a proxy with 256
// descriptors and floods it from here: it goes on opening files, and serves
// again when the flood is over.
func TestDescriptorsThatRunOutShedClientsAndKeepTheReserve(t *testing.T) {
	if os.Getenv(fewDescriptors) != "" {
		serveWithFewDescriptors(t)
		return
	}
	if runtime.GOOS != "linux" {
		t.Skip("descriptors are counted in /proc")
	}
	child := exec.Command(os.Args[0], "-test.run=^TestDescriptorsThatRunOutShedClientsAndKeepTheReserve$")
	child.Env = append(os.Environ(), fewDescriptors+"=1")
	child.Stderr = os.Stderr
	in, out := must(child.StdinPipe())(t), bufio.NewReader(must(child.StdoutPipe())(t))
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { in.Close(); _ = child.Wait() }()
	say := func(word string) string {
		send(t, in, word+"\n")
		line, err := out.ReadString('\n')
		if err != nil {
			t.Fatalf("%s: the proxy is gone: %v", word, err)
		}
		return strings.TrimSpace(line)
	}
	at := say("address")
	var flood []net.Conn
	for range 400 {
		c, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = io.WriteString(c, "CONNECT ")
		flood = append(flood, c)
	}
	_ = flood[len(flood)-1].SetReadDeadline(time.Now().Add(patience))
	if _, err := flood[len(flood)-1].Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		t.Errorf("the last of 400 connections to 256 descriptors is not closed: %v", err)
	}
	if got := say("reserve"); got != "ok" {
		t.Errorf("under the flood: %s", got)
	}
	for _, c := range flood {
		c.Close()
	}
	for end := time.Now().Add(patience); ; {
		c := must(net.Dial("tcp", at))(t)
		_ = c.SetDeadline(time.Now().Add(patience))
		if served(t, c) {
			return
		}
		if time.Now().After(end) {
			t.Fatal("nobody is served after the flood")
		}
	}
}

// serveWithFewDescriptors answers words on standard input.
func serveWithFewDescriptors(t *testing.T) {
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: 256, Max: 256}); err != nil {
		t.Fatal(err)
	}
	// So many connections that only the descriptors bound them.
	r := newRig(t, func(s *setup) { s.server.Limits = proxy.Limits{Connections: 10_000, ClientShare: 100} })
	for words := bufio.NewScanner(os.Stdin); words.Scan(); {
		if words.Text() == "address" {
			fmt.Println(r.proxy)
			continue
		}
		fmt.Println(filesOpen(t, 40))
	}
	os.Exit(0)
}

// filesOpen opens as many files as a log, its sinks and an admin listener need.
func filesOpen(t *testing.T, n int) string {
	for i := range n {
		f, err := os.Create(filepath.Join(t.TempDir(), fmt.Sprint(i)))
		if err != nil {
			return fmt.Sprintf("file %d: %v", i, err)
		}
		defer f.Close()
	}
	return "ok"
}
