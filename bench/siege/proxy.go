package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// proxy is tenantgate in a process of its own, as "tenantgate run" starts it.
type proxy struct {
	cmd         *exec.Cmd
	file        string // its configuration
	text        string
	addr, admin string
}

const configuration = `state: %[1]s/state
tenant: {id: ` + homeTenant + `, policy: ` + homePolicy + `, domains: [contoso.com]}
listen: {proxy: "127.0.0.1:0", admin: "127.0.0.1:0"}
upstream:
  roots: %[1]s/root.pem
  resolver: %[2]s
  allow_addresses: [` + near + `/32, ` + far + `/32]
`

// partner is what a reload adds, and the next one takes away again.
const partner = "policy: {partners: [{tenant: " + partnerTenant + ", tenant_restrictions: allow}]}\n"

func startProxy(ctx context.Context, binary, dir, resolver string, roots []byte) (*proxy, error) {
	p := &proxy{file: filepath.Join(dir, "tenantgate.yaml"), text: fmt.Sprintf(configuration, dir, resolver)}
	err := errors.Join(os.WriteFile(filepath.Join(dir, "root.pem"), roots, 0o600), p.configure(""))
	if err != nil {
		return nil, err
	}
	p.cmd = exec.CommandContext(ctx, "nice", "-n", "5", binary, "run", "-c", p.file) // behind the good client, before attackers
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "SSL_CERT_FILE=/nonexistent", "SSL_CERT_DIR=/nonexistent"}
	for _, name := range []string{"GOGC", "GOMEMLIMIT", "GODEBUG"} {
		if v, ok := os.LookupEnv(name); ok {
			p.cmd.Env = append(p.cmd.Env, name+"="+v)
		}
	}
	said, err := p.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := usual.start(p.cmd); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, errors.Join(err, p.cmd.Process.Kill())
	}
	lines := bufio.NewReader(io.TeeReader(said, log))
	for p.addr == "" {
		line, err := lines.ReadString('\n')
		if err != nil {
			return nil, errors.Join(fmt.Errorf("tenantgate says %q and ends: %w", line, err), p.cmd.Wait())
		}
		var one struct{ Msg, Proxy, Admin string }
		if json.Unmarshal([]byte(line), &one) == nil && one.Msg == "tenantgate runs" {
			p.addr, p.admin = one.Proxy, one.Admin
		}
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }() // into the log
	return p, nil
}

func (p *proxy) configure(more string) error {
	return os.WriteFile(p.file, []byte(p.text+more), 0o600)
}

// reload puts another configuration in force.
func (p *proxy) reload(more string) error {
	if err := p.configure(more); err != nil {
		return err
	}
	return p.cmd.Process.Signal(syscall.SIGHUP)
}

// stop drains the proxy and waits for it.
func (p *proxy) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return p.cmd.Wait()
}

// sample is what the process holds at one moment.
type sample struct {
	at                          time.Duration
	goroutines, descriptors, mb float64
	cpu                         float64 // seconds since the start
}

// sample asks the metrics page.
func (p *proxy) sample() (sample, error) {
	resp, err := (&http.Client{Timeout: 20 * time.Second}).Get("http://" + p.admin + "/metrics")
	if err != nil {
		return sample{}, err
	}
	defer resp.Body.Close()
	found := map[string]float64{}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if name, value, ok := strings.Cut(lines.Text(), " "); ok {
			found[name], _ = strconv.ParseFloat(value, 64)
		}
	}
	if found["go_goroutines"] == 0 || found["process_open_fds"] == 0 {
		return sample{}, errors.Join(errors.New("the metrics page lacks go_goroutines or process_open_fds"), lines.Err())
	}
	return sample{goroutines: found["go_goroutines"], descriptors: found["process_open_fds"],
		mb: found["process_resident_memory_bytes"] / (1 << 20), cpu: found["process_cpu_seconds_total"]}, nil
}
