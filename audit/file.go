package audit

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"syscall"
)

// A file is the events file as the writer sees it: something that takes whole
// lines or nothing, whatever happens to the disk or the name beneath it.
type file struct {
	path   string
	stream atomic.Bool // a pipe, terminal or device: cannot be cut, locked, synced or replaced. The syncer reads it
	torn   bool        // it ends in a part of a line
	fd     int
	check  atomic.Bool             // see whether the name still leads here, before the next write
	f      atomic.Pointer[os.File] // nil: opened before the next write. The syncer reads it
	wish   atomic.Pointer[wish]    // where reopen is to go on; nil: where it is
}

// open opens the file that has the name now, or makes it.
func (f *file) open() error {
	if f.path == "-" {
		return f.stdout()
	}
	// Reading is for the last lines; a line goes to the end whoever else cut or
	// extended the file (copytruncate).
	o, err := os.OpenFile(f.path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	st, err := o.Stat()
	if err != nil {
		return errors.Join(err, o.Close())
	}
	f.stream.Store(!st.Mode().IsRegular())
	if !f.stream.Load() {
		// Beside the lock on the directory: two installations may have been given
		// one file. A file system without locks has only the first.
		if err := lock(o); errors.Is(err, syscall.EWOULDBLOCK) {
			return errors.Join(fmt.Errorf("%s is in use by another instance: %w", f.path, ErrLocked), o.Close())
		}
		f.torn = !endsInNewline(o, st.Size())
	}
	f.fd = int(o.Fd())
	f.f.Store(o)
	return nil
}

// stdout opens standard output under another number: os.File turns a broken
// pipe on number 1 into the end of the process, and here it is an error.
func (f *file) stdout() error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := syscall.Dup(int(os.Stdout.Fd()))
	if err != nil {
		return fmt.Errorf("open standard output: %w", err)
	}
	syscall.CloseOnExec(fd)
	f.stream.Store(true)
	f.f.Store(os.NewFile(uintptr(fd), "standard output"))
	return nil
}

func endsInNewline(r io.ReaderAt, size int64) bool {
	if size == 0 {
		return true
	}
	var last [1]byte
	_, err := r.ReadAt(last[:], size-1)
	return err == nil && last[0] == '\n'
}

// append writes lines at the end. After an error none of them is there, unless
// left is true: then some may be, for they could not be cut off again.
func (f *file) append(lines []byte) (left bool, err error) {
	if f.check.Swap(false) && f.moved() {
		if err := f.reopen(); err != nil {
			return false, err
		}
	}
	// The second time round is for a file that was removed under our hands.
	for range 2 {
		if f.f.Load() == nil {
			if err := f.open(); err != nil {
				return false, err
			}
		}
		if left, err := f.write(lines); err != nil {
			return left, err
		}
		if !f.removed() {
			return false, nil
		}
		if err := f.close(); err != nil {
			return false, err
		}
	}
	return false, fmt.Errorf("write %s: it is removed again and again", f.path)
}

// write writes lines to the open file. After an error it closes the file, so
// that the next write starts from what has the name then.
func (f *file) write(lines []byte) (left bool, err error) {
	o := f.f.Load()
	if f.torn {
		if err := f.finish(o); err != nil {
			return false, err
		}
	}
	n, err := o.Write(lines)
	if err == nil {
		return false, nil
	}
	if f.stream.Load() {
		f.torn = n > 0
		return n > 0, err
	}
	if n > 0 {
		left = cut(o, int64(n)) != nil
	}
	return left, errors.Join(err, f.close())
}

// finish ends a torn line, so that the next does not merge with it.
func (f *file) finish(o *os.File) error {
	if _, err := o.Write([]byte{'\n'}); err != nil {
		if f.stream.Load() {
			return err
		}
		return errors.Join(err, f.close())
	}
	f.torn = false
	return nil
}

// cut removes the last n bytes.
func cut(o *os.File, n int64) error {
	st, err := o.Stat()
	if err != nil {
		return err
	}
	return o.Truncate(st.Size() - n)
}

// removed reports whether the open file has lost its last name: whatever was
// written to it is gone with the next close.
func (f *file) removed() bool {
	return !f.stream.Load() && unlinked(f.fd)
}

// moved reports whether the name leads to another file, or nowhere.
func (f *file) moved() bool {
	o := f.f.Load()
	if f.stream.Load() || o == nil {
		return false
	}
	here, err := o.Stat()
	if err != nil {
		return true
	}
	there, err := os.Stat(f.path)
	return err != nil || !os.SameFile(here, there)
}

// reopen syncs and closes the file and opens the one that has its name now.
func (f *file) reopen() error {
	if w := f.wish.Swap(nil); w != nil {
		return f.move(w)
	}
	if f.stream.Load() {
		return nil
	}
	if f.f.Load() != nil && !f.moved() {
		// Opening it once more would meet our own lock: a file that the syncer is
		// in is closed only when the syncer comes out.
		return f.sync()
	}
	if err := errors.Join(f.sync(), f.close()); err != nil {
		return err
	}
	return f.open()
}

// sync makes what was written survive a power loss, on file systems that can.
func (f *file) sync() error {
	o := f.f.Load()
	if f.stream.Load() || o == nil {
		return nil
	}
	err := o.Sync()
	if err == nil || errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil // fsync(2): EINVAL is a file that does not support it
	}
	return fmt.Errorf("sync: %w", err)
}

func (f *file) close() error {
	if o := f.f.Swap(nil); o != nil {
		return o.Close()
	}
	return nil
}
