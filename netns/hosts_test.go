package netns_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/demo"
)

// patience ends a test that hangs; nothing waits that long for what works.
const patience = 60 * time.Second

var scratch string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "netns")
	if err != nil {
		panic(err)
	}
	scratch = dir
	os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

var build = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch, "tenantgate")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", path, "../cmd/tenantgate")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", errors.Join(err, errors.New(string(out)))
	}
	return path, nil
})

// program is the real program.
func (n *network) program() string {
	n.t.Helper()
	path, err := build()
	if err != nil {
		n.t.Fatal(err)
	}
	return path
}

const configuration = `state: STATE
tenant: {id: TENANT, policy: POLICY, domains: [contoso.com]}
listen: {proxy: "GATE:8080", steered: "GATE:443", dns: "GATE:53", admin: "GATE:9090"}
dns: {upstreams: ["WORLD:53"]}
pac: {exempt: proxy}
policy: {encrypted_dns: block}
`

// runGate starts the program on its machine, with more behind the
// configuration above, and has it write what administrators copy.
func (n *network) runGate(more string) {
	n.t.Helper()
	file := n.write("tenantgate.yaml", strings.NewReplacer("STATE", n.dir+"/state", "TENANT", demo.Home.ID, "POLICY", demo.Home.Policy,
		"GATE", gateAddr, "WORLD", dnsAddr).Replace(configuration)+"upstream: {roots: "+n.dir+"/cloud.pem, resolver: \""+dnsAddr+":53\""+more+"}\n")
	n.start(n.gate, "tenantgate runs", n.program(), "run", "-c", file)
	n.must("ip", "netns", "exec", n.gate, n.program(), "onboard", "-c", file, "--out", n.dir+"/onboard")
	n.write("device.pem", string(n.cloud.RootPEM())+n.read("onboard/ca/tenantgate.pem"))
}

// start starts a program in a namespace and waits until it says so.
func (n *network) start(ns, says, name string, args ...string) {
	n.t.Helper()
	cmd := exec.Command("ip", append([]string{"netns", "exec", ns, name}, args...)...)
	r, w, err := os.Pipe()
	if err != nil {
		n.t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + n.dir}
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	w.Close()
	n.t.Cleanup(func() { _ = cmd.Process.Signal(syscall.SIGKILL); _ = cmd.Wait(); r.Close() })
	said := ""
	for lines := bufio.NewScanner(r); lines.Scan(); {
		if said += lines.Text() + "\n"; strings.Contains(lines.Text(), says) {
			go func() { _, _ = io.Copy(io.Discard, r) }()
			return
		}
	}
	n.t.Fatalf("%s did not start: %s", name, said)
}

// closeWaysRound loads the rules that onboard wrote into the router.
func (n *network) closeWaysRound() {
	n.t.Helper()
	n.must("ip", "netns", "exec", n.router, "nft", "-f", n.dir+"/onboard/firewall/tenantgate.nft")
}

func (n *network) ip(ns string, lines ...string) {
	n.t.Helper()
	for _, line := range lines {
		n.must("ip", append([]string{"-n", ns}, strings.Fields(line)...)...)
	}
}

func (n *network) must(name string, args ...string) string {
	n.t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		n.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (n *network) write(name, text string) string {
	n.t.Helper()
	path := filepath.Join(n.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		n.t.Fatal(err)
	}
	return path
}

func (n *network) read(name string) string {
	n.t.Helper()
	b, err := os.ReadFile(filepath.Join(n.dir, name))
	if err != nil {
		n.t.Fatal(err)
	}
	return string(b)
}

// curl runs on the device and returns the status, or what went wrong.
func (n *network) curl(roots, address string, args ...string) (string, error) {
	args = append([]string{"netns", "exec", n.device, "curl", "-sS", "--max-time", "20", "--cacert", filepath.Join(n.dir, roots),
		"-o", "/dev/null", "-w", "%{http_code}"}, args...)
	cmd := exec.Command("ip", append(args, address)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + n.dir}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// event waits for an event with all of these parts.
func (n *network) event(parts ...string) {
	n.t.Helper()
	var text string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		text = n.read("state/events/events.jsonl")
		for line := range strings.Lines(text) {
			found := json.Valid([]byte(line))
			for _, part := range parts {
				found = found && strings.Contains(line, part)
			}
			if found {
				return
			}
		}
	}
	n.t.Fatalf("no event with %q in\n%s", parts, text)
}
