//go:build unix

package proxy

import (
	"math"
	"syscall"
)

// descriptors is how many this process may have open. Go raises the soft limit
// to the hard one at the start.
func descriptors() int {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 1024 // POSIX systems have at least this many
	}
	return int(min(uint64(l.Cur), math.MaxInt32))
}

// scarce tells whether a socket that was just made is one of the reserve: the
// kernel gives the lowest number that is free (POSIX, 2.6), so that its number
// is how many are open.
func scarce(c syscall.RawConn) bool {
	is := false
	if err := c.Control(func(fd uintptr) { is = int(fd) >= descriptors()-reserved() }); err != nil {
		return true
	}
	return is
}
