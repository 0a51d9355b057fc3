package main

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"slices"
)

// edit puts text at an offset in place of cut bytes.
type edit struct {
	at, cut int
	text    string
	after   bool // ends what stands before the offset
	order   int
}

// wrap puts text before and after the node. What is outside must be wrapped first.
func (s *source) wrap(f *token.File, n ast.Node, before, after string) {
	s.edits = append(s.edits,
		edit{at: f.Offset(n.Pos()), text: before, order: len(s.edits)},
		edit{at: f.Offset(n.End()), text: after, after: true, order: len(s.edits)})
}

// replace puts text in the place of n bytes at pos.
func (s *source) replace(f *token.File, pos token.Pos, n int, text string) {
	s.edits = append(s.edits, edit{at: f.Offset(pos), cut: n, text: text, order: len(s.edits)})
}

// edited returns the text with every edit. At one offset what ends comes
// before what begins, the inner end before the outer, the outer beginning
// before the inner.
func (s *source) edited() []byte {
	slices.SortFunc(s.edits, func(a, b edit) int {
		switch {
		case a.at != b.at:
			return cmp.Compare(a.at, b.at)
		case a.after != b.after:
			if a.after {
				return -1
			}
			return 1
		case a.after:
			return cmp.Compare(b.order, a.order)
		}
		return cmp.Compare(a.order, b.order)
	})
	var out bytes.Buffer
	from := 0
	for _, e := range s.edits {
		out.Write(s.text[from:e.at])
		out.WriteString(e.text)
		from = e.at + e.cut
	}
	out.Write(s.text[from:])
	return out.Bytes()
}

// switches is what the edited text calls. A mutant that is got to for the
// first time is written down if somebody wants to know.
const switches = `package %s

import (
	"cmp"
	"os"
	"strconv"
	"sync/atomic"
)

var mutantOnly, _ = strconv.Atoi(os.Getenv("MUTANT"))

var mutantTrace = os.Getenv("MUTANT_TRACE")

var mutantSeen [%d]atomic.Bool

func mutantOn(n int) bool {
	if mutantTrace != "" {
		mutantNote(n)
	}
	return n == mutantOnly
}

func mutantNote(n int) {
	if mutantSeen[n].Swap(true) {
		return
	}
	f, err := os.OpenFile(mutantTrace, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	f.WriteString(strconv.Itoa(n) + "\n")
	f.Close()
}

func mutantBool(n int, b bool) bool { return b != mutantOn(n) }

func mutantLess[T cmp.Ordered](n int, a, b T) bool { return a < b || mutantOn(n) && a == b }

func mutantMore[T cmp.Ordered](n int, a, b T) bool { return a > b || mutantOn(n) && a == b }

func mutantAtMost[T cmp.Ordered](n int, a, b T) bool { return a < b || !mutantOn(n) && a == b }

func mutantAtLeast[T cmp.Ordered](n int, a, b T) bool { return a > b || !mutantOn(n) && a == b }

func mutantAnd(n int, a bool, b func() bool) bool {
	if mutantOn(n) {
		return a || b()
	}
	return a && b()
}

func mutantOr(n int, a bool, b func() bool) bool {
	if mutantOn(n) {
		return a && b()
	}
	return a || b()
}

func mutantPlus[T ~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr](n int, v T) T {
	if mutantOn(n) {
		return v + 1
	}
	return v
}

func mutantCase[T ~string](n int, v T) T {
	if mutantOn(n) {
		return "no such case \x00" + v
	}
	return v
}

func mutantNumber[T ~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr](n int, v T) T {
	if mutantOn(n) {
		return ^v
	}
	return v
}
`

// write puts the edited texts into dir and returns what overlays what.
func (p *pkg) write(dir string) (map[string]string, error) {
	overlay := map[string]string{}
	put := func(path string, text []byte) error {
		to := filepath.Join(dir, filepath.Base(path))
		overlay[path] = to
		return os.WriteFile(to, text, 0o600)
	}
	for _, s := range p.sources {
		if err := put(s.path, s.edited()); err != nil {
			return nil, err
		}
	}
	return overlay, put(filepath.Join(p.dir, "mutant_switches.go"), fmt.Appendf(nil, switches, p.name, len(p.mutants)+1))
}
