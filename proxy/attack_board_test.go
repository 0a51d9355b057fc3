package proxy_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// scorecard counts cases by the letter of their class, and runs by the oracle
// that looked at them. "make scorecard" reads its lines.
type scorecard struct{ letters, oracles map[string]*count }

// count is how many there were and how many of them were right.
type count struct{ right, all int }

func (c *count) add(right bool) {
	c.all++
	if right {
		c.right++
	}
}

func (c *count) String() string { return fmt.Sprintf("%d of %d", c.right, c.all) }

// add counts a case: right if it ended as it must in every way that it applies to.
func (b *scorecard) add(a *attack, ok bool) { tally(b.letters, a.keys["id"][:1]).add(ok) }

// oracle counts a run that one oracle found nothing wrong with, or something.
func (b *scorecard) oracle(name string, ok bool) { tally(b.oracles, name).add(ok) }

func tally(of map[string]*count, name string) *count {
	if of[name] == nil {
		of[name] = new(count)
	}
	return of[name]
}

func (b *scorecard) String() string {
	var text strings.Builder
	text.WriteString("what ended as it must:\n")
	for _, letter := range slices.Sorted(maps.Keys(b.letters)) {
		fmt.Fprintf(&text, "scorecard: attack cases, class %s: %s\n", letter, b.letters[letter])
	}
	for _, name := range slices.Sorted(maps.Keys(b.oracles)) {
		fmt.Fprintf(&text, "scorecard: runs without a fault of %s: %s\n", name, b.oracles[name])
	}
	return strings.TrimSuffix(text.String(), "\n")
}
