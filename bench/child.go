package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"syscall"
)

// setup is what a proxy is told when it starts, on its standard input.
type setup struct {
	Origin   string // address of the TLS origin: every name leads there
	RootPEM  []byte // that signs the origin
	CAPEM    []byte // interception CA of the plain interceptor and of goproxy
	CAKeyPEM []byte
	Dir      string // for state
	Profile  string // file for a CPU profile; may be empty

	listener net.Listener
}

// child is a proxy in a process of its own.
type child struct {
	role string
	cmd  *exec.Cmd
	addr string
	ca   []byte // PEM that its clients trust
	in   io.Closer
}

// ready is what a child says when it serves.
type ready struct {
	Addr string
	CA   []byte
}

// serve is the child's main: it serves as role until its input ends.
func serve(role string) {
	var s setup
	in := bufio.NewReader(os.Stdin)
	line, err := in.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &s)
	}
	if err == nil {
		s.listener, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		log.Fatal(err)
	}
	if s.Profile != "" {
		if f, err := os.Create(s.Profile); err == nil && pprof.StartCPUProfile(f) == nil {
			defer f.Close()
			defer pprof.StopCPUProfile()
		}
	}
	for _, p := range proxies {
		if p.name == role {
			go func() { log.Fatal(p.serve(s)) }()
		}
	}
	_, _ = io.Copy(io.Discard, in)
}

// announce tells the parent where this child serves and what to trust.
func (s setup) announce(ca []byte) error {
	return json.NewEncoder(os.Stdout).Encode(ready{Addr: s.listener.Addr().String(), CA: ca})
}

// start runs role as a child.
func (b *bench) start(ctx context.Context, role string, n int) (*child, error) {
	dir, err := os.MkdirTemp(b.dir, role)
	if err != nil {
		return nil, err
	}
	s := setup{Origin: b.origin, RootPEM: b.rootPEM, CAPEM: b.caPEM, CAKeyPEM: b.caKeyPEM, Dir: dir}
	if b.profile != "" {
		s.Profile = filepath.Join(b.profile, fmt.Sprintf("%s-%d.prof", role, n))
	}
	cmd := exec.CommandContext(ctx, b.binary(role), "-serve", role)
	cmd.Stderr = os.Stderr
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "SSL_CERT_FILE=/nonexistent", "SSL_CERT_DIR=/nonexistent"}
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		return nil, err
	}
	c := &child{role: role, cmd: cmd, in: in}
	var r ready
	if err = json.NewEncoder(in).Encode(s); err == nil {
		err = json.NewDecoder(out).Decode(&r)
	}
	if err != nil {
		return nil, errors.Join(err, c.stop())
	}
	c.addr, c.ca = r.Addr, r.CA
	return c, nil
}

// optimize builds this program once more, for tenantgate's process, with the
// profile that tenantgate itself is built with.
func (b *bench) optimize(ctx context.Context, pgo string) error {
	pgo, err := filepath.Abs(pgo)
	if err != nil {
		return err
	}
	b.optimized = filepath.Join(b.dir, "optimized")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-pgo="+pgo, "-o", b.optimized, "github.com/tenantgate/tenantgate/bench")
	fmt.Fprint(os.Stderr, "building with ", filepath.Base(pgo), ", minutes at first")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build -pgo: %w\n%s", err, out)
	}
	return nil
}

// binary is what role runs.
func (b *bench) binary(role string) string {
	if role == "tenantgate" && b.optimized != "" {
		return b.optimized
	}
	return b.self
}

// stop ends the child and waits for it.
func (c *child) stop() error {
	c.in.Close()
	return c.cmd.Wait()
}

// cpu is the CPU time that the child's threads have used, in seconds. The
// scheduler counts it in nanoseconds; /proc/PID/stat has ticks of 10 ms only.
func (c *child) cpu() (float64, error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", c.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	var sum float64
	for _, t := range tasks {
		data, err := os.ReadFile(t)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue
		}
		var ns float64
		if _, err := fmt.Sscan(strings.Fields(string(data))[0], &ns); err != nil {
			return 0, err
		}
		sum += ns
	}
	return sum / 1e9, nil
}
