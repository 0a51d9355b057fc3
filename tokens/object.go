package tokens

import (
	"encoding/json"
	"iter"
)

// maxDepth is how deep objects and arrays may be nested in what is read.
const maxDepth = 64

// members iterates over the top-level members of an object that is known to
// be valid JSON: names decoded, values as they are written. encoding/json has
// no way to see a name twice.
func members(object []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for i := blank(object, 0) + 1; ; i++ { // past the brace, past each comma
			i = blank(object, i)
			if i >= len(object) || object[i] != '"' {
				return
			}
			end := skip(object, i)
			name := unquote(object[i:end])
			i = blank(object, blank(object, end)+1) // past the colon
			end = skip(object, i)
			if !yield(name, object[i:end]) {
				return
			}
			i = blank(object, end)
		}
	}
}

// skip returns the index after the value that starts at i.
func skip(b []byte, i int) int {
	open := 0
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			i = quoted(b, i)
			if open == 0 {
				return i + 1
			}
		case '{', '[':
			open++
		case '}', ']':
			open--
			if open < 0 {
				return i
			}
		case ',', ' ', '\t', '\r', '\n':
			if open == 0 {
				return i
			}
		}
	}
	return len(b)
}

// quoted returns the index of the quote that closes the string at i.
func quoted(b []byte, i int) int {
	for i++; i < len(b) && b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return min(i, len(b)-1)
}

func blank(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\r' || b[i] == '\n') {
		i++
	}
	return i
}

// depth returns how deep valid JSON is nested.
func depth(b []byte) int {
	open, most := 0, 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			i = quoted(b, i)
		case '{', '[':
			open++
			most = max(most, open)
		case '}', ']':
			open--
		}
	}
	return most
}

func unquote(b []byte) string {
	var s string
	if json.Unmarshal(b, &s) != nil {
		return ""
	}
	return s
}
