package audit

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
)

// A frame is one event in the spool: a header of 16 bytes, little endian, and
// the event's line as it is in the events file, newline included.
//
//	0  length of the line, 24 bits, and the number of this format, 8 bits
//	4  CRC-32C (Castagnoli) of the header's other bytes and the line
//	8  sequence number, 64 bits
//
// A line has one newline, its last byte. Where a frame is damaged, the next
// begins behind one of the newlines that follow.
type frame struct {
	seq  uint64
	line []byte
}

const (
	frameHeader = 16
	frameFormat = 1
	maxFrame    = frameHeader + maxLine
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// appendFrame sums up the frame in one go: until that is done, its head stands
// where the sum goes.
func appendFrame(b []byte, seq uint64, line []byte) []byte {
	from := len(b)
	head := uint32(len(line)) | frameFormat<<24
	b = append(b, 0, 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, head)
	b = binary.LittleEndian.AppendUint64(b, seq)
	b = append(b, line...)
	sum := crc32.Checksum(b[from+4:], castagnoli)
	binary.LittleEndian.PutUint32(b[from:], head)
	binary.LittleEndian.PutUint32(b[from+4:], sum)
	return b
}

// frameSum is the checksum of the frame that b is.
func frameSum(b []byte) uint32 {
	return crc32.Update(crc32.Update(0, castagnoli, b[:4]), castagnoli, b[8:])
}

func (f frame) size() int { return frameHeader + len(f.line) }

// parseFrame reads the frame that b begins with.
func parseFrame(b []byte) (f frame, ok bool) {
	if len(b) < frameHeader {
		return frame{}, false
	}
	head := binary.LittleEndian.Uint32(b)
	n := int(head & 0xffffff)
	if head>>24 != frameFormat || n == 0 || n > maxLine || frameHeader+n > len(b) {
		return frame{}, false
	}
	b = b[:frameHeader+n]
	if b[len(b)-1] != '\n' || binary.LittleEndian.Uint32(b[4:]) != frameSum(b) {
		return frame{}, false
	}
	return frame{binary.LittleEndian.Uint64(b[8:]), b[frameHeader:]}, true
}

// nextFrame returns where the first whole frame after the damaged one at the
// beginning of b begins, or -1.
func nextFrame(b []byte) int {
	for at := 0; ; {
		n := bytes.IndexByte(b[at:], '\n')
		if n < 0 {
			return -1
		}
		at += n + 1
		if _, ok := parseFrame(b[at:]); ok {
			return at
		}
	}
}
