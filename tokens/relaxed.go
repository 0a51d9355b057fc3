package tokens

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// relaxed tells whether a request is read with Json.NET's liberties: Azure CLI
// posts a deployment to be validated with its template under a name without
// quotes, comments included (azure-cli, resource/custom.py), and Resource
// Manager takes it.
func relaxed(u *url.URL) bool {
	return strings.Contains(strings.ToLower(u.Path), "/providers/microsoft.resources/")
}

// strict rewrites a text with such liberties as RFC 8259 has it: comments,
// single quotes, names without quotes, line breaks in strings, a comma before
// the end. It returns false for anything else that is not JSON.
func strict(text []byte) ([]byte, bool) {
	out := make([]byte, 0, len(text)+len(text)/16)
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '"' || c == '\'':
			end := closing(text, i)
			if end < 0 {
				return nil, false
			}
			out = requote(out, text[i+1:end])
			i = end + 1
		case c == '/':
			end := pass(text, i)
			if end == i {
				return nil, false
			}
			out, i = append(out, ' '), end
		case c == ',':
			i++
			if next := pass(text, i); next == len(text) || text[next] != '}' && text[next] != ']' {
				out = append(out, ',')
			}
		case bytes.IndexByte([]byte("{}[]: \t\r\n"), c) >= 0:
			out = append(out, c)
			i++
		default:
			end := i
			for end < len(text) && bare(text[end]) {
				end++
			}
			if end == i {
				return nil, false
			}
			if next := pass(text, end); next < len(text) && text[next] == ':' {
				out = requote(out, text[i:end])
			} else {
				out = append(out, text[i:end]...)
			}
			i = end
		}
	}
	return out, json.Valid(out)
}

// bare tells whether c can stand in a word without quotes.
func bare(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || strings.IndexByte("+-._$", c) >= 0
}

// pass returns where white space and comments that stand at i end.
func pass(text []byte, i int) int {
	for i < len(text) {
		rest := text[i:]
		end := -1
		switch {
		case bytes.IndexByte([]byte(" \t\r\n"), rest[0]) >= 0:
			end = 0
		case bytes.HasPrefix(rest, []byte("//")):
			if end = bytes.IndexAny(rest, "\r\n"); end < 0 {
				return len(text)
			}
		case bytes.HasPrefix(rest, []byte("/*")):
			if end = bytes.Index(rest[2:], []byte("*/")); end >= 0 {
				end += 3
			}
		}
		if end < 0 {
			return i
		}
		i += end + 1
	}
	return i
}

// closing returns where the string that opens at i closes; -1 if it does not.
func closing(text []byte, i int) int {
	quote := text[i]
	for i++; i < len(text); i++ {
		switch text[i] {
		case quote:
			return i
		case '\\':
			i++
		}
	}
	return -1
}

// requote appends the inside of a string in double quotes.
func requote(out, inside []byte) []byte {
	out = append(out, '"')
	for i := 0; i < len(inside); i++ {
		switch c := inside[i]; {
		case c == '\\': // closing has seen what follows
			if i++; inside[i] != '\'' {
				out = append(out, c)
			}
			out = append(out, inside[i])
		case c == '"':
			out = append(out, '\\', '"')
		case c < 0x20:
			out = fmt.Appendf(out, `\u%04x`, c)
		default:
			out = append(out, c)
		}
	}
	return append(out, '"')
}
