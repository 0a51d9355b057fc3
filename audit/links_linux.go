package audit

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// unlinked reports whether an open file has lost its last name. It asks for
// nothing else: since Linux 6.13, whoever asks for a file's times (fstat does)
// has the next write take a new one and change the inode, which costs more than
// the question.
func unlinked(fd int) bool {
	var x unix.Statx_t
	if unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_NLINK, &x) == nil {
		return x.Mask&unix.STATX_NLINK != 0 && x.Nlink == 0
	}
	var st syscall.Stat_t // before Linux 4.11, and where a filter does not know statx
	return syscall.Fstat(fd, &st) == nil && st.Nlink == 0
}
