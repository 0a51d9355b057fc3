package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// another starts the program once more in the same directory.
func (p *program) another(args ...string) *program {
	p.t.Helper()
	next := &program{t: p.t, dir: p.dir, out: &notes{}, err: &notes{}, ended: make(chan error, 1)}
	next.Cmd = exec.Command(p.Path, append([]string{"run", "-c", "tenantgate.yaml"}, args...)...)
	next.Dir, next.Env = p.dir, p.Env
	next.Stdout, next.Stderr = next.out, next.err
	next.begin()
	return next
}

func (p *program) begin() {
	p.t.Helper()
	if err := p.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() { p.ended <- p.Wait() }()
	p.t.Cleanup(func() { _ = p.Process.Kill() })
	for end := time.Now().Add(busyPatience); !strings.Contains(p.err.String(), "tenantgate runs"); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatalf("not running; standard error:\n%s", p.err)
		}
	}
}

// busyPatience ends what hangs while the machine is kept busy on purpose.
const busyPatience = 6 * patience

// finish sends SIGTERM and waits for the end.
func (p *program) finish() {
	p.t.Helper()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	p.over()
}

// fix writes the addresses that p got into the configuration, for a successor;
// or, sooner, what is given.
func (p *program) fix(sooner ...string) {
	p.t.Helper()
	text := strings.NewReplacer(append(sooner, "STATE", "state", `proxy: "127.0.0.1:0"`, `proxy: "`+p.addr("proxy")+`"`, `admin: "127.0.0.1:0"`, `admin: "`+p.addr("admin")+`"`)...).Replace(configuration)
	if err := os.WriteFile(filepath.Join(p.dir, "tenantgate.yaml"), []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

// over waits for the end that the program comes to by itself.
func (p *program) over() {
	p.t.Helper()
	select {
	case <-p.ended:
		if code := p.ProcessState.ExitCode(); code != 0 {
			p.t.Errorf("exit code %d:\n%s", code, p.err)
		}
	case <-time.After(busyPatience):
		p.t.Fatalf("it does not end:\n%s", p.err)
	}
}

// handovers is how often a test hands over, and at how many requests a second.
func handovers(t *testing.T) (times, rate int) {
	if n, err := strconv.Atoi(os.Getenv("TENANTGATE_HANDOVERS")); err == nil {
		return n, 500
	}
	return 1, 60
}

func TestNoRequestFailsWhileAnotherVersionTakesOver(t *testing.T) {
	times, rate := handovers(t)
	p := launch(t, "")
	p.fix()
	load := newPressure(t, p.dir, p.addr("proxy"))
	ctx, stop := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	asking.Go(func() { load.run(ctx, rate) })
	for range times {
		load.more(rate / 2)
		next := p.another("--replace")
		p.over()
		p = next
	}
	load.more(rate / 2)
	stop()
	asking.Wait()
	p.finish()
	asked, failed := load.check(filepath.Join(p.dir, "state/events/events.jsonl"))
	t.Logf("%d hand-overs", times)
	t.Logf("scorecard: requests not failed by --replace: %d of %d", asked-failed, asked)
}

// more waits for n more answers.
func (p *pressure) more(n int) {
	p.t.Helper()
	from := p.answered()
	for end := time.Now().Add(busyPatience); p.answered() < from+n; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatalf("%d answers, want %d more", p.answered(), n)
		}
	}
}
