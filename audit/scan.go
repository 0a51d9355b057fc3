package audit

import "math/bits"

// Texts are looked through eight bytes at a time: nearly all of them turn out
// to need no escape and to hide nothing.

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// load returns s[i:i+8], its first byte lowest.
func load(s string, i int) uint64 {
	_ = s[i+7]
	return uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
		uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
}

// equal sets the highest bit of bytes of w that are c. The lowest one set is
// right; those above it may be wrong, because a borrow runs upwards.
func equal(w uint64, c byte) uint64 {
	w ^= ones * uint64(c)
	return (w - ones) &^ w & highs
}

// below does the same for bytes that are less than c, which is at most 0x80.
func below(w uint64, c byte) uint64 { return (w - ones*uint64(c)) &^ w & highs }

// special sets the highest bit of bytes that do not stand for themselves in a
// JSON text, as equal does.
func special(w uint64) uint64 {
	return w&highs | below(w, ' ') | equal(w, '"') | equal(w, '\\') | equal(w, 0x7f)
}

// ordinary returns how many bytes at the start of s are ASCII that stands for
// itself in a JSON text.
func ordinary(s string) int {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		if m := special(load(s, i)); m != 0 {
			return i + bits.TrailingZeros64(m)/8
		}
	}
	if last := len(s) - 8; last >= 0 { // the rest, and again some of what was clean
		return last + bits.TrailingZeros64(special(load(s, last)))/8
	}
	for i < len(s) && s[i] < 0x80 && plain[s[i]] {
		i++
	}
	return i
}

// suspicious says quickly that most texts have nothing to redact: no parameter,
// no percent-encoding, nothing of eyJ, and no blank after the last letter of
// bearer or basic.
func suspicious(s string) bool {
	if len(s) < 8 {
		return true // so short that looking closely costs less
	}
	for i := 0; ; i += 8 {
		i = min(i, len(s)-8)
		w := load(s, i)
		if equal(w, '=')|equal(w, '%')|equal(w, 'J') != 0 {
			return true
		}
		if equal(w, ' ')|equal(w, '+') != 0 && endsScheme(s, i, i+8) {
			return true
		}
		if i == len(s)-8 {
			return false
		}
	}
}

// endsScheme reports whether a blank in s[from:to] comes after a letter that
// ends the name of an authentication scheme.
func endsScheme(s string, from, to int) bool {
	for i := max(from, 1); i < to; i++ {
		if s[i] != ' ' && s[i] != '+' {
			continue
		}
		if c := s[i-1] | 0x20; c == 'r' || c == 'c' {
			return true
		}
	}
	return false
}
