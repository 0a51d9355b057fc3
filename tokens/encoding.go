package tokens

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// maxEncodings is how many content encodings may be stacked.
const maxEncodings = 2

// decode undoes the content encodings of a body, last one first (RFC 9110,
// 8.4). An encoding that is not known makes the body uninspectable. Only what
// is decoded counts against limit: what a bomb unpacks to is never held.
func decode(raw []byte, lines []string, limit int64) ([]byte, error) {
	if len(lines) == 0 {
		return raw, nil
	}
	r, err := decoder(bytes.NewReader(raw), lines)
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("content encoding: %w", ErrUninspectable)
	}
	if int64(len(plain)) > limit {
		return nil, ErrTooLarge
	}
	return plain, nil
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
