package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/demo"
)

func TestDrainFinishesWhatIsUnderWayAndTakesNothingNew(t *testing.T) {
	r := start(t, "")
	c := r.client()
	body, more := io.Pipe()
	req, err := http.NewRequest(http.MethodPost, "https://graph.microsoft.com/echo", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.cloud.Mint(demo.Spec{}))
	req.Header.Set("Content-Type", "application/octet-stream")
	answered := make(chan *http.Response, 1)
	go func() {
		resp, err := c.Do(req)
		if err != nil {
			t.Error(err)
			resp = &http.Response{Body: http.NoBody}
		}
		answered <- resp
	}()
	if _, err := io.WriteString(more, "first\n"); err != nil {
		t.Fatal(err)
	}
	resp := <-answered
	defer resp.Body.Close()
	lines := bufio.NewReader(resp.Body)
	if line, err := lines.ReadString('\n'); line != "first\n" {
		t.Fatalf("answer begins %q, %v", line, err)
	}
	proxy, stopped := r.addr("proxy"), make(chan error, 1)
	go func() { stopped <- r.stop() }()
	r.wait("refusing new connections", func() bool {
		conn, err := net.Dial("tcp", proxy)
		if err == nil {
			conn.Close()
		}
		return errors.Is(err, syscall.ECONNREFUSED)
	})
	if _, err := io.WriteString(more, "last\n"); err != nil {
		t.Fatal(err)
	}
	more.Close()
	if rest, err := io.ReadAll(lines); string(rest) != "last\n" || err != nil {
		t.Errorf("answer ends %q, %v", rest, err)
	}
	if err := <-stopped; err != nil {
		t.Errorf("serve = %v", err)
	}
	last := events(t, filepath.Join(filepath.Dir(r.file), "state/events/events.jsonl"))
	if e := last[len(last)-1]; e["url"].(map[string]any)["path"] != "/echo" || e["http"].(map[string]any)["response"].(map[string]any)["status_code"] != 200.0 {
		t.Errorf("the last event is %v", e)
	}
}

// program is the binary as a process of its own.
type program struct {
	*exec.Cmd
	t        *testing.T
	dir      string
	out, err *notes
	ended    chan error
}

// launch starts "tenantgate run" with this configuration behind the one above.
func launch(t *testing.T, more string, env ...string) *program {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &program{t: t, dir: t.TempDir(), out: &notes{}, err: &notes{}, ended: make(chan error, 1)}
	p.write(more)
	name := filepath.Join(t.TempDir(), "tenantgate") // see TestMain
	if err := os.Symlink(self, name); err != nil {
		t.Fatal(err)
	}
	p.Cmd = exec.Command(name, "run", "-c", "tenantgate.yaml")
	p.Dir, p.Env = p.dir, append(os.Environ(), env...)
	p.Stdout, p.Stderr = p.out, p.err
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.Wait() }()
	t.Cleanup(func() { _ = p.Process.Kill() })
	p.wait("running", func() bool { return strings.Contains(p.err.String(), "tenantgate runs") })
	return p
}

func (p *program) write(more string) {
	p.t.Helper()
	text := strings.Replace(configuration, "STATE", "state", 1) + more
	if err := os.WriteFile(filepath.Join(p.dir, "tenantgate.yaml"), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *program) wait(what string, done func() bool) {
	p.t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatalf("not %s; standard error:\n%s", what, p.err)
		}
	}
}

// addr is where a listener is, as the log says.
func (p *program) addr(name string) string {
	m := regexp.MustCompile(`"` + name + `":"([^"]+)"`).FindStringSubmatch(p.err.String())
	if m == nil {
		p.t.Fatalf("the log does not say where %s is:\n%s", name, p.err)
	}
	return m[1]
}

// end sends SIGTERM and returns the exit code.
func (p *program) end() int {
	p.t.Helper()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	select {
	case <-p.ended:
		return p.ProcessState.ExitCode()
	case <-time.After(patience):
		p.t.Fatal("it does not end")
		return -1
	}
}

