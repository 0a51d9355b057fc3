package certs

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// HardenProcess keeps the keys and tokens in this process's memory out of
// files and out of reach: no core dump is written, and no process of the same
// user can attach to it or read its memory (prctl(2), PR_SET_DUMPABLE). It is
// for the whole process, and for those it starts; call it first.
func HardenProcess() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("turn core dumps off: %w", err)
	}
	// A core_pattern that pipes to a program ignores the limit (core(5)), not this.
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("make the process undumpable: %w", err)
	}
	return nil
}
