package demo

import (
	"fmt"
	"io"
	"strings"
)

// width is how long a printed line may be.
const width = 100

// Colours of a terminal (ECMA-48, SGR).
const (
	bold   = "1"
	dim    = "2"
	red    = "31"
	green  = "32"
	yellow = "33"
)

// printer writes the walk for a person to read.
type printer struct {
	w      io.Writer
	colour bool
	err    error // the first of writing
}

func (p *printer) line(format string, args ...any) {
	if _, err := fmt.Fprintf(p.w, format+"\n", args...); err != nil && p.err == nil {
		p.err = fmt.Errorf("print the walk: %w", err)
	}
}

func (p *printer) paint(colour, s string) string {
	if !p.colour {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

func (p *printer) heading(s string) {
	p.line("%s", p.paint(bold, fit(s, width)))
}

func (p *printer) step(s *step) {
	p.line("")
	p.line("%s  %s", p.paint(dim, fmt.Sprintf("%2d", s.number)), p.paint(bold, s.title))
	p.row("sent", s.sent, "")
	p.row("answer", s.answer, answerColour(s.answer))
	p.row("cloud", s.origin, "")
	p.row("event", describeEvent(s.event), "")
	good, bad := "ok", "FAILED"
	if p.colour {
		good, bad = "✓", "✗"
	}
	if len(s.problems) == 0 {
		p.line("    %s", p.paint(green, good+" as expected"))
		return
	}
	for _, problem := range s.problems {
		for _, line := range wrap(bad+" "+problem, width-4) {
			p.line("    %s", p.paint(red, line))
		}
	}
}

// row prints a name and a value, which may take more than one line.
func (p *printer) row(name, value, colour string) {
	const indent = 4 + 8
	for _, line := range wrap(value, width-indent) {
		if colour != "" {
			line = p.paint(colour, line)
		}
		p.line("    %s%s", p.paint(dim, fmt.Sprintf("%-8s", name)), line)
		name = ""
	}
}

func (p *printer) summary(good, all int) {
	colour := green
	if good != all {
		colour = red
	}
	p.line("")
	p.line("%s", p.paint(colour, fmt.Sprintf("%d of %d as expected", good, all)))
}

func answerColour(s string) string {
	if strings.Contains(s, ", by the ") {
		return yellow
	}
	return ""
}

// describeEvent says in one line which event was left.
func describeEvent(e *event) string {
	if e == nil {
		return "none"
	}
	g := e.Tenantgate
	s := fmt.Sprintf("%s %s %s, %s", e.Event.ID, g.Kind, g.Verdict, g.Reason)
	if g.Relation != "" && g.Relation != "none" {
		s += ", relation " + g.Relation
	}
	if len(g.ClientTags) > 0 {
		s += ", client tag named"
	}
	return s
}

// wrap breaks s between words into lines of at most n characters.
func wrap(s string, n int) []string {
	var lines []string
	for word := range strings.FieldsSeq(s) {
		word = fit(word, n)
		last := len(lines) - 1
		if last < 0 || len([]rune(lines[last]))+1+len([]rune(word)) > n {
			lines = append(lines, word)
			continue
		}
		lines[last] += " " + word
	}
	if lines == nil {
		return []string{"-"}
	}
	return lines
}

// fit makes s one line of at most n characters. What is not printable does not
// reach the terminal.
func fit(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F || (r >= 0x80 && r < 0xA0) {
			return ' '
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > n {
		return string(runes[:n-3]) + "..."
	}
	return s
}
