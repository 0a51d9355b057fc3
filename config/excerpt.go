package config

import (
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode"
)

// Style is how problems are printed for people.
type Style int

// The styles of Print.
const (
	Plain    Style = iota // no escape sequences
	Coloured              // ANSI colours: only for a terminal
)

// literalSecret matches what may stand in a line although it should be a
// secret reference: the user and password of a URL, and the value of a key that
// is named like a secret.
var literalSecret = []*regexp.Regexp{
	regexp.MustCompile(`(://)[^@/\s"']+(@)`),
	regexp.MustCompile(`(?i)((?:password|passwd|secret|token|api_?key|access_?key|connection_?string|sas)["']?\s*:\s*)\S.*()$`),
}

// Print writes each problem on a line of its own and, where it has a place in
// the file, the line it stands on with a caret beneath.
func (p *Problems) Print(w io.Writer, s Style) error {
	var b strings.Builder
	for _, one := range p.All {
		b.WriteString(paint(s, "1", one.Error()) + "\n")
		if one.Line > 0 && one.Line <= len(p.lines) {
			p.excerpt(&b, one, s)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (p *Problems) excerpt(b *strings.Builder, one Problem, s Style) {
	number := fmt.Sprintf("%5d | ", one.Line)
	b.WriteString(paint(s, "2", number) + printable(p.lines[one.Line-1]) + "\n")
	blank := strings.Repeat(" ", len(number)-2) + "| " + strings.Repeat(" ", max(one.Column-1, 0))
	b.WriteString(blank + paint(s, "31", "^") + "\n")
}

// printable returns line without what a terminal would obey and without
// literal secrets.
func printable(line string) string {
	for _, secret := range literalSecret {
		line = secret.ReplaceAllString(line, "${1}***${2}")
	}
	line = strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return '?'
		}
		return r
	}, line)
	return line
}

func paint(s Style, code, text string) string {
	if s != Coloured {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
