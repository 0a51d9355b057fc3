package tokens

import (
	"fmt"
	"mime"
	"net/http"
	"strings"
)

// Body returns the whole body of r without its content encodings, and leaves
// r.Body to be read again octet by octet. The error is ErrTooLarge for more
// than limit octets, or ErrUninspectable for a charset or an encoding that is
// not read; r.Body is then still whole.
func Body(r *http.Request, limit int64) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return nil, nil
	}
	for _, line := range r.Header["Content-Type"] {
		_, parameters, err := mime.ParseMediaType(line)
		if err != nil && strings.Contains(strings.ToLower(line), "charset") || !asASCII(parameters["charset"]) {
			return nil, fmt.Errorf("charset: %w", ErrUninspectable)
		}
	}
	if r.ContentLength > limit {
		return nil, ErrTooLarge
	}
	raw, err := buffer(r, limit)
	if err != nil {
		return nil, err
	}
	return decode(raw, r.Header["Content-Encoding"], limit)
}

// asASCII tells whether a charset spells names of ASCII as ASCII does.
func asASCII(charset string) bool {
	switch strings.ToLower(charset) {
	case "", "utf-8", "utf8", "us-ascii", "iso-8859-1", "windows-1252":
		return true
	}
	return false
}
