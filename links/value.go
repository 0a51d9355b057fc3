package links

import "strings"

// value is a node and, in a template, what its expressions refer to.
type value struct {
	*node
	in *scope // nil outside templates: a text is what it says
}

// hiddenKind is the kind of a value that an expression hides.
const hiddenKind = 'h'

// maxSteps bounds how many values are looked at, following expressions.
const maxSteps = 100_000

// at returns the values at the end of a way through objects. Every element of
// an array on the way is entered, and every name that comes twice; expressions
// are followed. The end is a text, a word, an object, or hidden.
func (f *finding) at(from value, way ...string) []value {
	var all []value
	f.walk(from, way, 0, &all)
	return all
}

func (f *finding) walk(v value, way []string, depth int, all *[]value) {
	if v.node == nil {
		return
	}
	if f.steps++; f.steps > maxSteps || depth > maxDepth {
		*all = append(*all, hiddenValue())
		return
	}
	switch {
	case v.kind == hiddenKind:
		*all = append(*all, v)
	case v.kind == '[':
		for _, k := range v.kids {
			f.walk(value{k, v.in}, way, depth+1, all)
		}
	case v.in != nil && v.kind == '"' && isExpression(v.text):
		for _, w := range f.evaluate(v) {
			f.walk(w, way, depth+1, all)
		}
	case len(way) == 0:
		*all = append(*all, v)
	default:
		for _, k := range v.named(way[0]) {
			f.walk(value{k, v.in}, way[1:], depth+1, all)
		}
		f.copies(v, way, depth, all)
	}
}

// copies enters the inputs of property copies: properties.copy[] with name and
// input (Microsoft, copy-properties).
func (f *finding) copies(v value, way []string, depth int, all *[]value) {
	if v.in == nil {
		return
	}
	for _, list := range v.named("copy") {
		for _, one := range list.kids {
			for _, name := range one.named("name") {
				if !strings.EqualFold(name.text, way[0]) {
					continue
				}
				for _, input := range one.named("input") {
					f.walk(value{input, v.in}, way[1:], depth+1, all)
				}
			}
		}
	}
}

func hiddenValue() value { return value{&node{kind: hiddenKind}, nil} }

func textValue(s string) value { return value{&node{kind: '"', text: s}, nil} }

// isExpression tells whether a template's text is one: [[ escapes a bracket
// (Microsoft, template-expressions).
func isExpression(s string) bool {
	return len(s) > 1 && s[0] == '[' && s[1] != '[' && s[len(s)-1] == ']'
}
