package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// Bounds on the search for the last whole event.
const (
	firstLook = 2 * maxLine
	lastLook  = 16 << 20 // a page cache lost to a power failure leaves zeros, not this many
)

// An ending is how the events file ended when it was opened.
type ending struct {
	seq     uint64 // of the last event
	damaged int64  // bytes after it that are no event: a torn line, or zeros
	aside   string // where they are now; empty when they had to stay
}

// mend finds the last event of the file and moves what follows it to a file
// of its own in dir. Only the end of the file is read.
//
// A file that may not be cut (chattr +a) keeps its damage; the torn line is
// ended before the next is written.
func (f *file) mend(dir string) (ending, error) {
	o := f.f.Load()
	if f.stream.Load() {
		return ending{}, nil
	}
	st, err := o.Stat()
	if err != nil {
		return ending{}, err
	}
	end, e, err := lastEvent(o, st.Size())
	if err != nil {
		return ending{}, fmt.Errorf("read the end of %s: %w", f.path, err)
	}
	if end == st.Size() {
		return e, nil
	}
	e.damaged = st.Size() - end
	name := filepath.Join(dir, time.Now().UTC().Format("damaged-20060102T150405.000000000Z.jsonl"))
	if err := setAside(o, end, e.damaged, name); err != nil {
		return e, nil //nolint:nilerr // the damage stays where it is; the log works all the same
	}
	e.aside, f.torn = name, !endsInNewline(o, end)
	return e, nil
}

// lastEvent returns where the last valid line of r ends, and what it says.
func lastEvent(r io.ReaderAt, size int64) (end int64, e ending, err error) {
	for look := min(firstLook, size); ; look = min(look*2, lastLook, size) {
		text := make([]byte, look)
		if _, err := r.ReadAt(text, size-look); err != nil {
			return 0, ending{}, err
		}
		n, seq, ok := lastValid(text, look == size)
		if ok {
			return size - look + int64(n), ending{seq: seq}, nil
		}
		if look == size || look == lastLook {
			return size - look, ending{}, nil
		}
	}
}

// lastValid returns where the last valid line in text ends. The first line in
// text counts only if it is whole.
func lastValid(text []byte, whole bool) (end int, seq uint64, ok bool) {
	for {
		end = bytes.LastIndexByte(text, '\n') + 1
		if end == 0 {
			return 0, 0, false
		}
		start := bytes.LastIndexByte(text[:end-1], '\n') + 1
		if start == 0 && !whole {
			return 0, 0, false
		}
		if seq, ok := parseSeq(text[start : end-1]); ok {
			return end, seq, true
		}
		text = text[:end-1]
	}
}

// parseSeq reads the sequence number of a line. An object of somebody else is a
// valid line without one.
func parseSeq(line []byte) (uint64, bool) {
	var e struct {
		Tenantgate struct {
			Seq uint64 `json:"seq"`
		} `json:"tenantgate"`
	}
	if len(line) == 0 || line[0] != '{' || json.Unmarshal(line, &e) != nil {
		return 0, false
	}
	return e.Tenantgate.Seq, true
}

// cuttable is a file whose end can be read and cut off.
type cuttable interface {
	io.ReaderAt
	Truncate(size int64) error
}

// setAside moves the last n bytes of o, which begin at off, to a new file.
func setAside(o cuttable, off, n int64, name string) error {
	to, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, io.NewSectionReader(o, off, n))
	if err = errors.Join(err, to.Sync(), to.Close()); err == nil {
		err = o.Truncate(off)
	}
	if err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return nil
}
