package certs

import (
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

// TestHardenedProcessLeavesNoCore runs in a process of its own: what it turns
// off cannot be turned on again.
func TestHardenedProcessLeavesNoCore(t *testing.T) {
	if os.Getenv("CERTS_HARDEN") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestHardenedProcessLeavesNoCore$")
		cmd.Env = append(os.Environ(), "CERTS_HARDEN=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
		return
	}
	if err := HardenProcess(); err != nil {
		t.Fatal(err)
	}
	var core unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &core); err != nil || core.Cur != 0 || core.Max != 0 {
		t.Errorf("core limit %+v (%v), want none", core, err)
	}
	if n, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0); err != nil || n != 0 {
		t.Errorf("dumpable %d (%v), want 0", n, err)
	}
	// The process must still see itself: metrics count its file descriptors.
	if _, err := os.ReadDir("/proc/self/fd"); err != nil {
		t.Error(err)
	}
}
