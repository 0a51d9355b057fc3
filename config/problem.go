package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	File   string `json:"file,omitempty"`
	Line   int    `json:"line,omitempty"`   // from 1; 0 is the file as a whole
	Column int    `json:"column,omitempty"` // from 1, in characters
	Path   string `json:"path,omitempty"`   // YAML path, such as policy.partners[0].tenant, or a flag
	What   string `json:"what"`
	Hint   string `json:"hint,omitempty"`

	covers string // YAML path of the setting that need not be reported again; may be empty
	err    error  // what it was made from
}

// Error returns file:line:column: path: what (hint).
func (p Problem) Error() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File + ":")
		if p.Line > 0 {
			fmt.Fprintf(&b, "%d:%d:", p.Line, p.Column)
		}
		b.WriteByte(' ')
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.What)
	if p.Hint != "" {
		b.WriteString(" (" + p.Hint + ")")
	}
	return b.String()
}

// Unwrap returns the error that the problem was made from, if any.
func (p Problem) Unwrap() error { return p.err }

// Problems is everything that is wrong with one configuration, in the order
// of the file. It is never empty.
type Problems struct {
	All []Problem

	lines []string // the source, for excerpts
}

// Error returns the problems, one a line.
func (p *Problems) Error() string {
	lines := make([]string, len(p.All))
	for i, one := range p.All {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns each Problem.
func (p *Problems) Unwrap() []error {
	all := make([]error, len(p.All))
	for i, one := range p.All {
		all[i] = one
	}
	return all
}

// inOrder sorts by place in the file; what has no place comes first, and
// problems of one place stay as they were found.
func inOrder(all []Problem) {
	slices.SortStableFunc(all, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}
