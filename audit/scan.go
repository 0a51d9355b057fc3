package audit

// Texts are looked through eight bytes at a time: nearly all of them turn out
// to need no escape and to hide nothing. Each test below sets the highest bit
// of bytes it is for. Where a bit is set, those above it may be wrong, for a
// borrow runs upwards; the lowest one is right.

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

// loadShort returns the bytes of a text of 1 to 7, some of them twice.
func loadShort(s string) uint64 {
	if n := len(s); n < 4 {
		first, middle, last := uint64(s[0]), uint64(s[n/2]), uint64(s[n-1])
		return 0x0101010101000000*'a' | last<<16 | middle<<8 | first
	}
	_ = s[3]
	end := s[len(s)-4:]
	_ = end[3]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(end[0])<<32 | uint64(end[1])<<40 | uint64(end[2])<<48 | uint64(end[3])<<56
}

// special is for bytes that do not stand for themselves in a JSON text: below
// the blank, quotation mark, backslash, DEL, and what is not ASCII.
func special(w uint64) uint64 {
	return w | (w - ones*' ') | (w ^ ones*'"' - ones) | (w ^ ones*'\\' - ones) | (w + ones)
}

// hint is for bytes without which nothing looks like a credential but what
// comes after the name of a scheme: a parameter's equals sign, percent-encoding,
// the J of eyJ.
func hint(w uint64) uint64 {
	return ((w ^ ones*'=' - ones) | (w ^ ones*'%' - ones) | (w ^ ones*'J' - ones)) &^ w
}

// blank is for what comes between a scheme and a credential.
func blank(w uint64) uint64 { return ((w ^ ones*' ' - ones) | (w ^ ones*'+' - ones)) &^ w }

// ordinary reports whether s is ASCII that stands for itself in a JSON text.
func ordinary(s string) bool {
	if len(s) < 8 {
		return len(s) == 0 || special(loadShort(s))&highs == 0
	}
	found := special(load(s, len(s)-8))
	for i := 0; i+8 < len(s); i += 8 {
		found |= special(load(s, i))
	}
	return found&highs == 0
}

// look reports whether s is ordinary, and whether there may be something in it
// to redact, which most texts do not have.
func look(s string) (plain, suspect bool) {
	if len(s) < 8 {
		if len(s) == 0 {
			return true, false
		}
		w := loadShort(s) // too short for a scheme and something behind it
		return special(w)&highs == 0, hint(w)&highs != 0
	}
	w := load(s, len(s)-8)
	odd, hints, blanks := special(w), hint(w), blank(w)
	for i := 0; i+8 < len(s); i += 8 {
		w = load(s, i)
		odd |= special(w)
		hints |= hint(w)
		blanks |= blank(w)
	}
	return odd&highs == 0, hints&highs != 0 || blanks&highs != 0 && namesScheme(s)
}

// namesScheme reports whether a blank in s, which has at least eight bytes,
// comes after a letter that ends the name of an authentication scheme: bearer,
// basic.
func namesScheme(s string) bool {
	for i := 0; ; i += 8 {
		i = min(i, len(s)-8)
		w := load(s, i)
		before := w << 8
		if i > 0 {
			before |= uint64(s[i-1])
		}
		before |= ones * 0x20 // lower case
		if blank(w)&((before^ones*'r'-ones)|(before^ones*'c'-ones))&highs != 0 {
			return true
		}
		if i == len(s)-8 {
			return false
		}
	}
}