// connect asks for a tunnel and returns the status line and the reason.
func (p *program) connect(target string) (status, reason string) {
	p.t.Helper()
	conn, err := net.Dial("tcp", p.addr("proxy"))
	if err != nil {
		p.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, "CONNECT "+target+" HTTP/1.1\r\nHost: "+target+"\r\n\r\n"); err != nil {
		p.t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: http.MethodConnect})
	if err != nil {
		p.t.Fatal(err)
	}
	return resp.Status, resp.Header.Get("Tenantgate-Reason")
}

func TestSIGTERMEndsWithExitCodeZero(t *testing.T) {
	p := launch(t, "")
	if got := p.end(); got != 0 {
		t.Errorf("exit code %d:\n%s", got, p.err)
	}
	if !strings.Contains(p.err.String(), `"msg":"draining"`) {
		t.Errorf("the log does not tell of the end:\n%s", p.err)
	}
	for line := range strings.Lines(p.err.String()) {
		if !strings.HasPrefix(line, "{") {
			t.Errorf("a log line that is not JSON, away from a terminal: %s", line)
		}
	}
}

// A tunnel that stays takes all of the drain, unless Ctrl-C comes twice.
func TestASecondCtrlCDoesNotWaitForTunnels(t *testing.T) {
	origin, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer origin.Close()
	_, port, _ := net.SplitHostPort(origin.Addr().String())
	p := launch(t, "upstream: {allow_addresses: [127.0.0.0/8], ports: ["+port+"]}\n")
	tunnel, err := net.Dial("tcp", p.addr("proxy"))
	if err != nil {
		t.Fatal(err)
	}
	defer tunnel.Close()
	_ = tunnel.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(tunnel, "CONNECT "+origin.Addr().String()+" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if resp, err := http.ReadResponse(bufio.NewReader(tunnel), nil); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%v, %v", resp, err)
	}
	interrupt := func() {
		if err := p.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
	}
	interrupt()
	p.wait("draining", func() bool { return strings.Contains(p.err.String(), "draining") })
	for end := time.Now().Add(drainTime / 2); ; {
		interrupt()
		select {
		case <-p.ended:
			if status := p.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGINT {
				t.Errorf("it ended with %v", p.ProcessState)
			}
			return
		case <-time.After(5 * time.Millisecond):
			if time.Now().After(end) {
				t.Fatalf("it goes on draining:\n%s", p.err)
			}
		}
	}
}

func TestSystemdIsToldWhatHappens(t *testing.T) {
	conn, path := supervisor(t)
	p := launch(t, "", "NOTIFY_SOCKET="+path)
	if got := told(t, conn); got != "READY=1" {
		t.Errorf("at the start: %q", got)
	}
	if err := p.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if got := told(t, conn); !regexp.MustCompile(`^RELOADING=1\nMONOTONIC_USEC=\d+$`).MatchString(got) {
		t.Errorf("at a reload: %q", got)
	}
	if got := told(t, conn); got != "READY=1" {
		t.Errorf("after the reload: %q", got)
	}
	if got := p.end(); got != 0 {
		t.Errorf("exit code %d", got)
	}
	if got := told(t, conn); got != "STOPPING=1" {
		t.Errorf("at the end: %q", got)
	}
}

func TestSecondInstanceIsRefused(t *testing.T) {
	p := launch(t, "")
	second := exec.Command(p.Path, "run", "-c", "tenantgate.yaml")
	second.Dir, second.Env = p.dir, []string{} // whoever runs this may have variables that are warned of
	out, err := second.CombinedOutput()
	if second.ProcessState.ExitCode() != 3 {
		t.Errorf("exit code %d, %v", second.ProcessState.ExitCode(), err)
	}
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	if len(lines) != 2 || !bytes.Contains(lines[0], []byte("held by another instance")) || !bytes.HasPrefix(lines[1], []byte("hint: ")) {
		t.Errorf("not one clear line and a hint:\n%s", out)
	}
}
