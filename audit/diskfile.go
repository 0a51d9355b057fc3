package audit

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// A diskFile is what a stream needs of an open segment: an *os.File, and in
// tests one that fails, or at which the process dies.
type diskFile interface {
	io.Writer
	io.ReaderAt
	Truncate(size int64) error
	Sync() error
	Close() error
	Fd() uintptr
	Name() string
}

// openFile opens a segment as the operating system does.
func openFile(path string, flag int) (diskFile, error) {
	f, err := os.OpenFile(path, flag, 0o600)
	if err != nil {
		return nil, err
	}
	return f, nil
}

// syncFile is fsync, on file systems that can: fsync(2) gives EINVAL on one
// that does not support it.
func syncFile(f interface {
	Sync() error
	Name() string
}) error {
	err := f.Sync()
	if err == nil || errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return fmt.Errorf("sync %s: %w", f.Name(), err)
}
