package tokens

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// decoder returns r with the content encodings of a body undone, last one
// first (RFC 9110, 8.4). It reads the beginning of r.
func decoder(r io.Reader, lines []string) (io.Reader, error) {
	codings := codingsOf(lines)
	if len(codings) > maxEncodings {
		return nil, fmt.Errorf("content encodings: %w", ErrUninspectable)
	}
	for i := len(codings) - 1; i >= 0; i-- {
		var err error
		if r, err = undone(codings[i], r); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// undone undoes one coding. Browsers ask for br and zstd and get them (RFC 7932,
// RFC 8878).
func undone(coding string, r io.Reader) (io.Reader, error) {
	var err error
	switch coding {
	case "gzip", "x-gzip":
		r, err = gzip.NewReader(r)
	case "br":
		r = lenient{brotli.NewReader(r)}
	case "zstd":
		r, err = unzstd(r)
	case "deflate":
		start := bufio.NewReader(r)
		head, _ := start.Peek(2)
		if len(head) == 2 && head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
			r, err = zlib.NewReader(start) // RFC 1950, 2.2
		} else {
			r = flate.NewReader(start)
		}
	default:
		return nil, fmt.Errorf("content encoding: %w", ErrUninspectable)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", coding, ErrUninspectable)
	}
	return r, nil
}

// maxWindow is the most memory that the decoder of a zstd stream may be told to
// keep; RFC 9659, 3 forbids more of a body in HTTP.
const maxWindow = 8 << 20

// unzstd decodes without a goroutine of its own, so that nothing is left
// behind where nobody reads to the end.
func unzstd(r io.Reader) (io.Reader, error) {
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}

// lenient takes a brotli stream that was decoded to its end for whole. The
// decoder calls it an error if bytes follow, and, by a fault of v1.2.8, in a few
// cases where none do and the input came in small pieces. A client shows what
// was decoded either way. Should the words ever change, the body is
// uninspectable.
type lenient struct{ *brotli.Reader }

// Read implements io.Reader.
func (l lenient) Read(p []byte) (int, error) {
	n, err := l.Reader.Read(p)
	if err != nil && err.Error() == "brotli: excessive input" {
		err = io.EOF
	}
	return n, err
}

// Decodable tells whether an answer in this content encoding can be looked
// into. "*" asks for any, which is none in particular.
func Decodable(coding string) bool {
	switch strings.ToLower(coding) {
	case "gzip", "x-gzip", "br", "deflate", "identity":
		return true
	}
	return false
}
