package tokens

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"strings"
)

// maxEncodings is how many content encodings may be stacked.
const maxEncodings = 2

// decode undoes the content encodings of a body, last one first (RFC 9110,
// 8.4). An encoding that is not known makes the body uninspectable.
func decode(raw []byte, lines []string, limit int64) ([]byte, error) {
	codings := codingsOf(lines)
	if len(codings) > maxEncodings {
		return nil, fmt.Errorf("content encodings: %w", ErrUninspectable)
	}
	for i := len(codings) - 1; i >= 0; i-- {
		var err error
		if raw, err = undo(codings[i], raw, limit); err != nil {
			return nil, err
		}
	}
	return raw, nil
}

// codingsOf returns the content encodings that were applied, in order.
func codingsOf(lines []string) []string {
	var codings []string
	for coding := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		coding = strings.ToLower(strings.TrimSpace(coding))
		if coding != "" && coding != "identity" {
			codings = append(codings, coding)
		}
	}
	return codings
}

func undo(coding string, raw []byte, limit int64) ([]byte, error) {
	var r io.Reader
	var err error
	switch coding {
	case "gzip", "x-gzip":
		r, err = gzip.NewReader(bytes.NewReader(raw))
	case "deflate":
		// zlib by RFC 9110, 8.4.1.2, bare deflate by habit.
		if r, err = zlib.NewReader(bytes.NewReader(raw)); err != nil {
			r, err = flate.NewReader(bytes.NewReader(raw)), nil
		}
	default:
		return nil, fmt.Errorf("content encoding: %w", ErrUninspectable)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", coding, ErrUninspectable)
	}
	plain, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", coding, ErrUninspectable)
	}
	if int64(len(plain)) > limit {
		return nil, ErrTooLarge
	}
	return plain, nil
}
