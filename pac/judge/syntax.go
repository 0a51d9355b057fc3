package judge

import (
	"reflect"
	"slices"
	"strings"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/token"
)

// modern are the parts of a program that no ES5 has, by type.
var modern = map[reflect.Type]string{
	reflect.TypeFor[ast.LexicalDeclaration]():   "let or const",
	reflect.TypeFor[ast.ForDeclaration]():       "let or const",
	reflect.TypeFor[ast.ArrowFunctionLiteral](): "an arrow function",
	reflect.TypeFor[ast.TemplateLiteral]():      "a template string",
	reflect.TypeFor[ast.ClassLiteral]():         "a class",
	reflect.TypeFor[ast.SpreadElement]():        "a spread",
	reflect.TypeFor[ast.ArrayPattern]():         "destructuring",
	reflect.TypeFor[ast.ObjectPattern]():        "destructuring",
	reflect.TypeFor[ast.PropertyShort]():        "a property without its value",
	reflect.TypeFor[ast.ForOfStatement]():       "for … of",
	reflect.TypeFor[ast.OptionalChain]():        "?.",
	reflect.TypeFor[ast.AwaitExpression]():      "await",
	reflect.TypeFor[ast.YieldExpression]():      "a generator",
}

// newer are methods that the script engine of WinHTTP may not have: ES5 and
// later.
var newer = []string{"includes", "startsWith", "endsWith", "repeat", "padStart", "padEnd", "forEach", "some", "every", "filter", "map", "reduce", "trim", "find", "findIndex", "flat", "matchAll", "replaceAll"}

// asking are the functions that ask the DNS, or what address the client has.
var asking = []string{"dnsResolve", "dnsResolveEx", "isResolvable", "isResolvableEx", "isInNet", "isInNetEx", "myIpAddress", "myIpAddressEx"}

// words are what a program is made of.
type words struct {
	modern   []string // what only newer engines read
	names    map[string]bool
	literals []string
}

func wordsOf(p *ast.Program) words {
	w := words{names: map[string]bool{}}
	w.walk(reflect.ValueOf(p.Body))
	slices.Sort(w.modern)
	w.modern = slices.Compact(w.modern)
	return w
}

func (w *words) walk(v reflect.Value) {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if !v.IsNil() {
			w.walk(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			w.walk(v.Index(i))
		}
	case reflect.Struct:
		if v.Type().PkgPath() != reflect.TypeFor[ast.Program]().PkgPath() {
			return
		}
		w.node(v.Interface())
		if word, ok := modern[v.Type()]; ok {
			w.modern = append(w.modern, word)
		}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Name != "DeclarationList" {
				w.walk(v.Field(i))
			}
		}
	}
}

func (w *words) node(n any) {
	switch n := n.(type) {
	case ast.Identifier:
		w.names[n.Name.String()] = true
	case ast.DotExpression:
		if name := n.Identifier.Name.String(); slices.Contains(newer, name) {
			w.modern = append(w.modern, "."+name)
		}
	case ast.StringLiteral:
		w.literals = append(w.literals, n.Value.String())
	case ast.BinaryExpression:
		if n.Operator == token.EXPONENT || n.Operator == token.COALESCE {
			w.modern = append(w.modern, n.Operator.String())
		}
	}
}

// uses returns which of the names the program has.
func (w words) uses(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !w.names[n] })
}

// maxLiterals bounds how much of a file's texts is put into one URL.
const maxLiterals = 4 << 10

// bait is a path and a query that hold whatever the file may look for in a
// URL, and in parentheses what is between its wildcards.
func (w words) bait() string {
	var b strings.Builder
	b.WriteString("contoso.com/oauth2/authorize?login_hint=a@contoso.com")
	for _, l := range w.literals {
		for _, part := range strings.Split(l, "*") {
			if part == "" || b.Len()+len(part) > maxLiterals || strings.ContainsAny(part, " ;\n\r\t") {
				continue
			}
			b.WriteString("&" + part)
		}
	}
	return b.String()
}
