package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// document is a configuration while and after it is read: where each setting
// stands, which values are secret, and what is wrong.
type document struct {
	name     string // the file; empty for flags
	flags    string // prefix of flag names; empty for a file
	lines    []string
	places   map[string]place // of values, by YAML path
	keys     map[string]place // of keys, by YAML path
	secrets  []string         // expanded secrets, longest first, to keep them out of errors
	secret   map[string]bool  // paths whose value holds a secret
	reported map[string]bool  // paths that have a problem; what is beneath is not reported again
	problems []Problem
	borrowed map[string]string // where settings stand that came from another file, by YAML path
}

// place is a position in the source, from 1.
type place struct{ line, column int }

func newDocument(name, flags string) *document {
	return &document{
		name: name, flags: flags,
		places: map[string]place{}, keys: map[string]place{}, secret: map[string]bool{}, reported: map[string]bool{},
	}
}

// err returns the problems so far, nil if there are none.
func (d *document) err() error {
	if len(d.problems) == 0 {
		return nil
	}
	inOrder(d.problems)
	return &Problems{All: d.problems, lines: d.lines}
}

// fail records p as it is and returns the problems so far.
func (d *document) fail(p Problem) error {
	p.File = d.name
	d.problems = append(d.problems, p)
	return d.err()
}

// wrong records a problem with the setting at path, unless it or a setting
// above it already has one: the rest would be a consequence.
func (d *document) wrong(path, hint, format string, args ...any) {
	if d.covered(path) {
		return
	}
	d.reported[path] = true
	d.problems = append(d.problems, d.problem(path, hint, fmt.Sprintf(format, args...)))
}

// problem makes a Problem at path, or at the nearest setting above it that
// the file has.
func (d *document) problem(path, hint, what string) Problem {
	at, covers := d.nearest(path), path
	if d.flags != "" {
		path = d.flagName(path)
	}
	return Problem{
		File: d.name, Line: at.line, Column: at.column,
		Path: path, What: d.redact(what), Hint: d.redact(hint), covers: covers,
	}
}

// flagName returns the flag that sets path; a path no flag sets stays itself.
func (d *document) flagName(path string) string {
	switch path {
	case "tenant.id":
		return d.flags + "tenant"
	case "tenant.policy":
		return d.flags + "policy"
	case "state":
		return d.flags + "state"
	}
	return path
}

func (d *document) covered(path string) bool {
	for ; path != ""; path = parent(path) {
		if d.reported[path] {
			return true
		}
	}
	return d.reported[""]
}

func (d *document) nearest(path string) place {
	for {
		if at, ok := d.places[path]; ok || path == "" {
			return at
		}
		path = parent(path)
	}
}

// parent returns the path above path: a.b[0].c, a.b[0], a.b, a and nothing.
func parent(path string) string {
	return path[:max(strings.LastIndexAny(path, ".["), 0)]
}

func below(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// parse returns the root node of src, or nil if src has no settings to decode;
// the reason is then recorded.
func (d *document) parse(src []byte) ast.Node {
	src = bytes.TrimPrefix(src, []byte("\xef\xbb\xbf")) // Windows editors write a byte order mark
	if at, ok := notText(src); ok {
		d.fail(Problem{Line: at.line, Column: at.column, What: "is not UTF-8 text", Hint: "save the file as UTF-8"})
		return nil
	}
	// The scanner of goccy/go-yaml 1.19.2 counts a line twice after a comment
	// that ends in CR LF.
	text := strings.ReplaceAll(string(src), "\r\n", "\n")
	d.lines = strings.Split(text, "\n")
	d.places[""] = place{1, 1}
	file, err := parser.ParseBytes([]byte(text), 0, parser.AllowDuplicateMapKey())
	if err != nil {
		d.syntax(err)
		return nil
	}
	return d.only(file)
}

// only returns the root of the one document in file.
func (d *document) only(file *ast.File) ast.Node {
	var root ast.Node
	for _, one := range file.Docs {
		if one.Body == nil {
			continue
		}
		if root != nil {
			at := d.position(one.Body)
			d.fail(Problem{Line: at.line, Column: at.column, What: "a second YAML document", Hint: "write one document, without ---"})
			return nil
		}
		root = one.Body
	}
	if root == nil {
		d.fail(Problem{Line: 1, Column: 1, What: "the file is empty", Hint: "the smallest one has tenant.id and tenant.policy"})
	}
	return root
}

// syntax records why src is not YAML. A tab gets a line of its own for each
// time it indents: the parser stops at the first and does not say it so.
func (d *document) syntax(err error) {
	for i, line := range d.lines {
		indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
		if at := strings.IndexByte(indent, '\t'); at >= 0 && len(indent) < len(line) {
			d.fail(Problem{Line: i + 1, Column: at + 1, What: "a tab indents this line", Hint: "YAML indents with spaces"})
		}
	}
	if len(d.problems) > 0 {
		return
	}
	p := Problem{Line: 1, Column: 1, What: "is not YAML"}
	if at, ok := errors.AsType[yaml.Error](err); ok {
		p.What = "is not YAML: " + strings.ToValidUTF8(at.GetMessage(), "?")
		if t := at.GetToken(); t != nil && t.Position != nil {
			p.Line, p.Column = t.Position.Line, t.Position.Column
		}
	}
	d.fail(p)
}

// position returns where n starts; a mapping starts at its first key.
func (d *document) position(n ast.Node) place {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 && !m.IsFlowStyle {
		n = m.Values[0].Key
	}
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return place{1, 1}
	}
	return place{max(n.GetToken().Position.Line, 1), max(n.GetToken().Position.Column, 1)}
}

// notText returns where src stops being UTF-8 text, if it does.
func notText(src []byte) (place, bool) {
	at := place{1, 1}
	for len(src) > 0 {
		r, n := utf8.DecodeRune(src)
		if (r == utf8.RuneError && n == 1) || (unicode.IsControl(r) && !strings.ContainsRune("\t\r\n\u0085", r)) {
			return at, true
		}
		at.column++
		if r == '\n' {
			at = place{at.line + 1, 1}
		}
		src = src[n:]
	}
	return place{}, false
}

// quote returns value as it may be told: quoted and short, or not at all when
// it holds a secret.
func (d *document) quote(path, value string) string {
	if d.secret[path] {
		return "the value of the secret"
	}
	if runes := []rune(value); len(runes) > 80 {
		value = string(runes[:79]) + "…"
	}
	return strconv.Quote(value)
}

// redact returns text without any expanded secret.
func (d *document) redact(text string) string {
	for _, s := range d.secrets {
		text = strings.ReplaceAll(text, s, "***")
		text = strings.ReplaceAll(text, strings.Trim(strconv.Quote(s), `"`), "***")
	}
	return text
}

// readBounded reads a file of at most limit octets.
func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		return nil, fmt.Errorf("it is larger than %d octets", limit)
	}
	return b, err
}
