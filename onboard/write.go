package onboard

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ErrExists says that a file is there already.
var ErrExists = errors.New("there already")

// Write writes files below dir. Without force it writes nothing if one of them
// is there.
func Write(dir string, files []File, force bool) error {
	if !force {
		var there []string
		for _, f := range files {
			if _, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(f.Path))); !errors.Is(err, fs.ErrNotExist) {
				there = append(there, f.Path)
			}
		}
		if len(there) > 0 {
			return fmt.Errorf("%s: %w: %s", dir, ErrExists, strings.Join(there, ", "))
		}
	}
	for _, f := range files {
		if err := write(filepath.Join(dir, filepath.FromSlash(f.Path)), f); err != nil {
			return err
		}
	}
	return nil
}

// write puts the file in place whole, and in place of a link rather than
// behind it.
func write(path string, f File) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(path), ".onboard-")
	if err != nil {
		return err
	}
	defer os.Remove(next.Name())
	_, err = next.Write(f.Data)
	if err = errors.Join(err, next.Chmod(f.Mode), next.Close()); err != nil {
		return err
	}
	return os.Rename(next.Name(), path)
}
