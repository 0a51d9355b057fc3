package audit

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// noPath is an empty path as the kernel reads it: the descriptor alone is
// meant. unix.Statx allocates it for each call.
var noPath byte

// unlinked reports whether an open file has lost its last name. It asks for
// nothing else: since Linux 6.13, whoever asks for a file's times (fstat does)
// has the next write take a new one and change the inode, which costs more than
// the question.
func unlinked(fd int) bool {
	var x unix.Statx_t
	_, _, errno := unix.Syscall6(unix.SYS_STATX, uintptr(fd), uintptr(unsafe.Pointer(&noPath)),
		unix.AT_EMPTY_PATH, unix.STATX_NLINK, uintptr(unsafe.Pointer(&x)), 0)
	if errno == 0 {
		return x.Mask&unix.STATX_NLINK != 0 && x.Nlink == 0
	}
	var st syscall.Stat_t // before Linux 4.11, and where a filter does not know statx
	return syscall.Fstat(fd, &st) == nil && st.Nlink == 0
}
