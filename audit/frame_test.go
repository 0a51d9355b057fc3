package audit

import (
	"bytes"
	"slices"
	"testing"
)

func TestEverySingleBitOfAFrameIsChecked(t *testing.T) {
	whole := appendFrame(nil, 42, line(blocked()))
	if f, ok := parseFrame(whole); !ok || f.seq != 42 || !bytes.Equal(f.line, line(blocked())) {
		t.Fatalf("parseFrame = %d, %v", f.seq, ok)
	}
	for i := range whole {
		for bit := range 8 {
			changed := slices.Clone(whole)
			changed[i] ^= 1 << bit
			if _, ok := parseFrame(changed); ok {
				t.Errorf("bit %d of byte %d does not matter", bit, i)
			}
		}
	}
	for n := range whole {
		if _, ok := parseFrame(whole[:n]); ok {
			t.Errorf("%d of %d bytes are a frame", n, len(whole))
		}
	}
}

// Whatever the bytes between two frames, the second is found, and nothing is
// invented.
func FuzzTheNextFrameIsFoundBehindDamage(f *testing.F) {
	whole := appendFrame(nil, 7, line(blocked()))
	f.Add([]byte("rubbish\n"))
	f.Add(make([]byte, 300))
	f.Add(whole[:50])
	f.Add(whole[:len(whole)-1])
	f.Add(append([]byte{0xff}, whole...))
	f.Fuzz(func(t *testing.T, damage []byte) {
		if _, ok := parseFrame(damage); ok {
			t.Skip("no damage")
		}
		if len(damage) > maxLine {
			t.Skip("longer than a frame")
		}
		text := slices.Concat(damage, []byte{'\n'}, whole)
		if _, ok := parseFrame(text); ok {
			t.Skip("it was completed")
		}
		at := nextFrame(text)
		found, ok := parseFrame(text[max(at, 0):])
		if at < 0 || !ok {
			t.Fatalf("nothing is found")
		}
		if at == len(damage)+1 && found.seq != 7 {
			t.Errorf("frame %d", found.seq)
		}
	})
}
