package links

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Bounds of one body.
const (
	maxDepth = 100
	maxNodes = 200_000
)

var (
	errJSON  = errors.New("not JSON")
	errDeep  = errors.New("nested too deep")
	errLarge = errors.New("too many values")
)

// node is one value of a JSON text.
type node struct {
	kind byte   // '{', '[', '"', or 'w' for a number, true, false, null
	key  string // its name, in an object
	text string
	kids []*node
}

// reader reads JSON as Resource Manager does, which is with Json.NET: comments,
// single quotes, names without quotes and a comma before the end are taken.
// Azure CLI counts on it: it sends a deployment's template under a name without
// quotes, comments included (azure-cli, resource/custom.py). Names that come
// twice are all kept, so that it does not matter which of them counts.
type reader struct {
	s     string
	at    int
	nodes int
}

// read returns the object that body is; nil for an empty body.
func read(body []byte) (*node, error) {
	r := &reader{s: strings.TrimPrefix(string(body), "\ufeff")}
	if !utf8.ValidString(r.s) {
		return nil, errJSON
	}
	if err := r.blank(); err != nil || r.at == len(r.s) {
		return nil, err
	}
	n, err := r.value(0)
	if err != nil {
		return nil, err
	}
	if err := r.blank(); err != nil {
		return nil, err
	}
	if r.at < len(r.s) || n.kind != '{' && n.text != "null" {
		return nil, errJSON
	}
	return n, nil
}

// blank passes over white space and comments.
func (r *reader) blank() error {
	for r.at < len(r.s) {
		rest := r.s[r.at:]
		switch {
		case strings.IndexByte(" \t\r\n", rest[0]) >= 0:
			r.at++
		case strings.HasPrefix(rest, "//"):
			end := strings.IndexAny(rest, "\r\n")
			if end < 0 {
				end = len(rest)
			}
			r.at += end
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				return errJSON
			}
			r.at += end + 4
		default:
			return nil
		}
	}
	return nil
}

// next passes over blanks and returns the octet that stands there; 0 at the end.
func (r *reader) next() (byte, error) {
	err := r.blank()
	if err != nil || r.at == len(r.s) {
		return 0, err
	}
	return r.s[r.at], nil
}

func (r *reader) value(depth int) (*node, error) {
	if depth > maxDepth {
		return nil, errDeep
	}
	if r.nodes++; r.nodes > maxNodes {
		return nil, errLarge
	}
	c, err := r.next()
	if err != nil {
		return nil, err
	}
	switch c {
	case '{', '[':
		return r.list(c, depth)
	case '"', '\'':
		text, err := r.quoted()
		return &node{kind: '"', text: text}, err
	}
	text := r.word()
	if text == "" {
		return nil, errJSON
	}
	return &node{kind: 'w', text: text}, nil
}

// list reads an object or an array.
func (r *reader) list(open byte, depth int) (*node, error) {
	n := &node{kind: open}
	r.at++
	for {
		c, err := r.next()
		if err != nil {
			return nil, err
		}
		switch c {
		case 0:
			return nil, errJSON
		case open + 2: // ] is [+2, } is {+2
			r.at++
			return n, nil
		}
		kid, err := r.entry(open, depth)
		if err != nil {
			return nil, err
		}
		n.kids = append(n.kids, kid)
		c, err = r.next()
		switch {
		case err != nil:
			return nil, err
		case c == ',':
			r.at++
		case c != open+2:
			return nil, errJSON
		}
	}
}

// entry reads a value and, in an object, its name.
func (r *reader) entry(open byte, depth int) (*node, error) {
	if open == '[' {
		return r.value(depth + 1)
	}
	var key string
	var err error
	if c := r.s[r.at]; c == '"' || c == '\'' {
		key, err = r.quoted()
	} else if key = r.word(); key == "" {
		err = errJSON
	}
	if err != nil {
		return nil, err
	}
	c, err := r.next()
	if err != nil || c != ':' {
		return nil, errJSON
	}
	r.at++
	n, err := r.value(depth + 1)
	if err != nil {
		return nil, err
	}
	n.key = key
	return n, nil
}

// word reads what stands without quotes: a name, a number, true, false, null.
func (r *reader) word() string {
	start := r.at
	for r.at < len(r.s) {
		c := r.s[r.at]
		if !('0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || strings.IndexByte("+-._$", c) >= 0) {
			break
		}
		r.at++
	}
	return r.s[start:r.at]
}

// quoted reads a string in either kind of quotes.
func (r *reader) quoted() (string, error) {
	quote := r.s[r.at]
	r.at++
	start := r.at
	var b strings.Builder
	for r.at < len(r.s) {
		switch c := r.s[r.at]; c {
		case quote:
			text := r.s[start:r.at]
			r.at++
			if b.Len() == 0 {
				return text, nil
			}
			return b.String() + text, nil
		case 0:
			return "", errJSON
		case '\\':
			b.WriteString(r.s[start:r.at])
			char, err := r.escape()
			if err != nil {
				return "", err
			}
			b.WriteRune(char)
			start = r.at
		default:
			r.at++
		}
	}
	return "", errJSON
}

// escapes are the escapes of one letter, in pairs: RFC 8259, 7, and Json.NET's \'.
const escapes = `""\\//''` + "b\bf\fn\nr\rt\t"

func (r *reader) escape() (rune, error) {
	rest := r.s[r.at+1:]
	if rest == "" {
		return 0, errJSON
	}
	for i := 0; i < len(escapes); i += 2 {
		if rest[0] == escapes[i] {
			r.at += 2
			return rune(escapes[i+1]), nil
		}
	}
	first, ok := unit(rest)
	if !ok {
		return 0, errJSON
	}
	r.at += 6
	if !utf16.IsSurrogate(first) {
		return first, nil
	}
	if strings.HasPrefix(r.s[r.at:], `\`) {
		if second, ok := unit(r.s[r.at+1:]); ok {
			if whole := utf16.DecodeRune(first, second); whole != utf8.RuneError {
				r.at += 6
				return whole, nil
			}
		}
	}
	return utf8.RuneError, nil
}

// unit reads a u and the four hexadecimal digits behind it.
func unit(s string) (rune, bool) {
	if len(s) < 5 || s[0] != 'u' {
		return 0, false
	}
	v, err := strconv.ParseUint(s[1:5], 16, 16)
	return rune(v), err == nil
}

// named returns the values of n under name, which may be spelled in any case.
func (n *node) named(name string) []*node {
	if n == nil || n.kind != '{' {
		return nil
	}
	var all []*node
	for _, k := range n.kids {
		if strings.EqualFold(k.key, name) {
			all = append(all, k)
		}
	}
	return all
}

// at returns the values at the end of a way through objects.
func (n *node) at(way ...string) []*node {
	all := []*node{n}
	for _, name := range way {
		var deeper []*node
		for _, k := range all {
			deeper = append(deeper, k.named(name)...)
		}
		all = deeper
	}
	return all
}
