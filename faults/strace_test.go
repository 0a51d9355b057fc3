package faults_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/tenantgate/tenantgate/needs"
	"github.com/tenantgate/tenantgate/proxy/proxytest"
)

// R12: system calls on the events' files fail, or take their time.
func sickDisk(s *stage) {
	needs.Tool(s.T, "strace")
	s.run(settings{events: "sync: always"})
	for _, fault := range []string{"write,pwrite64,writev:error=EIO", "fsync,fdatasync:error=EIO"} {
		over := s.inject(fault)
		s.notRecorded()
		s.under(0.3)
		over()
		s.works()
	}
	over := s.inject("fsync,fdatasync:delay_enter=100000")
	s.under(1)
	over()
}

// inject has system calls on what lies in the events' directory end as fault
// says, until over is called.
func (s *stage) inject(fault string) (over func()) {
	s.Helper()
	calls, _, _ := strings.Cut(fault, ":")
	args := []string{"-f", "-qq", "-o", filepath.Join(s.TempDir(), "trace"), "-e", "trace=" + calls, "-e", "inject=" + fault}
	files, err := filepath.Glob("/proc/" + strconv.Itoa(s.gate.cmd.Process.Pid) + "/fd/*")
	if err != nil {
		s.Fatal(err)
	}
	for _, fd := range files {
		if name, err := os.Readlink(fd); err == nil && strings.HasPrefix(name, filepath.Join(s.gate.state, "events")) {
			args = append(args, "-P", name)
		}
	}
	tracer := exec.Command("strace", append(args, "-p", strconv.Itoa(s.gate.cmd.Process.Pid))...)
	var said proxytest.Log
	tracer.Stderr = &said
	if err := tracer.Start(); err != nil {
		s.Fatal(err)
	}
	return func() {
		s.Helper()
		if err := tracer.Process.Signal(syscall.SIGINT); err != nil {
			s.Fatalf("strace: %v: %s", err, &said)
		}
		_ = tracer.Wait() // it ends with the signal
	}
}
