package faults_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience ends a test that hangs; nothing waits that long for what works.
const patience = 60 * time.Second

// inside tells this binary that it runs in namespaces of its own.
const inside = "TENANTGATE_FAULTS_INSIDE"

// outside is why there are no namespaces; empty if there are.
var outside string

func TestMain(m *testing.M) {
	if os.Getenv(inside) == "" {
		code, err := enclosed()
		if err == nil {
			os.Exit(code)
		}
		outside = "no namespaces: " + err.Error()
		os.Exit(m.Run())
	}
	if err := enter(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	for _, dir := range built {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// enclosed runs this binary again in namespaces. The error is why that cannot
// be; what the tests said is the code.
func enclosed() (int, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	runtime.LockOSThread() // Pdeathsig is about the thread
	cmd := exec.Command(self, os.Args[1:]...)
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET, Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL,
	}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	err = cmd.Wait()
	if _, exited := errors.AsType[*exec.ExitError](err); exited {
		return max(1, cmd.ProcessState.ExitCode()), nil
	}
	return 0, err
}

// enter brings loopback up.
func enter() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("bring loopback up: %w", err)
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		return fmt.Errorf("bring loopback up: %w", err)
	}
	return nil
}

// scale is how much load there is.
type scale struct {
	rate, tunnels int
	full          bool // the load that the scorecard promises
}

func scaled() scale {
	s := scale{rate: 60, tunnels: 8}
	if rate, err := strconv.Atoi(os.Getenv("TENANTGATE_FAULT_RATE")); err == nil && rate > 0 {
		s.rate, s.full = rate, true
	}
	if n, err := strconv.Atoi(os.Getenv("TENANTGATE_FAULT_TUNNELS")); err == nil {
		s.tunnels = n
	}
	return s
}
