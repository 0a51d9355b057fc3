package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// class is how the kernel gives a process its turns (sched(7)).
type class struct {
	policy uint32
	slice  time.Duration // the shortest goes first, since Linux 6.12; zero: the kernel's own
}

// Whoever is measured, the proxy, and whoever attacks share this machine, and
// elsewhere they would not. So the good client and its origin have the
// processor as soon as they want it, and attackers when nobody else does.
var (
	hurried = class{unix.SCHED_NORMAL, 100 * time.Microsecond}
	usual   = class{unix.SCHED_NORMAL, 0}
	idle    = class{unix.SCHED_IDLE, 0}
)

func (c class) of(thread int) error {
	err := unix.SchedSetAttr(thread, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: c.policy, Runtime: uint64(c.slice)}, 0)
	if err != nil {
		return fmt.Errorf("scheduling class: %w", err)
	}
	return nil
}

// enter makes c the class of this process.
func (c class) enter() error {
	threads, err := os.ReadDir("/proc/self/task")
	for _, t := range threads {
		id, bad := strconv.Atoi(t.Name())
		err = errors.Join(err, bad, c.of(id))
	}
	return err
}

// start starts cmd in class c, which a process has from the thread that makes
// it. No thread may leave the idle class again, so this one ends.
func (c class) start(cmd *exec.Cmd) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := c.of(0)
		if err == nil {
			err = cmd.Start()
		}
		done <- err
	}()
	return <-done
}

// How often processes of the idle class stop altogether, and for how long.
const (
	breathEvery = 500 * time.Microsecond
	breathTakes = 150 * time.Microsecond
)

// breathe stops this process, which has one thread that runs, at the same time
// as the others of its class. The kernel moves a thread of the proxy that waits
// behind another to the other processor when that has nothing to run; an
// attacker is something, whatever its class.
func breathe(ctx context.Context) {
	for ctx.Err() == nil {
		var now unix.Timespec
		if unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) != nil {
			return
		}
		next := (now.Nano()/int64(breathEvery) + 1) * int64(breathEvery)
		time.Sleep(time.Duration(next - now.Nano()))
		end := unix.NsecToTimespec(next + int64(breathTakes))
		_, _, _ = unix.RawSyscall6(unix.SYS_CLOCK_NANOSLEEP, unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, // keeps the processor from Go's other threads
			uintptr(unsafe.Pointer(&end)), 0, 0, 0)
	}
}
