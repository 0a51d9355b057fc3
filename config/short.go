package config

import (
	"reflect"

	"github.com/goccy/go-yaml/ast"

	"github.com/tenantgate/tenantgate/policy"
)

// hasShortForm tells whether a section of type t can also be one word, which
// its field Setting then has.
func hasShortForm(t reflect.Type) bool {
	return t == reflect.TypeFor[policy.Access]() || t == reflect.TypeFor[policy.Targets]()
}

// short decodes such a section in either form. What stands in the file
// replaces the default as a whole.
func (d *document) short(n ast.Node, v reflect.Value, path string) {
	word, values := v.FieldByName("Setting"), choicesOf(reflect.TypeFor[policy.Setting](), path)
	if _, scalar := literal(n); scalar {
		v.SetZero()
		d.choose(n, word, path, values)
		return
	}
	kv, ok := pairs(n)
	if !ok || len(kv) == 0 {
		d.wrong(path, "", "is %s, want %s, or a section with %s", empty(n, ok), values[0]+" or "+values[1], both(v.Type()))
		return
	}
	v.SetZero()
	d.mapping(n, v, path)
}

func both(t reflect.Type) string {
	keys := keysOf(t)
	return keys[0] + " or " + keys[1]
}

func empty(n ast.Node, section bool) string {
	if section {
		return "an empty section"
	}
	return kind(n)
}
