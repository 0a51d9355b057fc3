package audit

// Texts are looked through eight bytes at a time: nearly all of them turn out
// to need no escape and to hide nothing. Each test below sets the highest bit
// of bytes it is for. Where a bit is set, those above it may be wrong, for a
// borrow runs upwards; the lowest one is right.

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// load returns the first eight bytes of s, the first of them lowest. Loops cut
// what they have read off s, which spares them a test for every byte.
func load(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// store writes w to the first eight bytes of b, its lowest byte first. There is
// one more byte behind them: a loop may then cut eight off b without a test.
func store(b []byte, w uint64) {
	_ = b[8]
	b[0], b[1], b[2], b[3] = byte(w), byte(w>>8), byte(w>>16), byte(w>>24)
	b[4], b[5], b[6], b[7] = byte(w>>32), byte(w>>40), byte(w>>48), byte(w>>56)
}

// loadShort returns the bytes of a text of 1 to 7, some of them twice.
func loadShort(s string) uint64 {
	if len(s) >= 4 {
		return uint64(load4(s)) | uint64(load4(s[len(s)-4:]))<<32
	}
	return uint64(s[0]) | uint64(s[len(s)/2])<<8 | uint64(s[len(s)-1])<<16 | 0x0101010101000000*'a'
}

func load4(s string) uint32 {
	_ = s[3]
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
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

// unusual is for bytes that special, hint or blank are for, and for some more,
// which saves steps: those before the comma; J, the backslash and what else is ^
// but for bits of 0x16 (HJLNXZ\^); the equals sign, DEL and what else is DEL but
// for bits of 0x42 (=?}); what is not ASCII.
func unusual(w uint64) uint64 {
	return w | (w - ones*',') | ((w | ones*0x16) ^ ones*0x5e - ones) | ((w | ones*0x42) + ones)
}

// ordinary reports whether s is ASCII that stands for itself in a JSON text.
func ordinary(s string) bool {
	if len(s) < 8 {
		return len(s) == 0 || special(loadShort(s))&highs == 0
	}
	found := special(load(s[len(s)-8:]))
	for ; len(s) > 8; s = s[8:] {
		found |= special(load(s))
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
	w := load(s[len(s)-8:])
	odd, hints, blanks := special(w), hint(w), blank(w)
	for rest := s; len(rest) > 8; rest = rest[8:] {
		w = load(rest)
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
		w := load(s[i:])
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
