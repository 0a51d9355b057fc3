package audit

import (
	"errors"
	"path/filepath"
)

// A wish is where the log is to go on.
type wish struct{ path, dir string }

// Move goes on in another file, which is opened as Open would; path is as in
// Config.File. No event is lost or in both: the one writer moves between two
// writes. After an error the log stays where it is.
func (l *Log) Move(path string) error {
	if path == "" {
		path = filepath.Join(l.dir.path, "events.jsonl")
	}
	l.file.wish.Store(&wish{path, l.dir.path})
	return l.Reopen()
}

// move opens what w names, and only then leaves the present file. A present
// file that cannot be synced may be why it is left: the syncer has told that.
func (f *file) move(w *wish) error {
	next := file{path: w.path}
	if err := next.open(); err != nil {
		return err
	}
	if _, err := next.mend(w.dir); err != nil {
		return errors.Join(err, next.close())
	}
	_ = f.sync()
	f.path, f.torn, f.fd = next.path, next.torn, next.fd
	f.stream.Store(next.stream.Load())
	if old := f.f.Swap(next.f.Load()); old != nil {
		_ = old.Close()
	}
	return nil
}
