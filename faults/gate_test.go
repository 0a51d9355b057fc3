package faults_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/proxy/proxytest"
)

// Where the program listens, in a network of its own.
const (
	proxyAddr   = "127.0.0.1:8080"
	steeredAddr = "127.0.0.1:8443"
	adminAddr   = "127.0.0.1:9090"
)

// program builds the program, once.
var program = sync.OnceValues(func() (string, error) { return build() })

// watched tells that the race detector is in the program: as it is in the tests,
// or because TENANTGATE_FAULT_RACE=1 says so.
var watched = raced || os.Getenv("TENANTGATE_FAULT_RACE") == "1"

// built are the directories of programs, removed at the end.
var built []string

func build(args ...string) (string, error) {
	dir, err := os.MkdirTemp("", "tenantgate-faults-")
	if err != nil {
		return "", err
	}
	built = append(built, dir)
	name := filepath.Join(dir, "tenantgate")
	args = append([]string{"build", "-buildvcs=false", "-ldflags=-s -w"}, args...)
	if watched {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, "-o", name, "github.com/tenantgate/tenantgate/cmd/tenantgate")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return name, nil
}

// settings are what a scenario adds to the configuration.
type settings struct {
	events string // of the section events, beside the sinks
	more   string // sections of their own
}

const configuration = `state: STATE
tenant: {id: ` + homeTenant + `, policy: ` + homePolicy + `, domains: [contoso.com]}
listen: {proxy: "` + proxyAddr + `", steered: "` + steeredAddr + `", admin: "` + adminAddr + `"}
tokens: {hosts: ["*.faults.test"]}
upstream: {roots: DIR/roots.pem, resolver: "` + resolverAddr + `", allow_addresses: [` + guarded + `]}
events:
  sinks: [{name: siem, type: webhook, url: "http://` + siemAddr + `/", timeout: 2s, batch: {linger: 100ms}}]
`

// gate is the program as an administrator runs it.
type gate struct {
	t     *testing.T
	dir   string // of the configuration
	state string
	name  string
	env   []string
	shell string // set before the program starts, such as "ulimit -n 300"

	cmd   *exec.Cmd
	log   *proxytest.Log
	ended chan struct{} // closed when the process is gone
}

func newGate(t *testing.T) *gate {
	t.Helper()
	name, err := program()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ca, err := origins()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "roots.pem"), ca.pem(), 0o600); err != nil {
		t.Fatal(err)
	}
	return &gate{t: t, dir: dir, state: filepath.Join(dir, "state"), name: name, log: &proxytest.Log{}}
}

func (g *gate) file() string { return filepath.Join(g.dir, "tenantgate.yaml") }

func (g *gate) configure(s settings) {
	g.t.Helper()
	text := strings.NewReplacer("STATE", g.state, "DIR", g.dir).Replace(configuration)
	if s.events != "" {
		text += "  " + s.events + "\n"
	}
	next := g.file() + ".next" // as an editor does: nobody reads half a file
	if err := errors.Join(os.WriteFile(next, []byte(text+s.more), 0o600), os.Rename(next, g.file())); err != nil {
		g.t.Fatal(err)
	}
}

// run starts the program and waits until it is ready.
func (g *gate) run() {
	g.t.Helper()
	g.launch()
	g.wait("ready", func() bool {
		if g.gone() {
			g.t.Fatalf("it did not start: %s", g.log)
		}
		return g.page("/readyz") != ""
	})
}

func (g *gate) launch(args ...string) {
	g.t.Helper()
	args = append([]string{g.name, "run", "-c", g.file()}, args...)
	if g.shell != "" {
		args = append([]string{"sh", "-c", g.shell + `; exec "$0" "$@"`}, args...)
	}
	g.cmd = exec.Command(args[0], args[1:]...)
	g.cmd.Env = append(os.Environ(), g.env...)
	g.cmd.Stderr = g.log
	g.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := g.cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	ended := make(chan struct{})
	cmd := g.cmd
	g.ended = ended
	go func() { _ = cmd.Wait(); close(ended) }() // how it ended is in ProcessState
	g.t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
}

func (g *gate) gone() bool {
	select {
	case <-g.ended:
		return true
	default:
		return false
	}
}

// signal sends the program a signal.
func (g *gate) signal(s syscall.Signal) {
	g.t.Helper()
	if err := g.cmd.Process.Signal(s); err != nil {
		g.t.Fatal(err)
	}
}

// end sends s, waits until the program is gone and returns its exit code.
func (g *gate) end(s syscall.Signal) int {
	g.t.Helper()
	g.signal(s)
	select {
	case <-g.ended:
		return g.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		g.t.Fatal("it does not end")
		return -1
	}
}

// reload sends SIGHUP and waits until the log says what came of it.
func (g *gate) reload(says string) {
	g.t.Helper()
	had := strings.Count(g.log.String(), says)
	g.signal(syscall.SIGHUP)
	g.wait(says, func() bool { return strings.Count(g.log.String(), says) > had })
}

const (
	reloaded    = `"msg":"configuration reloaded"`
	notReloaded = `"msg":"configuration was not reloaded`
)

func (g *gate) wait(what string, done func() bool) {
	g.t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			g.t.Fatalf("not %s; log:\n%s", what, g.last())
		}
	}
}

// page is what the admin listener has at path; empty if it is not there.
func (g *gate) page(path string) string {
	c := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := c.Get("http://" + adminAddr + path)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return ""
	}
	return string(text)
}

// metric is the sum of a metric's values; labels is a part of the series' name.
func (g *gate) metric(name, labels string) (sum float64) {
	for line := range strings.Lines(g.page("/metrics")) {
		series, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if series != name && !strings.HasPrefix(series, name+"{") || !strings.Contains(series, labels) {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			g.t.Fatalf("%s: %v", line, err)
		}
		sum += v
	}
	return sum
}

// events are the ids in the files that the program keeps.
func (g *gate) events() (ids []string) {
	files, _ := filepath.Glob(filepath.Join(g.state, "events", "*.jsonl*"))
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			continue
		}
		ids = append(ids, idsOf(f)...)
		f.Close()
	}
	return ids
}

var crashed = regexp.MustCompile(`(?m)^(panic: |fatal error: |WARNING: DATA RACE|goroutine \d+ \[)`)

// sound reports what the program said of itself that it must not say.
func (g *gate) sound() {
	g.t.Helper()
	if g.gone() {
		g.t.Errorf("the program is gone: %v", g.cmd.ProcessState)
	}
	if text := g.log.String(); crashed.MatchString(text) {
		g.t.Errorf("the program crashed or raced:\n%s", text[crashed.FindStringIndex(text)[0]:])
	}
}

// last is the end of the log.
func (g *gate) last() string {
	lines := slices.Collect(strings.Lines(g.log.String()))
	return strings.Join(lines[max(0, len(lines)-30):], "")
}
