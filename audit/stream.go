package audit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A stream is the spool of one kind of event: segments of frames in the order
// of their sequence numbers. One writer appends; any number of readers read
// what it has published.
type stream struct {
	kind    Kind
	dir     string
	segment int64 // bytes after which a new segment is begun
	open    func(path string, flag int) (diskFile, error)

	// The writer's own.
	pending int64  // bytes written and not published
	last    uint64 // of the frames not published

	mu       sync.Mutex
	f        diskFile   // the last segment; nil: the next frame begins a new one
	full     []diskFile // segments before it that are not synced and closed yet
	begun    bool       // a segment was made and the directory is not synced yet
	segments []segment
	readers  []chan<- struct{} // poked when something was published
	damaged  map[place]bool    // reported already
}

// A segment is one file of a stream. Its name is its first sequence number.
type segment struct {
	first, last uint64    // last is 0 where it was not written by this process
	size        int64     // published: whole frames up to here
	since       time.Time // when it was last written to
}

// A place is where a damaged part of a stream begins.
type place struct {
	segment uint64
	offset  int64
}

// segmentSuffix ends the name of a segment.
const segmentSuffix = ".seg"

func (s *stream) path(first uint64) string {
	return filepath.Join(s.dir, fmt.Sprintf("%020d%s", first, segmentSuffix))
}

// listSegments returns the segments in dir, oldest first.
func listSegments(dir string) ([]segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []segment
	for _, e := range entries {
		number, ok := strings.CutSuffix(e.Name(), segmentSuffix)
		first, err := strconv.ParseUint(number, 10, 64)
		if !ok || err != nil {
			continue
		}
		st, err := e.Info()
		if err != nil {
			continue // removed meanwhile
		}
		all = append(all, segment{first: first, size: st.Size(), since: st.ModTime()})
	}
	slices.SortFunc(all, func(a, b segment) int {
		if a.first < b.first {
			return -1
		}
		return 1
	})
	return all, nil
}

// append writes frames, of which first and last are the sequence numbers.
// After an error some of them may be in the stream until undo. What was written
// is not read before publish.
func (s *stream) append(frames []byte, first, last uint64) error {
	if s.ends(int64(len(frames))) {
		if err := s.roll(first); err != nil {
			return err
		}
	}
	if _, err := s.f.Write(frames); err != nil {
		s.pending = 1 // some of it may be there
		return err
	}
	if !s.removed() {
		s.pending, s.last = int64(len(frames)), last
		return nil
	}
	// The directory was removed under our hands, and this with it.
	if err := s.roll(first); err != nil {
		return err
	}
	s.pending, s.last = int64(len(frames)), last
	_, err := s.f.Write(frames)
	return err
}

// ends reports whether n more bytes begin a new segment.
func (s *stream) ends(n int64) bool {
	if s.f == nil {
		return true
	}
	size := s.published()
	return size > 0 && size+n > s.segment
}

// published is how much of the last segment readers see. Segments before it are
// removed beside the writer.
func (s *stream) published() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.segments[len(s.segments)-1].size
}

func (s *stream) removed() bool { return unlinked(int(s.f.Fd())) }

// roll begins a segment. The one before is left to finish: an fsync here would
// hold up whoever waits for the writer.
func (s *stream) roll(first uint64) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	f, err := s.open(s.path(first), os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.f != nil {
		s.full = append(s.full, s.f)
	}
	s.f, s.begun = f, true
	s.segments = append(s.segments, segment{first: first, since: time.Now()})
	return nil
}

// undo takes back what was written and not published. Where that fails, the
// rest of the segment is left to readers as damage.
func (s *stream) undo() error {
	if s.pending == 0 || s.f == nil {
		return nil
	}
	s.pending = 0
	err := s.f.Truncate(s.published())
	if err == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	err = errors.Join(err, s.f.Close())
	s.f = nil
	return err
}

// publish shows readers what was written.
func (s *stream) publish() {
	if s.pending == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	end := &s.segments[len(s.segments)-1]
	end.size += s.pending
	end.last, end.since = s.last, time.Now()
	s.pending = 0
	for _, r := range s.readers {
		poke(r)
	}
}

// sync makes what was written survive a power loss.
func (s *stream) sync() error {
	err := s.finish(func(f diskFile) error { return syncFile(f) })
	s.mu.Lock()
	f, begun := s.f, s.begun
	s.begun = false
	s.mu.Unlock()
	if begun {
		syncDirectory(s.dir)
	}
	if f == nil {
		return err
	}
	if bad := syncFile(f); bad != nil && !errors.Is(bad, os.ErrClosed) {
		err = errors.Join(err, fmt.Errorf("sync spool: %w", bad))
	}
	return err
}

// finish closes the segments that are full, after doing with each what it is
// told.
func (s *stream) finish(do func(diskFile) error) error {
	s.mu.Lock()
	full := s.full
	s.full = nil
	s.mu.Unlock()
	var errs []error
	for _, f := range full {
		errs = append(errs, do(f), f.Close())
	}
	return errors.Join(errs...)
}

// watch has c poked when something is published.
func (s *stream) watch(c chan<- struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readers = append(s.readers, c)
}

// unwatch pokes nobody any more.
func (s *stream) unwatch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readers = nil
}

// end is the last sequence number a segment may hold; mu is held.
func (s *stream) end(i int) uint64 {
	if s.segments[i].last == 0 && i+1 < len(s.segments) {
		return s.segments[i+1].first - 1
	}
	return s.segments[i].last
}

// behind is how many bytes come after a place, or after a sequence number
// where the place is not known.
func (s *stream) behind(at place, after uint64) (n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, one := range s.segments {
		switch end := s.end(i); {
		case at.segment == 0 && (end == 0 || end > after), at.segment != 0 && one.first > at.segment:
			n += one.size
		case at.segment != 0 && one.first == at.segment:
			n += max(one.size-at.offset, 0)
		}
	}
	return n
}

// bytes is what the stream takes on disk.
func (s *stream) bytes() (n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.segments {
		n += one.size
	}
	return n
}

func (s *stream) close() error {
	err := s.sync()
	if s.f == nil {
		return err
	}
	return errors.Join(err, s.f.Close())
}
