package audit

import (
	"errors"
	"os"
	"path/filepath"
	"time"
)

// An opening is what a stream was when it was opened.
type opening struct {
	last    uint64  // sequence number of its last frame
	torn    int64   // bytes behind it, set aside
	aside   string  // where they are now
	missing []frame // those after the number that was asked about
}

// recover reads the end of the stream, sets a torn end aside, and returns the
// frames after the sequence number known.
func (s *stream) recover(known uint64) (opening, error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return opening{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	if s.segments, err = listSegments(s.dir); err != nil {
		return opening{}, err
	}
	var o opening
	for len(s.segments) > 0 && o.last == 0 {
		i := len(s.segments) - 1
		one, err := s.openSegment(&s.segments[i], known)
		if err != nil {
			return opening{}, err
		}
		one.torn += o.torn
		if one.aside == "" {
			one.aside = o.aside
		}
		o = one
		if o.last > 0 {
			break
		}
		if s.f == nil {
			break // damaged, and may not be cut: it stays
		}
		// Nothing whole is in it: a crash came between its making and its first frame.
		if err := errors.Join(s.f.Close(), os.Remove(s.path(s.segments[i].first))); err != nil {
			return opening{}, err
		}
		s.f, s.segments = nil, s.segments[:i]
	}
	return o, nil
}

// openSegment opens the last segment for appending.
func (s *stream) openSegment(end *segment, known uint64) (opening, error) {
	path := s.path(end.first)
	f, err := s.open(path, os.O_RDWR|os.O_APPEND)
	if err != nil {
		return opening{}, err
	}
	s.f = f
	text, err := os.ReadFile(path)
	if err != nil {
		return opening{}, err
	}
	var o opening
	whole := 0
	for at := 0; at < len(text); {
		one, ok := parseFrame(text[at:])
		if !ok {
			n := nextFrame(text[at:])
			if n < 0 {
				break
			}
			at += n // damage with more behind it: readers report it
			continue
		}
		at += one.size()
		whole, o.last = at, one.seq
		if one.seq > known {
			o.missing = append(o.missing, one)
		}
	}
	if o.torn = int64(len(text) - whole); o.torn > 0 {
		o.aside = damagedName(s.dir)
		if err := setAside(f, int64(whole), o.torn, o.aside); err != nil {
			// It cannot be cut: what comes next has a segment of its own.
			o.aside = ""
			if err := f.Close(); err != nil {
				return o, err
			}
			s.f = nil
		}
	}
	end.size, end.last = int64(whole), o.last
	return o, nil
}

// damagedName names a file in the directory of events for what was found
// damaged in a stream's.
func damagedName(dir string) string {
	return filepath.Join(dir, time.Now().UTC().Format("damaged-20060102T150405.000000000Z.frames"))
}

// report keeps a copy of a damaged part and says whether it is news.
func (s *stream) report(at place, damage []byte) bool {
	s.mu.Lock()
	if s.damaged == nil {
		s.damaged = map[place]bool{}
	}
	known := s.damaged[at]
	s.damaged[at] = true
	s.mu.Unlock()
	if known || len(damage) == 0 {
		return !known
	}
	// The segment keeps it as well, until it goes.
	_ = os.WriteFile(damagedName(s.dir), damage, 0o600)
	return true
}

// syncDirectory makes a new name in dir survive a power loss, where the file
// system can.
func syncDirectory(dir string) {
	d, err := os.Open(dir)
	if err != nil {
		return
	}
	_ = d.Sync()
	_ = d.Close()
}
