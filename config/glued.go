package config

import (
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// unglued returns the text host:8080 for what goccy/go-yaml 1.19.2 takes for a
// section {host: 8080} in a list that stands between the braces of a section:
// in a plain scalar a colon is text unless a blank, a comma or a bracket comes
// after it (YAML 1.2, 7.3.3). Anything else is returned as it is.
func (d *document) unglued(n ast.Node) ast.Node {
	text, first := joined(n)
	if first == nil {
		return n
	}
	at := d.position(first)
	if at.line > len(d.lines) {
		return n
	}
	line := []rune(d.lines[at.line-1])
	if !strings.HasPrefix(string(line[min(at.column-1, len(line)):]), text) {
		return n
	}
	return &ast.StringNode{BaseNode: &ast.BaseNode{}, Token: first.GetToken(), Value: text}
}

// joined returns what a pair without braces says without a blank after its
// colon, and where it begins; nil for anything else.
func joined(n ast.Node) (text string, first ast.Node) {
	if m, ok := n.(*ast.MappingNode); ok && m.IsFlowStyle {
		return "", nil
	}
	kv, ok := pairs(n)
	if !ok || len(kv) != 1 {
		return "", nil
	}
	key, ok := literal(kv[0].Key)
	value, scalar := literal(kv[0].Value)
	if !scalar {
		value, first = joined(kv[0].Value)
		scalar = first != nil
	}
	if !ok || !scalar || value == "" {
		return "", nil
	}
	return key + ":" + value, kv[0].Key
}
