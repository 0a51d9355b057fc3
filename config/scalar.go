package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// scalar decodes text, a number, or true and false. The three are never
// turned into one another.
func (d *document) scalar(n ast.Node, v reflect.Value, path string) {
	switch v.Kind() {
	case reflect.String:
		d.setText(n, v, path)
	case reflect.Bool:
		if b, ok := n.(*ast.BoolNode); ok {
			v.SetBool(b.Value)
			return
		}
		d.wrong(path, "write true or false", "%s is not true or false", d.told(n, path))
	case reflect.Int, reflect.Int64, reflect.Int32, reflect.Int16, reflect.Uint16:
		d.setNumber(n, v, path)
	default:
		d.wrong(path, "", "is of a type that no file can set")
	}
}

func (d *document) setText(n ast.Node, v reflect.Value, path string) {
	s, isText := d.text(n, path)
	if values := choicesOf(v.Type(), path); values != nil {
		d.choose(n, v, path, values)
		return
	}
	if isText {
		v.SetString(s)
		return
	}
	source, scalar := literal(n)
	switch {
	case !scalar:
		d.wrong(path, withoutSection(n, path), "is %s, want text", kind(n))
	case parent(path) == "listen":
		v.SetString(source) // its own check says it better
	default:
		d.wrong(path, "write it in quotes: "+strconv.Quote(source), "is %s, want text", kind(n))
	}
}

// withoutSection tells how to write what YAML takes for a section.
func withoutSection(n ast.Node, path string) string {
	if m, ok := n.(*ast.MappingNode); ok && m.IsFlowStyle {
		return "write it without braces: in YAML they make a section"
	}
	if _, ok := pairs(n); ok && strings.HasSuffix(path, "]") {
		return "write it in quotes: in YAML the colon makes a section"
	}
	return ""
}

func (d *document) setNumber(n ast.Node, v reflect.Value, path string) {
	number, err := strconv.ParseInt(fmt.Sprint(nodeValue(n)), 10, 64)
	_, isNumber := n.(*ast.IntegerNode)
	// goccy/go-yaml takes digits that do not fit into 64 bits for text.
	s, _ := literal(n)
	switch {
	case isDigits(s) && len(s) > 18:
		d.wrong(path, "", "%s is out of range", d.told(n, path))
	case !isNumber:
		hint := ""
		if isDigits(s) {
			hint = "write it without quotes: " + s
		}
		d.wrong(path, hint, "%s is not a number", d.told(n, path))
	case err != nil, v.CanInt() && v.OverflowInt(number), v.CanUint() && (number < 0 || v.OverflowUint(uint64(number))):
		d.wrong(path, "", "%s is out of range", d.told(n, path))
	case v.CanUint():
		v.SetUint(uint64(number))
	default:
		v.SetInt(number)
	}
}

func (d *document) duration(n ast.Node, v reflect.Value, path string) {
	s, _ := d.text(n, path)
	t, err := time.ParseDuration(s)
	if err != nil {
		d.wrong(path, "write 30s, 5m or 24h", "%s is not a duration", d.told(n, path))
		return
	}
	v.SetInt(int64(t))
}

func (d *document) unmarshal(n ast.Node, u encoding.TextUnmarshaler, path string) {
	s, ok := d.text(n, path)
	if !ok {
		s, ok = literal(n)
	}
	if !ok {
		d.wrong(path, "", "is %s, want text", kind(n))
		return
	}
	if err := u.UnmarshalText([]byte(s)); err != nil {
		d.wrong(path, "", "%v", err)
	}
}

// text returns what the text node n says, its secret references expanded;
// false if n is something else.
func (d *document) text(n ast.Node, path string) (string, bool) {
	switch n.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		s, _ := literal(n)
		return d.expand(s, path), true
	}
	return "", false
}

// literal returns what the scalar n says in the file; false if n is none.
func literal(n ast.Node) (string, bool) {
	switch s := n.(type) {
	case *ast.StringNode:
		return s.Value, true
	case *ast.LiteralNode:
		return s.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// told returns n as it may be told in an error: what the file says, never
// what a secret reference in it stands for.
func (d *document) told(n ast.Node, path string) string {
	if s, ok := literal(n); ok {
		return d.quote(path, s)
	}
	return kind(n)
}

func nodeValue(n ast.Node) any {
	if s, ok := n.(ast.ScalarNode); ok {
		return s.GetValue()
	}
	return nil
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
