package audit

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// SpoolState is what the spool holds, as somebody sees it who does not write
// it.
type SpoolState struct {
	Segments []SegmentState `json:"segments"`
	Cursors  []CursorState  `json:"cursors"`
	Dead     []DeadState    `json:"dead"`
}

// SegmentState is one file of a spool.
type SegmentState struct {
	Kind  string    `json:"kind"`
	First uint64    `json:"first"` // sequence number, at least
	Bytes int64     `json:"bytes"`
	Until time.Time `json:"until"` // when it was last written to
}

// CursorState is how far one sink is with the events of one kind.
type CursorState struct {
	Sink    string `json:"sink"`
	Kind    string `json:"kind"`
	Taken   uint64 `json:"taken"`   // sequence number of the last event that it took
	Waiting int64  `json:"waiting"` // bytes behind it, at most
}

// DeadState is one dead-letter file.
type DeadState struct {
	Sink  string `json:"sink"`
	Bytes int64  `json:"bytes"`
}

// InspectSpool reads the state of the spool in dir, which is STATE/events. It
// changes nothing and needs no lock.
func InspectSpool(dir string) (SpoolState, error) {
	s := SpoolState{Segments: []SegmentState{}, Cursors: []CursorState{}, Dead: []DeadState{}}
	spool := filepath.Join(dir, "spool")
	streams := map[string]*stream{}
	for _, k := range []Kind{Tenant, Access} {
		one, err := readStream(spool, k)
		if err != nil {
			return s, err
		}
		streams[k.String()] = one
		for _, g := range one.segments {
			s.Segments = append(s.Segments, SegmentState{k.String(), g.first, g.size, g.since})
		}
	}
	entries, err := os.ReadDir(spool)
	if err != nil {
		return s, err
	}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), cursorSuffix); ok {
			sink, kind, _ := strings.Cut(name, ".")
			if from := streams[kind]; from != nil {
				taken := takenBy(filepath.Join(spool, e.Name()))
				s.Cursors = append(s.Cursors, CursorState{sink, kind, taken, from.waiting(taken)})
			}
		}
		if sink, ok := strings.CutSuffix(e.Name(), ".dead.jsonl"); ok {
			if st, err := e.Info(); err == nil {
				s.Dead = append(s.Dead, DeadState{sink, st.Size()})
			}
		}
	}
	return s, nil
}

func takenBy(path string) uint64 {
	f, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer f.Close()
	return readCursor(f)
}

// readStream opens a stream for reading alone.
func readStream(spool string, k Kind) (*stream, error) {
	s := &stream{kind: k, dir: filepath.Join(spool, k.String())}
	var err error
	if s.segments, err = listSegments(s.dir); errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	return s, err
}

// waiting is how many bytes come after a sequence number, exactly.
func (s *stream) waiting(after uint64) (n int64) {
	r := reader{stream: s, after: after}
	defer r.close()
	for {
		found, err := r.read(maxBatch, 1<<16)
		if err != nil || len(found) == 0 {
			return n
		}
		for _, one := range found {
			n += int64(one.size())
		}
	}
}

// PurgeSpool removes the segments that were last written to before a time, all
// of them where that is zero, and returns how many bytes that were. It fails
// with ErrLocked while the log is open.
func PurgeSpool(dir string, before time.Time) (bytes int64, err error) {
	d, err := openDirectory(dir)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	for _, k := range []Kind{Tenant, Access} {
		s, err := readStream(filepath.Join(dir, "spool"), k)
		if err != nil {
			return bytes, err
		}
		for _, one := range s.segments {
			if !before.IsZero() && !one.since.Before(before) {
				continue
			}
			if err := os.Remove(s.path(one.first)); err != nil {
				return bytes, err
			}
			bytes += one.size
		}
	}
	return bytes, nil
}
