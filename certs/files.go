package certs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// scratch is the pattern of files that are being written. One that a crash
// left behind is never read; Prepare and Rotate sweep them away.
const scratch = ".new-*"

// publish writes data to path so that a crash leaves all of it or nothing, and
// never replaces a file: of two processes that start at once the second gets
// fs.ErrExist and uses what the first one made.
func publish(path string, data []byte, mode fs.FileMode) error {
	return write(path, data, mode, os.Link)
}

// replace is publish for a file that may be there already.
func replace(path string, data []byte, mode fs.FileMode) error {
	return write(path, data, mode, os.Rename)
}

// write fills a new file, makes it durable and then gives it its name.
func write(path string, data []byte, mode fs.FileMode, name func(from, to string) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), scratch) // 0600 from the start
	if err != nil {
		return err
	}
	defer func() {
		// After a rename the name is gone, after a link it is one too many.
		if e := os.Remove(f.Name()); e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}()
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := name(f.Name(), path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// sweep removes what interrupted writes left in dir.
func sweep(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, scratch))
	if err != nil {
		return err
	}
	for _, path := range left {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// readPrivate returns the contents of a file that is no wider than mode and
// belongs to the user this process runs as. what names it in errors.
func readPrivate(what, path string, mode fs.FileMode) (data []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	defer f.Close()
	stat, err := f.Stat() // of what was opened: the name may change hands meanwhile
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	if !stat.Mode().IsRegular() {
		return nil, fmt.Errorf("%s %s is not a regular file", what, path)
	}
	if err := checkAccess(what, path, stat, mode); err != nil {
		return nil, err
	}
	if data, err = io.ReadAll(io.LimitReader(f, 1<<20)); err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	return data, nil
}

func exists(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
