package tokens

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
)

// stored is a block of DEFLATE without compression (RFC 1951, 3.2.4); the high
// bits of first are padding.
func stored(first byte, text string) []byte {
	block := []byte{first, 0, 0, 0, 0}
	binary.LittleEndian.PutUint16(block[1:], uint16(len(text)))
	binary.LittleEndian.PutUint16(block[3:], ^uint16(len(text)))
	return append(block, text...)
}

// windowed is a frame of zstd that asks for a window (RFC 8878, 3.1.1.1.2).
func windowed(window byte, text string) []byte {
	block := uint32(len(text))<<3 | 1 // the last, and raw
	return append([]byte{0x28, 0xb5, 0x2f, 0xfd, 0, window, byte(block), byte(block >> 8), byte(block >> 16)}, text...)
}

// Some clients read one coding in several forms, and so is it read here.
func TestACodingIsReadAsAClientWould(t *testing.T) {
	text := strings.Repeat("x", 23)
	last := stored(1, "")
	compressed := encoded(t, "br", text)
	for name, c := range map[string]struct {
		coding string
		sent   []byte
		want   string
		err    error
	}{
		"deflate without a header":                   {"deflate", append(stored(0, text), last...), text, nil},
		"whose padding looks like a method of zlib":  {"deflate", append(stored(8, text), last...), text, nil},
		"whose length looks like a checksum of zlib": {"deflate", stored(1, text), text, nil},
		"one octet":                              {"deflate", []byte{8}, "", ErrUninspectable},
		"a header of zlib and nothing behind it": {"deflate", []byte{0x78, 0x9c}, "", ErrUninspectable},
		"no header of gzip":                      {"gzip", []byte("gzip"), "", ErrUninspectable},
		"twice":                                  {"gzip, deflate", encode(t, []string{"gzip", "deflate"}, []byte(text)), text, nil},
		"once by another name":                   {"X-GZip, identity,", encode(t, []string{"gzip"}, []byte(text)), text, nil},
		"three times":                            {"gzip, gzip, gzip", encode(t, []string{"gzip", "gzip", "gzip"}, []byte(text)), "", ErrUninspectable},
		"a coding nobody knows":                  {"aes128gcm", []byte(text), "", ErrUninspectable},
		"none":                                   {"identity", []byte(text), text, nil},
		"brotli with something behind it":        {"br", append(bytes.Clone(compressed), "more"...), text, nil},
		"brotli that is cut off":                 {"br", compressed[:len(compressed)-1], "", ErrUninspectable},
		"zstd with the largest window":           {"zstd", windowed(13<<3, text), text, nil},
		"zstd with a larger one":                 {"zstd", windowed(13<<3|1, text), "", ErrUninspectable},
	} {
		got, err := decode(c.sent, []string{c.coding}, 1<<10)
		if string(got) != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if _, err := decode(c.sent, []string{c.coding}, 22); c.err == nil && !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: 23 octets are not more than 22: %v", name, err)
		}
		if got, err := decode(c.sent, []string{c.coding}, 23); c.err == nil && (len(got) != 23 || err != nil) {
			t.Errorf("%s: 23 octets are more than 23: %v", name, err)
		}
		body := &passing{from: io.NopCloser(bytes.NewReader(c.sent)), codings: []string{c.coding}, limit: 1 << 10}
		if got, err := body.whole(1 << 10); string(got) != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s, of an answer: %q, %v", name, got, err)
		}
	}
}
