package deploy_test

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/needs"
)

// mostExposed is what systemd-analyze may say of the unit: 0 is best, 10 worst.
const mostExposed = 2.0

func TestTheServiceIsHardlyExposed(t *testing.T) {
	exposed(t, read(t, "tenantgate.service"))
}

func TestTheServiceIsHardlyExposedWithTproxy(t *testing.T) {
	more, unit := read(t, "tenantgate.tproxy.conf"), read(t, "tenantgate.service")
	_, lines, ok := strings.Cut(more, "[Service]\n")
	if !ok {
		t.Fatal(more)
	}
	exposed(t, strings.Replace(unit, "\n[Install]", "\n"+lines+"\n[Install]", 1))
}

func exposed(t *testing.T, unit string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tenantgate.service")
	write(t, file, unit)
	out, err := output(t, ".", needs.Tool(t, "systemd-analyze"), "security", "--offline=true", "--no-pager", file)
	m := regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`).FindStringSubmatch(out)
	if m == nil {
		t.Fatalf("no exposure level: %v\n%s", err, out)
	}
	if level, err := strconv.ParseFloat(m[1], 64); err != nil || level > mostExposed {
		t.Errorf("exposure %s (%v), want at most %v\n%s", m[1], err, mostExposed, out)
	}
	t.Logf("exposure %s", m[1])
}

func TestSystemdFindsNoFaultWithTheUnit(t *testing.T) {
	analyze := needs.Tool(t, "systemd-analyze")
	unit := strings.ReplaceAll(read(t, "tenantgate.service"), "=tenantgate ", "="+program(t)+" ")
	file := filepath.Join(t.TempDir(), "tenantgate.service")
	write(t, file, unit)
	if out := run(t, ".", analyze, "verify", "--man=no", file); strings.Contains(out, "tenantgate.service") {
		t.Error(out)
	}
	write(t, file, strings.Replace(unit, "ProtectClock=yes", "ProtectClocks=yes", 1))
	if out, _ := output(t, ".", analyze, "verify", "--man=no", file); !strings.Contains(out, "ProtectClocks") {
		t.Errorf("a misspelt line is not told, so this proves nothing: %s", out)
	}
}

func TestSystemdFindsNoFaultWithTheSocketsAndTheInstances(t *testing.T) {
	analyze, dir := needs.Tool(t, "systemd-analyze"), t.TempDir()
	unit := strings.ReplaceAll(read(t, "tenantgate.service"), "=tenantgate ", "="+program(t)+" ")
	for _, name := range []string{"tenantgate.service", "tenantgate@b.service"} {
		write(t, filepath.Join(dir, name), unit)
	}
	socket := filepath.Join(dir, "tenantgate.socket")
	write(t, socket, read(t, "tenantgate.socket"))
	if out := run(t, ".", analyze, "verify", "--man=no", socket, filepath.Join(dir, "tenantgate@b.service")); strings.Contains(out, "tenantgate") {
		t.Error(out)
	}
	write(t, socket, strings.Replace(read(t, "tenantgate.socket"), "Backlog=", "Backlogs=", 1))
	if out, _ := output(t, ".", analyze, "verify", "--man=no", socket); !strings.Contains(out, "Backlogs") {
		t.Errorf("a misspelt line is not told, so this proves nothing: %s", out)
	}
}

func TestTheSocketsAreTheListenersOfTheExample(t *testing.T) {
	example := read(t, "tenantgate.example.yaml")
	all := regexp.MustCompile(`(?m)^ListenStream=(\S+)$`).FindAllStringSubmatch(read(t, "tenantgate.socket"), -1)
	if len(all) == 0 {
		t.Fatal("no sockets")
	}
	for _, m := range all {
		if !regexp.MustCompile(`(?m)^  (proxy|admin): ` + regexp.QuoteMeta(m[1]) + `\b`).MatchString(example) {
			t.Errorf("no listener of the example is at %s", m[1])
		}
	}
}

// systemd-socket-activate(1) passes sockets as systemd itself does.
func TestSocketActivationStartsTheProgramAtTheFirstConnection(t *testing.T) {
	activate, dir := needs.Tool(t, "systemd-socket-activate"), t.TempDir()
	front, admin := "127.0.0.1:"+free(t), "127.0.0.1:"+free(t)
	write(t, filepath.Join(dir, "tenantgate.yaml"), configuration(front, admin))
	cmd := exec.Command(activate, "--listen="+front, "--listen="+admin, program(t), "run", "-c", "tenantgate.yaml")
	node := begin(t, cmd, dir)
	log := func() string { return read(t, node.log) }
	var conn net.Conn
	var err error
	until(t, func() bool { conn, err = net.Dial("tcp", front); return err == nil }, log)
	defer conn.Close()
	_, _ = conn.Write([]byte("CONNECT nowhere.example:443 HTTP/1.1\r\nHost: nowhere.example:443\r\n\r\n"))
	_ = conn.SetDeadline(time.Now().Add(patience))
	if line, err := bufio.NewReader(conn).ReadString('\n'); !strings.HasPrefix(line, "HTTP/1.1 ") {
		t.Errorf("the connection that started it is answered %q, %v\n%s", line, err, log())
	}
	if got := node.addr("proxy"); got != front || !strings.Contains(log(), `"listeners":"proxy admin"`) {
		t.Errorf("the proxy is at %s, want %s\n%s", got, front, log())
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-node.ended; err != nil {
		t.Errorf("%v\n%s", err, log())
	}
}

func TestSysusersMakesTheUserOfTheService(t *testing.T) {
	tree := t.TempDir()
	write(t, filepath.Join(tree, "usr/lib/sysusers.d/tenantgate.conf"), read(t, "tenantgate.sysusers"))
	if err := os.Mkdir(filepath.Join(tree, "etc"), 0o755); err != nil {
		t.Fatal(err)
	}
	needs.Root(t)
	run(t, ".", needs.Tool(t, "systemd-sysusers"), "--root="+tree)
	passwd := read(t, filepath.Join(tree, "etc/passwd"))
	if m := regexp.MustCompile(`(?m)^tenantgate:x:(\d+):\d+:[^:]*:/var/lib/tenantgate:(\S+)$`).FindStringSubmatch(passwd); m == nil || m[2] != "/usr/sbin/nologin" {
		t.Errorf("passwd: %s", passwd)
	}
}

// The unit's filter is held against what the program does: start, serve a
// request, reload, drain. What needs a privilege that it has not fails anyhow.
func TestTheSystemCallFilterLetsThroughWhatTheProgramDoes(t *testing.T) {
	strace, allowed := needs.Tool(t, "strace"), allowedCalls(t)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "tenantgate.yaml"), configuration("127.0.0.1:0", "127.0.0.1:0"))
	log := filepath.Join(dir, "calls")
	cmd := exec.Command(strace, "-f", "-qq", "-o", log, program(t), "run", "-c", "tenantgate.yaml")
	node := launch(t, cmd, dir)
	conn, err := net.Dial("tcp", node.addr("proxy"))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = conn.Write([]byte("CONNECT nowhere.example:443 HTTP/1.1\r\nHost: nowhere.example:443\r\n\r\n"))
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, _ = bufio.NewReader(conn).ReadString('\n')
	conn.Close()
	pid := node.child()
	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM} {
		if err := syscall.Kill(pid, s); err != nil {
			t.Fatal(err)
		}
	}
	<-node.ended
	called := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^\d+ +([a-z0-9_]+)\(`).FindAllStringSubmatch(read(t, log), -1) {
		called[m[1]] = true
	}
	if len(called) < 20 {
		t.Fatalf("only %d system calls were seen", len(called))
	}
	for name := range called {
		if !allowed[name] {
			t.Errorf("the program calls %s, which the unit's SystemCallFilter refuses", name)
		}
	}
}

