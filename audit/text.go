package audit

import (
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// text writes a text that a client may have chosen: cut to limit, without
// anything that looks like a credential, and escaped. Of a text that is not
// UTF-8 the bytes are noted in hex beside it.
func (x *encoder) text(field, s string, limit int) {
	s = x.cut(s, limit)
	if x.usual(s) {
		return
	}
	ordinary, suspect := look(s)
	if suspect {
		s = x.cut(redact(s), limit)
	} else if ordinary {
		x.b = appendQuoted(x.b, s)
		return
	}
	var valid bool
	x.b, valid = appendString(x.b, s)
	if valid {
		return
	}
	if len(x.originals) == x.lim.originals {
		x.truncated = true
		return
	}
	x.originals = append(x.originals, original{field, s})
}

// word writes a text of the proxy's own, or one that has been through a strict
// parser. It is escaped and cut all the same.
func (x *encoder) word(s string) {
	if len(s) <= x.lim.claim && x.usual(s) {
		return
	}
	x.b, _ = appendString(x.b, x.cut(s, x.lim.claim))
}

// usual writes a text that has nothing unusual, as most do: it needs no
// escape, and there is nothing in it to redact. It copies while it looks.
func (x *encoder) usual(s string) bool {
	from, end := len(x.b), len(x.b)+len(s)+2
	if end > cap(x.b) {
		return false
	}
	to := x.b[from:end]
	to[0], to[len(to)-1] = '"', '"'
	if len(s) < 8 {
		copy(to[1:], s)
		if len(s) > 0 && unusual(loadShort(s))&highs != 0 {
			return false
		}
		x.b = x.b[:end]
		return true
	}
	w := load(s[len(s)-8:])
	store(to[len(to)-9:], w)
	found := unusual(w)
	for to = to[1:]; len(s) > 8; s, to = s[8:], to[8:] {
		w = load(s)
		store(to, w)
		found |= unusual(w)
	}
	if found&highs != 0 {
		return false
	}
	x.b = x.b[:end]
	return true
}

// cut shortens s to at most limit bytes, between two characters.
func (x *encoder) cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	x.truncated = true
	for back := range utf8.UTFMax {
		if utf8.RuneStart(s[limit-back]) {
			return s[:limit-back]
		}
	}
	return s[:limit] // not UTF-8
}

// withoutQuery returns path up to the first question mark or number sign, which
// a caller may have left in.
func withoutQuery(path string) string {
	if i := strings.IndexByte(path, '?'); i >= 0 {
		path = path[:i]
	}
	if i := strings.IndexByte(path, '#'); i >= 0 {
		path = path[:i]
	}
	return path
}

const hexDigits = "0123456789abcdef"

// plain says which ASCII characters stand for themselves in a JSON text.
var plain = func() (t [utf8.RuneSelf]bool) {
	for c := ' '; c < 0x7f; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// appendString appends s as a JSON text on one line that no terminal, editor
// or log viewer acts upon: control characters of both sets, line separators
// and format characters (bidirectional controls, zero-width ones) are escaped.
// Each byte that is not UTF-8 becomes U+FFFD, and valid is false.
func appendString(b []byte, s string) (_ []byte, valid bool) {
	if ordinary(s) {
		return appendQuoted(b, s), true
	}
	valid = true
	b = append(b, '"')
	from, i := 0, 0 // s[from:i] needs no escape
	for i < len(s) {
		if c := s[i]; c < utf8.RuneSelf {
			if !plain[c] {
				b = append(b, s[from:i]...)
				b = appendASCII(b, c)
				from = i + 1
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		bad := r == utf8.RuneError && n == 1
		if bad || hidden(r) {
			b = append(b, s[from:i]...)
			b = appendRune(b, r)
			from = i + n
			valid = valid && !bad
		}
		i += n
	}
	b = append(b, s[from:]...)
	return append(b, '"'), valid
}

// appendQuoted appends a text that needs no escape.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// hidden reports whether r acts instead of showing.
func hidden(r rune) bool {
	return r <= 0x9f || r == 0x2028 || r == 0x2029 || unicode.Is(unicode.Cf, r)
}

func appendASCII(b []byte, c byte) []byte {
	if c == '"' || c == '\\' {
		return append(b, '\\', c)
	}
	return appendUnit(b, uint16(c))
}

func appendRune(b []byte, r rune) []byte {
	if r <= 0xffff {
		return appendUnit(b, uint16(r))
	}
	high, low := utf16.EncodeRune(r)
	return appendUnit(appendUnit(b, uint16(high)), uint16(low))
}

func appendUnit(b []byte, u uint16) []byte {
	return append(b, '\\', 'u', hexDigits[u>>12], hexDigits[u>>8&0xf], hexDigits[u>>4&0xf], hexDigits[u&0xf])
}
