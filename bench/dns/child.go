package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/miekg/dns"
)

// child is a resolver in a process of its own.
type child struct {
	cmd  *exec.Cmd
	addr string
	end  func() // ends the process; its state is removed
}

// stop ends the child and waits for it.
func (c *child) stop() {
	c.end()
	_ = c.cmd.Wait()
}

// remember asks for every name until the resolver has answered each.
func (c *child) remember(ctx context.Context) error {
	client := dns.Client{Timeout: 200 * time.Millisecond}
	for i := range names {
		m := new(dns.Msg).SetQuestion(name(i), dns.TypeA)
		for tries := 0; ; tries++ {
			in, _, err := client.ExchangeContext(ctx, m, c.addr)
			if err == nil && len(in.Answer) == 1 {
				break
			}
			if tries == 100 || ctx.Err() != nil {
				return fmt.Errorf("ask for %s: %v, %w", name(i), in, err)
			}
			if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
				time.Sleep(20 * time.Millisecond) // it does not listen yet
			}
		}
	}
	return nil
}

// cpu is the CPU time that the child's threads have used, in seconds, as the
// scheduler counts it.
func (c *child) cpu() (float64, error) {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", c.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	var sum float64
	for _, t := range tasks {
		data, err := os.ReadFile(t)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue
		}
		var ns float64
		if _, err := fmt.Sscan(string(data), &ns); err != nil {
			return 0, err
		}
		sum += ns
	}
	return sum / 1e9, nil
}

// unboundConf is unbound as a forwarder: what it does beyond answering from
// memory is off (no validation, no statistics, no log).
const unboundConf = `server:
  verbosity: 0
  interface: 127.0.0.1@%[1]d
  port: %[1]d
  num-threads: %[2]d
  so-reuseport: yes
  module-config: "iterator"
  do-daemonize: no
  use-syslog: no
  username: ""
  chroot: ""
  directory: "%[3]s"
  pidfile: "%[3]s/pid"
  access-control: 127.0.0.0/8 allow
  do-not-query-localhost: no
remote-control:
  control-enable: no
forward-zone:
  name: "."
  forward-addr: %[4]s
`

func startUnbound(ctx context.Context, o options) (*child, error) {
	path, err := exec.LookPath("unbound")
	if err != nil {
		path = "/usr/sbin/unbound"
	}
	dir, err := os.MkdirTemp("", "bench-unbound")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	conf := filepath.Join(dir, "unbound.conf")
	text := fmt.Sprintf(unboundConf, port, o.threads, dir, strings.Replace(o.zone, ":", "@", 1))
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, path, "-d", "-c", conf) // its stderr says when it starts and stops
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &child{cmd: cmd, addr: fmt.Sprintf("127.0.0.1:%d", port), end: func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = os.RemoveAll(dir)
	}}, nil
}

// freePort is one that nobody uses a moment before.
func freePort() (int, error) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer pc.Close()
	return pc.LocalAddr().(*net.UDPAddr).Port, nil
}