// allowedCalls are the system calls that the unit's filter lets through, as this
// machine's systemd understands it.
func allowedCalls(t *testing.T) map[string]bool {
	t.Helper()
	analyze, allowed := needs.Tool(t, "systemd-analyze"), map[string]bool{}
	var spread func(set string, to bool)
	spread = func(set string, to bool) {
		for line := range strings.Lines(run(t, ".", analyze, "syscall-filter", "--no-pager", set)) {
			switch name := strings.TrimSpace(line); {
			case name == "" || name == set || name[0] == '#':
			case name[0] == '@':
				spread(name, to)
			default:
				allowed[name] = to
			}
		}
	}
	spread("@default", true)
	for _, m := range regexp.MustCompile(`(?m)^SystemCallFilter=(~?)(.+)$`).FindAllStringSubmatch(read(t, "tenantgate.service"), -1) {
		for set := range strings.FieldsSeq(m[2]) {
			spread(set, m[1] == "")
		}
	}
	if !allowed["epoll_wait"] || allowed["mount"] {
		t.Fatal("the filter is not what it looks like")
	}
	return allowed
}

func configuration(proxy, admin string) string {
	return "state: state\ntenant: {id: 11111111-1111-1111-1111-111111111111, policy: 22222222-2222-2222-2222-222222222222, domains: [contoso.com]}\n" +
		"listen: {proxy: \"" + proxy + "\", admin: \"" + admin + "\"}\n"
}

// node is a running program.
type node struct {
	*exec.Cmd
	t     *testing.T
	log   string // its standard error
	ended chan error
}

// launch starts cmd in dir and waits until it says that it runs.
func launch(t *testing.T, cmd *exec.Cmd, dir string) *node {
	t.Helper()
	n := begin(t, cmd, dir)
	until(t, func() bool { return strings.Contains(read(t, n.log), "tenantgate runs") }, func() string { return read(t, n.log) })
	return n
}

// begin starts cmd in dir.
func begin(t *testing.T, cmd *exec.Cmd, dir string) *node {
	t.Helper()
	n := &node{Cmd: cmd, t: t, log: filepath.Join(dir, "stderr"), ended: make(chan error, 1)}
	file, err := os.Create(n.log)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd.Dir, cmd.Stderr = dir, file
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { n.ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return n
}

// addr is where a listener is, as the log says.
func (n *node) addr(name string) string {
	n.t.Helper()
	m := regexp.MustCompile(`"` + name + `":"([^"]+)"`).FindStringSubmatch(read(n.t, n.log))
	if m == nil {
		n.t.Fatalf("the log does not say where %s is", name)
	}
	return m[1]
}

// child is the process that the program traced.
func (n *node) child() int {
	n.t.Helper()
	id := strconv.Itoa(n.Process.Pid)
	text := strings.Fields(read(n.t, "/proc/"+id+"/task/"+id+"/children"))
	if len(text) == 0 {
		n.t.Fatal("no child")
	}
	pid, err := strconv.Atoi(text[0])
	if err != nil {
		n.t.Fatal(err)
	}
	return pid
}

// until waits for what another process does.
func until(t *testing.T, done func() bool, otherwise func() string) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal(otherwise())
		}
	}
}
