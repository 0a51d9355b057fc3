//go:build !linux

package audit

import "syscall"

// unlinked reports whether an open file has lost its last name.
func unlinked(fd int) bool {
	var st syscall.Stat_t
	return syscall.Fstat(fd, &st) == nil && st.Nlink == 0
}
