package audit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// ErrLocked says that another instance has the log open.
var ErrLocked = errors.New("event log is locked")

// A directory is the log's place in the state directory. It holds the lock,
// and the last sequence number for the day when the file that ends in it has
// been rotated away.
type directory struct {
	path    string
	lock    *os.File
	numbers *os.File
	seq     uint64 // as found
}

func openDirectory(path string) (_ *directory, err error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	d := &directory{path: path}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	if err := d.hold(); err != nil {
		return nil, err
	}
	if err := probe(path); err != nil {
		return nil, err
	}
	if d.numbers, err = os.OpenFile(filepath.Join(path, "seq"), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return nil, err
	}
	text := make([]byte, 64)
	n, _ := d.numbers.ReadAt(text, 0) // short or unreadable: the events file still knows
	d.seq, _ = strconv.ParseUint(strings.TrimSpace(string(text[:n])), 10, 64)
	return d, nil
}

// hold takes the lock, which the system gives back when the process ends,
// however it ends.
func (d *directory) hold() error {
	path := filepath.Join(d.path, "lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	d.lock = f
	err = lock(f)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		text := make([]byte, 32)
		n, _ := f.ReadAt(text, 0)
		return fmt.Errorf("%s is held by another instance, process %s: %w", path, strings.TrimSpace(string(text[:n])), ErrLocked)
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", path, err)
	}
	_, err = f.WriteAt(fmt.Appendf(nil, "%-20d\n", os.Getpid()), 0)
	return err
}

func lock(f *os.File) error {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
}

// probe says at the start what the first event would say later: a full or
// read-only disk.
func probe(dir string) error {
	f, err := os.CreateTemp(dir, "probe-")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, maxLine))
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

// keep notes the last sequence number. What it holds may be a second old, and
// nothing depends on it unless the file was rotated away.
func (d *directory) keep(seq uint64) {
	_, _ = d.numbers.WriteAt(fmt.Appendf(nil, "%020d\n", seq), 0)
}

func (d *directory) close() error {
	var errs []error
	for _, f := range []*os.File{d.numbers, d.lock} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}
