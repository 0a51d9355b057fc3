package console

import (
	"fmt"
	"unicode"
	"unicode/utf8"
)

// legible rewrites a line of JSON so that each control character and each mark
// that has no shape of its own, such as U+202E that turns the direction of
// writing, is shown by its escape instead of taking effect.
func legible(line []byte) []byte {
	out := make([]byte, 0, len(line))
	for i := 0; i < len(line); {
		r, size := utf8.DecodeRune(line[i:])
		switch {
		case r == '\\' && i+1 < len(line):
			size = 2
			if next := line[i+1]; next != '\\' && next != '"' && next != '/' {
				out = append(out, '\\')
			}
			out = append(out, line[i:i+size]...)
		case r >= utf8.RuneSelf && !unicode.IsGraphic(r):
			out = fmt.Appendf(out, `\\u%04x`, r)
		default:
			out = append(out, line[i:i+size]...)
		}
		i += size
	}
	return out
}
