package audit

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
)

// A reader reads what a stream has published, from a sequence number on. It
// does not wait. Frames that are damaged are passed over and reported.
type reader struct {
	stream  *stream
	after   uint64 // sequence number of the last frame read
	f       *os.File
	segment uint64 // that f is
	offset  int64
	buf     []byte
	damage  func(place, []byte) // told of a damaged part; must not keep it
}

// chunk is how much is read at once where a batch does not need more.
const chunk = 256 << 10

// read returns the next frames, at most count of them and at most size bytes
// of lines, but at least one if there is any. They are valid until the next
// call.
func (r *reader) read(size, count int) ([]frame, error) {
	r.buf = r.buf[:0]
	var found []frame
	room := size
	for len(found) < count && room > 0 {
		end, err := r.locate()
		if err != nil {
			return nil, err
		}
		if r.offset >= end {
			return found, nil // there is no more
		}
		if found, err = r.readSome(found, end, &room, count); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// locate finds the segment to go on in, and how far it is published.
func (r *reader) locate() (end int64, err error) {
	for {
		one, ok := r.stream.find(r.segment, r.offset, r.after)
		if !ok {
			return 0, nil
		}
		if r.f != nil && one.first == r.segment {
			return one.size, nil
		}
		r.close()
		r.segment, r.offset = one.first, 0
		r.f, err = os.Open(r.stream.path(one.first))
		if err == nil {
			return one.size, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return 0, err
		}
		r.report(place{r.segment, 0}, nil)
		r.offset = one.size // it was removed: nothing more comes of it
		if last, _ := r.stream.find(r.segment, r.offset, r.after); last.first == one.first {
			return 0, nil
		}
	}
}

// find returns the segment that a reader who stands at offset in current reads
// next: that one, or the one behind it, or the one that holds the frame behind
// after. One that a failed write left empty is passed over.
func (s *stream) find(current uint64, offset int64, after uint64) (segment, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.segments) == 0 {
		return segment{}, false
	}
	if current == 0 {
		// The last that begins no later than the frame wanted.
		i, found := slices.BinarySearchFunc(s.segments, after+1, func(a segment, first uint64) int {
			return int(min(max(int64(a.first)-int64(first), -1), 1))
		})
		if !found && i > 0 {
			i--
		}
		current = s.segments[i].first
	}
	for _, one := range s.segments {
		if one.first == current && offset < one.size || one.first > current && one.size > 0 {
			return one, true
		}
	}
	return s.segments[len(s.segments)-1], true
}

// readSome reads a part of the segment and appends the frames in it.
func (r *reader) readSome(found []frame, end int64, room *int, count int) ([]frame, error) {
	from := len(r.buf)
	r.buf = slices.Grow(r.buf, min(max(min(*room, chunk), 2*maxFrame), int(end-r.offset)))
	part := r.buf[from:min(cap(r.buf), from+int(end-r.offset))]
	n, err := r.f.ReadAt(part, r.offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	part = part[:n]
	if n == 0 {
		r.offset = end // shorter than what was published: somebody cut it
		return found, nil
	}
	used := 0
	for used < len(part) && len(found) < count && *room > 0 {
		one, ok := parseFrame(part[used:])
		if !ok {
			n, whole := r.skip(part[used:], r.offset+int64(len(part)) >= end)
			if !whole {
				break
			}
			r.report(place{r.segment, r.offset + int64(used)}, part[used:used+n])
			used += n
			continue
		}
		used += one.size()
		if one.seq > r.after {
			found = append(found, one)
			r.after = one.seq
			*room -= len(one.line)
		}
	}
	r.offset += int64(used)
	r.buf = r.buf[:from+used]
	return found, nil
}

// skip returns how many bytes to pass over where b does not begin with a frame
// that is whole. It is false where the rest of the frame may just not be in b.
func (r *reader) skip(b []byte, last bool) (n int, ok bool) {
	if n := nextFrame(b); n > 0 {
		return n, true
	}
	if last {
		return len(b), true
	}
	if len(b) < maxFrame {
		return 0, false
	}
	return len(b) - maxFrame + 1, true // what follows may be the beginning of one
}

func (r *reader) report(at place, damage []byte) {
	if r.damage != nil {
		r.damage(at, damage)
	}
}

// lost estimates how many events a damaged part held: each is an object and ends
// in a newline.
func lost(damage []byte) uint64 { return uint64(max(bytes.Count(damage, []byte("}\n")), 1)) }

// waiting is how many bytes the reader has before it, at most.
func (r *reader) waiting() int64 { return r.stream.behind(place{r.segment, r.offset}, r.after) }

func (r *reader) close() {
	if r.f != nil {
		_ = r.f.Close() // it was only read
		r.f = nil
	}
}
