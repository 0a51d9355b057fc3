package config

import (
	"encoding"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// decode puts what root says over the defaults in f. goccy's own decoder
// stops at the first problem; this one goes on, and knows fewer tricks:
// anchors, aliases, tags and merge keys are refused.
func (d *document) decode(f *File, root ast.Node) {
	d.value(root, reflect.ValueOf(f).Elem(), "")
}

func (d *document) value(n ast.Node, v reflect.Value, path string) {
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
		d.wrong(path, "write the value out", "anchors, aliases and tags are not used here")
		return
	case *ast.NullNode:
		d.nothing(v, path)
		return
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		d.unmarshal(n, u, path)
		return
	}
	if hasShortForm(v.Type()) {
		d.short(n, v, path)
		return
	}
	if v.Type() == reflect.TypeFor[time.Duration]() {
		d.duration(n, v, path)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem(), path)
	case reflect.Struct:
		d.mapping(n, v, path)
	case reflect.Map:
		d.dictionary(n, v, path)
	case reflect.Slice:
		d.list(n, v, path)
	default:
		d.scalar(n, v, path)
	}
}

// nothing leaves the default in place for a section or a list whose content
// is commented out. A single setting without a value is refused; tenant's own
// check says what is missing there.
func (d *document) nothing(v reflect.Value, path string) {
	switch {
	case strings.HasSuffix(path, "]"):
		d.wrong(path, "remove the entry", "has no value")
	case hasShortForm(v.Type()):
		d.wrong(path, "leave the key out for the default", "has no value")
	case v.Kind() == reflect.Struct, v.Kind() == reflect.Slice, v.Kind() == reflect.Map, parent(path) == "tenant":
	default:
		d.wrong(path, "leave the key out for the default", "has no value")
	}
}

// mapping decodes a section: each key once, and only keys that exist.
func (d *document) mapping(n ast.Node, v reflect.Value, path string) {
	values, ok := pairs(n)
	if !ok {
		d.shape(n, path, "a section with "+strings.Join(keysOf(v.Type()), ", "))
		return
	}
	fields := fieldsOf(v.Type())
	for key, value := range d.each(values, path) {
		at := below(path, key)
		index, ok := fields[key]
		if !ok {
			d.unknown(path, key, slices.Sorted(maps.Keys(fields)))
			continue
		}
		d.value(value, v.FieldByIndex(index), at)
	}
}

// dictionary decodes a mapping whose keys are free text.
func (d *document) dictionary(n ast.Node, v reflect.Value, path string) {
	values, ok := pairs(n)
	if !ok {
		d.shape(n, path, "a section")
		return
	}
	m := reflect.MakeMap(v.Type())
	for key, value := range d.each(values, path) {
		one := reflect.New(v.Type().Elem()).Elem()
		d.value(value, one, below(path, key))
		m.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), one)
	}
	v.Set(m)
}

// each yields the keys of a mapping with their values, notes where they
// stand, and reports keys that come twice or are not text.
func (d *document) each(values []*ast.MappingValueNode, path string) func(func(string, ast.Node) bool) {
	return func(yield func(string, ast.Node) bool) {
		seen := map[string]place{}
		for _, kv := range values {
			at := d.position(kv.Key)
			key := kv.Key.GetToken().Value
			if _, ok := kv.Key.(*ast.StringNode); !ok {
				d.at(at, below(path, printable(key)), "", "is not a key")
				continue
			}
			if first, ok := seen[key]; ok {
				d.at(at, below(path, printable(key)), fmt.Sprintf("it stands in line %d already", first.line), "comes a second time")
				continue
			}
			seen[key] = at
			d.keys[below(path, key)] = at
			d.places[below(path, key)] = d.valuePlace(kv, at)
			if !yield(key, kv.Value) {
				return
			}
		}
	}
}

// valuePlace returns where the value of kv starts; where it has none on the
// line of its key, the key's place.
func (d *document) valuePlace(kv *ast.MappingValueNode, key place) place {
	if _, null := kv.Value.(*ast.NullNode); null {
		return key
	}
	if at := d.position(kv.Value); at.line == key.line {
		return at
	}
	return key
}

func (d *document) list(n ast.Node, v reflect.Value, path string) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.shape(n, path, "a list")
		return
	}
	all := reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values))
	for i, one := range seq.Values {
		if seq.IsFlowStyle {
			one = d.unglued(one)
		}
		at := fmt.Sprintf("%s[%d]", path, i)
		d.places[at] = d.position(one)
		d.value(one, all.Index(i), at)
	}
	v.Set(all)
}

// shape records that n has another form than want.
func (d *document) shape(n ast.Node, path, want string) {
	hint := ""
	if s, ok := literal(n); ok && want == "a list" && !strings.Contains(s, "${") {
		hint = fmt.Sprintf("write [%s]", printable(s))
	}
	if path == "" {
		d.wrong(path, "the smallest file has tenant.id and tenant.policy", "the file is %s, want sections", kind(n))
		return
	}
	d.wrong(path, hint, "is %s, want %s", kind(n), want)
}

// at records a problem with a key rather than with its value; it does not
// keep the value from being checked.
func (d *document) at(p place, path, hint, what string) {
	d.problems = append(d.problems, Problem{File: d.name, Line: p.line, Column: p.column, Path: path, What: what, Hint: hint})
}

func pairs(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch m := n.(type) {
	case *ast.MappingNode:
		return m.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{m}, true
	}
	return nil, false
}

// kind says what n is, in the words of somebody who writes YAML.
func kind(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a section"
	case *ast.SequenceNode:
		return "a list"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.BoolNode:
		return "true or false"
	default:
		return "text"
	}
}
