package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// nobody is the user that a process of root's runs as, so that the kernel's
// answer about it means something.
const nobody = 65534

// service is the program as a service manager runs it.
type service struct {
	*exec.Cmd
	proxy, admin string
	dir          string
	said         bytes.Buffer // standard error
	ended        chan struct{}
}

// startService starts a copy of this binary under an ordinary user.
func startService(t *testing.T) *service {
	t.Helper()
	dir, err := os.MkdirTemp("", "tenantgate-secrets-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &service{dir: dir, ended: make(chan struct{})}
	config := filepath.Join(dir, "tenantgate.yaml")
	text := strings.Replace(configuration, "STATE", filepath.Join(dir, "state"), 1)
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "tenantgate")
	for _, err := range []error{os.WriteFile(config, []byte(text), 0o644), os.WriteFile(program, self, 0o755), os.Chmod(dir, 0o755)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	s.Cmd = exec.Command(program, "run", "-c", config)
	s.Dir, s.Env = dir, []string{"TMPDIR=" + dir}
	if os.Getuid() == 0 {
		s.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		if err := os.Chown(dir, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	s.follow(t)
	return s
}

// follow starts the process and reads what it says until it serves.
func (s *service) follow(t *testing.T) {
	t.Helper()
	errs, err := s.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Process.Kill(); <-s.ended; _ = s.Wait() })
	lines := bufio.NewReader(errs)
	for s.proxy == "" {
		line, err := lines.ReadString('\n')
		s.said.WriteString(line)
		if err != nil {
			close(s.ended)
			t.Fatalf("it did not start: %s", s.said.String())
		}
		var said struct{ Msg, Proxy, Admin string }
		if json.Unmarshal([]byte(line), &said) == nil && said.Msg == "tenantgate runs" {
			s.proxy, s.admin = said.Proxy, said.Admin
		}
	}
	go func() { defer close(s.ended); _, _ = io.Copy(&s.said, lines) }()
}

func TestTheRunningProgramCannotBeDumpedOrRead(t *testing.T) {
	s := startService(t)
	proc := "/proc/" + strconv.Itoa(s.Process.Pid)
	limits, err := os.ReadFile(proc + "/limits")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(limits)) {
		if rest, ok := strings.CutPrefix(line, "Max core file size"); ok && strings.Join(strings.Fields(rest)[:2], " ") != "0 0" {
			t.Errorf("core dumps are on: %s", line)
		}
	}
	for _, name := range []string{"mem", "environ", "fd", "maps"} { // proc(5): root's where the process is not dumpable
		info, err := os.Stat(proc + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if owner := info.Sys().(*syscall.Stat_t).Uid; owner != 0 {
			t.Errorf("%s/%s belongs to user %d, who can read it", proc, name, owner)
		}
	}
}

// The CA's key is in none of the places where a running proxy tells of itself,
// not even in the trace of a crash.
func TestTheKeyIsInNothingThatTheProgramTells(t *testing.T) {
	s := startService(t)
	told := map[string]string{}
	for _, path := range []string{"/", "/metrics", "/readyz", "/healthz", "/proxy.pac", "/ca.crt", "/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/cmdline", "/debug/vars", "/debug/pprof/goroutine?debug=2"} {
		resp, err := http.Get("http://" + s.admin + path)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(path, "/debug") && resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %s, want 404", path, resp.Status)
		}
		told[path] = string(text)
	}
	config := filepath.Join(s.dir, "tenantgate.yaml")
	for _, args := range [][]string{{"check", "-c", config}, {"check", "--json", "-c", config}, {"ca", "show", "-c", config}, {"ca", "export", "-c", config}} {
		_, out, errs := say(args...)
		told[strings.Join(args[:2], " ")] = out + errs
	}
	if err := s.Process.Signal(syscall.SIGQUIT); err != nil { // the runtime prints every stack and dies
		t.Fatal(err)
	}
	<-s.ended
	told["standard error"] = s.said.String()
	if !strings.Contains(told["standard error"], "goroutine ") {
		t.Fatalf("no trace: %s", told["standard error"])
	}
	for name := range told {
		for _, form := range keyForms(t, filepath.Join(s.dir, "state/ca/ca.key")) {
			if strings.Contains(told[name], form) {
				t.Errorf("the key is in %s", name)
			}
		}
	}
	if cores, _ := filepath.Glob(filepath.Join(s.dir, "core*")); len(cores) > 0 {
		t.Errorf("a core dump: %v", cores)
	}
	private(t, filepath.Join(s.dir, "state"))
}

// keyForms are spellings of a key in which it could get out.
func keyForms(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatalf("%s is not PEM", file)
	}
	middle := block.Bytes[len(block.Bytes)/4 : len(block.Bytes)/2] // the scalar, in part, of every encoding of it
	return []string{
		"PRIVATE KEY", strings.Split(string(text), "\n")[1][:40], string(middle), hex.EncodeToString(middle),
		strings.TrimRight(base64.StdEncoding.EncodeToString(middle[:len(middle)/3*3]), "="),
	}
}

// private checks that nobody else may read what is secret.
func private(t *testing.T, state string) {
	t.Helper()
	for name, want := range map[string]os.FileMode{".": 0o700, "ca": 0o700, "ca/ca.key": 0o600, "digest.key": 0o600} {
		info, err := os.Stat(filepath.Join(state, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %04o, want %04o", name, got, want)
		}
	}
}
