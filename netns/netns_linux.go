// Package netns runs code in network namespaces, for tests.
//
// Its own put a device, a router, the real program, a parent proxy and the
// world into namespaces of their own, and see how the traffic of a device
// arrives that was told one thing only: by the PAC file, by the resolver,
// behind a parent, and not at all for who tries to go round.
package netns

import (
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// In runs f on a thread that is in the namespace of that name, and ends the
// thread. What f opens stays there.
func In(name string, f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread goes with the goroutine
		fd, err := os.Open(filepath.Join("/run/netns", name))
		if err == nil {
			defer fd.Close()
			err = unix.Setns(int(fd.Fd()), unix.CLONE_NEWNET)
		}
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}
