package audit

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// A spool holds events until every sink has taken them, and after that until
// there are too many or they are too old. Tenant and access events have a
// stream each, so that the one kind never waits for the other, and access
// events can be given up first.
type spool struct {
	dir     string
	streams [2]*stream // by Kind
	frames  [2][]byte  // of the batch being written; the writer's
	first   [2]uint64
	last    [2]uint64
	limit   int64 // bytes
	age     time.Duration
	opened  bool
}

// maxSegment bounds a segment. It is what a spool deletes at once.
const maxSegment = 16 << 20

func newSpool(dir string, cfg SpoolConfig) *spool {
	s := &spool{dir: dir, limit: cmp.Or(cfg.MaxBytes, defaultSpoolBytes), age: cmp.Or(cfg.MaxAge, defaultSpoolAge)}
	for kind := range s.streams {
		k := Kind(kind)
		s.streams[k] = &stream{kind: k, dir: filepath.Join(dir, k.String()), open: openFile, segment: min(maxSegment, s.limit/64)}
	}
	return s
}

// open opens both streams. The opening's missing frames are in the order of
// their numbers.
func (s *spool) open(known uint64) (opening, error) {
	var all opening
	if s.opened {
		return all, nil
	}
	for _, one := range s.streams {
		o, err := one.recover(known)
		if err != nil {
			return opening{}, fmt.Errorf("open spool: %w", err)
		}
		all.last = max(all.last, o.last)
		all.torn += o.torn
		all.missing = append(all.missing, o.missing...)
		all.aside = cmp.Or(all.aside, o.aside)
	}
	s.opened = true
	slices.SortFunc(all.missing, func(a, b frame) int { return cmp.Compare(a.seq, b.seq) })
	return all, nil
}

// add collects a line for the next write.
func (s *spool) add(k Kind, seq uint64, line []byte) {
	if len(s.frames[k]) == 0 {
		s.first[k] = seq
	}
	s.last[k] = seq
	s.frames[k] = appendFrame(s.frames[k], seq, line)
}

// write writes what was added. After an error nothing of it is there, unless
// left is true.
func (s *spool) write() (left bool, err error) {
	for k, frames := range s.frames {
		if len(frames) == 0 {
			continue
		}
		if err = s.streams[k].append(frames, s.first[k], s.last[k]); err != nil {
			break
		}
	}
	s.frames[Tenant], s.frames[Access] = s.frames[Tenant][:0], s.frames[Access][:0]
	if err == nil {
		return false, nil
	}
	undone := s.undo()
	return undone != nil, fmt.Errorf("write spool: %w", errors.Join(err, undone))
}

// undo takes the last write back, which nobody has read yet.
func (s *spool) undo() error {
	return errors.Join(s.streams[Tenant].undo(), s.streams[Access].undo())
}

// publish gives the last write to the sinks.
func (s *spool) publish() {
	s.streams[Tenant].publish()
	s.streams[Access].publish()
}

func (s *spool) sync() error {
	return errors.Join(s.streams[Tenant].sync(), s.streams[Access].sync())
}

// finish closes the segments that are full, without syncing them.
func (s *spool) finish() error {
	leave := func(diskFile) error { return nil }
	return errors.Join(s.streams[Tenant].finish(leave), s.streams[Access].finish(leave))
}

func (s *spool) close() error {
	return errors.Join(s.streams[Tenant].close(), s.streams[Access].close())
}

// A victim is a segment that has to go.
type victim struct {
	stream *stream
	segment
	end uint64 // its last sequence number, at most
}

// sweep finds one segment that is beyond the bounds: one that is too old, else
// one that all have taken, else the oldest of the access events, else of the
// tenant events. A segment that is being written to stays.
func (s *spool) sweep(taken func(Kind) uint64, now time.Time) (victim, bool) {
	over := s.streams[Tenant].bytes()+s.streams[Access].bytes() > s.limit
	var done, undone []victim
	for _, k := range []Kind{Access, Tenant} {
		v, ok := s.streams[k].oldest()
		if !ok {
			continue
		}
		if now.Sub(v.since) > s.age {
			return v, true
		}
		if v.end <= taken(k) {
			done = append(done, v)
		} else {
			undone = append(undone, v)
		}
	}
	if all := append(done, undone...); over && len(all) > 0 {
		return all[0], true
	}
	return victim{}, false
}

// oldest is the stream's first segment, if another is being written to.
func (s *stream) oldest() (victim, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.segments) < 2 {
		return victim{}, false
	}
	return victim{s, s.segments[0], s.end(0)}, true
}

// remove removes the victim and returns how many events in it come after each
// of the numbers.
func (v victim) remove(taken []uint64) ([]uint64, error) {
	lost := make([]uint64, len(taken))
	if len(taken) > 0 && v.end > slices.Min(taken) {
		r := reader{stream: &stream{kind: v.stream.kind, dir: v.stream.dir, segments: []segment{v.segment}}}
		for {
			found, err := r.read(maxBatch, 1<<16)
			if err != nil || len(found) == 0 {
				break // what cannot be read cannot be counted
			}
			for _, one := range found {
				for i, at := range taken {
					if one.seq > at {
						lost[i]++
					}
				}
			}
		}
		r.close()
	}
	v.stream.mu.Lock()
	defer v.stream.mu.Unlock()
	v.stream.segments = slices.DeleteFunc(v.stream.segments, func(o segment) bool { return o.first == v.first })
	err := os.Remove(v.stream.path(v.first))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return lost, fmt.Errorf("remove segment: %w", err)
	}
	return lost, nil
}
