//go:build unix

package certs

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// checkAccess refuses a file or directory that others than its owner could
// have read or changed, or that belongs to somebody else, root included: what
// root made by "sudo tenantgate ca init" is not the service's.
func checkAccess(what, path string, stat fs.FileInfo, want fs.FileMode) error {
	if mode := stat.Mode().Perm(); mode&^want != 0 {
		return fmt.Errorf("%s %s has mode %04o, want %04o (chmod %o %s)", what, path, mode, want, want, path)
	}
	sys, ok := stat.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("%s %s: its owner cannot be told", what, path)
	}
	if me := os.Geteuid(); int(sys.Uid) != me {
		return fmt.Errorf("%s %s belongs to user %d, but tenantgate runs as user %d (run it as that user, or chown %d %s)", what, path, sys.Uid, me, me, path)
	}
	return nil
}

// syncDir makes a name given in dir survive a power loss.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
