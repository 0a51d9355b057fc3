package audit

import (
	"bytes"
	"strings"

	"github.com/tenantgate/tenantgate/setting"
)

// A rendering appends an event in another form, without a newline; nothing
// where the form has no place for it. The line is the event as it is in the
// events file.
type rendering func(b, line []byte) ([]byte, error)

// renderingOf returns the rendering that is called format; the first known
// where format is empty.
func renderingOf(format string, known ...string) (rendering, error) {
	if format == "" {
		format = known[0]
	}
	for _, name := range known {
		if name == format {
			return renderings[name], nil
		}
	}
	return nil, setting.Errorf("format", "write "+strings.Join(known, ", or "), "%q is not a format of this type", format)
}

// renderings are all of them, by the name that a configuration gives them.
var renderings = map[string]rendering{
	"ecs":   native,
	"cef":   reading(cef),
	"leef":  reading(leef),
	"cim":   reading(cim),
	"ocsf":  reading(ocsf),
	"asim":  reading(asim),
	"squid": reading(squid),
	"w3c":   reading(w3c),
}

// reading makes a rendering of one that wants the event read.
func reading(write func(b []byte, t *told, line []byte) []byte) rendering {
	return func(b, line []byte) ([]byte, error) {
		t, err := readTold(line)
		if err != nil {
			return b, err
		}
		return write(b, t, line), nil
	}
}

// textFormats are those that a file or standard output may have: each puts an
// event on a line of its own.
var textFormats = []string{"ecs", "ocsf", "asim", "cim", "cef", "leef", "squid", "w3c"}

// renderLines appends a batch, each event on a line of its own.
func renderLines(b []byte, batch []Line, render rendering) ([]byte, error) {
	for i, l := range batch {
		from := len(b)
		var err error
		if b, err = render(b, l.JSON); err != nil {
			return b, &Failure{Class: Poison, Index: i, Err: err}
		}
		if len(b) > from {
			b = append(b, '\n')
		}
	}
	return b, nil
}

// shown replaces what acts instead of showing, but for tabs and newlines, which
// each format has its own way with: a NUL ends the event for a reader in C, and
// an escape sequence acts on a terminal.
func shown(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\r' && r != '\t' || r >= 0x7f && hidden(r) {
			return '\ufffd'
		}
		return r
	}, s)
}

// native is the event as it is.
func native(b, line []byte) ([]byte, error) {
	return append(b, bytes.TrimSuffix(line, []byte{'\n'})...), nil
}
