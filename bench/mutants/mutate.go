package main

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"regexp"
	"strings"
)

// mutant is one fault.
type mutant struct {
	number int
	at     token.Position
	file   string // package/file
	in     string // function, empty for a package variable
	what   string // kind of fault
	text   string // what is changed, on one line
	fate   fate
}

// key is how the list of equivalents names a mutant: without its line, which moves.
func (m *mutant) key() string { return fmt.Sprintf("%s %s %s: %s", m.file, m.in, m.what, m.text) }

// maker walks one file.
type maker struct {
	*pkg
	src  *source
	file *token.File
	in   string
}

// mutate finds the faults of every file and notes the edits that make them.
func (p *pkg) mutate() {
	for i, f := range p.files {
		m := &maker{pkg: p, src: p.sources[i], file: p.fset.File(f.Pos())}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				m.in = name(d)
				if d.Body != nil {
					m.walk(d.Body)
				}
			case *ast.GenDecl:
				m.in = "-"
				if d.Tok == token.VAR {
					m.walk(d)
				}
			}
		}
	}
}

// some returns one of every n mutants, of those that only matches.
func (p *pkg) some(n int, only *regexp.Regexp) (few []*mutant) {
	for _, m := range p.mutants {
		if m.number%n == 0 && only.MatchString(m.key()) {
			few = append(few, m)
		}
	}
	return few
}

// name returns Type.Method or the function's name.
func name(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return d.Name.Name
	}
	t := d.Recv.List[0].Type
	if s, ok := t.(*ast.StarExpr); ok {
		t = s.X
	}
	if id, ok := t.(*ast.Ident); ok {
		return id.Name + "." + d.Name.Name
	}
	return d.Name.Name
}

// add notes a fault of n and returns its number.
func (m *maker) add(n ast.Node, what string) int {
	from, to := m.file.Offset(n.Pos()), m.file.Offset(n.End())
	text := strings.Join(strings.Fields(string(m.src.text[from:to])), " ")
	if len(text) > 90 {
		text = text[:90] + "…"
	}
	at := m.fset.Position(n.Pos())
	base := at.Filename[strings.LastIndexByte(at.Filename, '/')+1:]
	one := &mutant{number: len(m.mutants) + 1, at: at, file: m.name + "/" + base, in: m.in, what: what, text: text}
	if m.keys == nil {
		m.keys = map[string]int{}
	}
	if m.keys[one.key()]++; m.keys[one.key()] > 1 {
		one.text += fmt.Sprintf(" (%d)", m.keys[one.key()])
	}
	m.mutants = append(m.mutants, one)
	return one.number
}

// wrap adds a fault whose edit is text round n.
func (m *maker) wrap(n ast.Node, what, before, after string) {
	number := m.add(n, what)
	m.src.wrap(m.file, n, fmt.Sprintf(before, number), after)
}

// walk visits what is not a constant, outer before inner.
func (m *maker) walk(root ast.Node) {
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GenDecl:
			return n.Tok == token.VAR
		case *ast.ArrayType, *ast.StructType, *ast.FuncType, *ast.InterfaceType, *ast.MapType:
			return false
		case *ast.CompositeLit:
			m.elements(n)
			return false
		case *ast.TypeSwitchStmt:
			m.typeSwitch(n)
			return false
		case *ast.IfStmt:
			m.wrap(n.Cond, "never", "!mutantOn(%d) && (", ")")
			if b, ok := n.Cond.(*ast.BinaryExpr); !ok || b.Op == token.LAND || b.Op == token.LOR {
				m.wrap(n.Cond, "not", "mutantBool(%d, ", ")")
			}
		case *ast.BlockStmt:
			m.statements(n.List)
		case *ast.CommClause:
			m.statements(n.Body)
		case *ast.SwitchStmt:
			m.cases(n)
			return false
		case *ast.ReturnStmt:
			m.results(n)
			return len(n.Results) == 0 || !words(n.Results[len(n.Results)-1])
		case ast.Expr:
			return m.expr(n)
		}
		return true
	})
}

// typeSwitch leaves the types of the cases alone.
func (m *maker) typeSwitch(n *ast.TypeSwitchStmt) {
	for _, c := range n.Body.List {
		m.statements(c.(*ast.CaseClause).Body)
		for _, s := range c.(*ast.CaseClause).Body {
			m.walk(s)
		}
	}
}

// elements leaves keys alone: many must be constants.
func (m *maker) elements(n *ast.CompositeLit) {
	for _, e := range n.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok {
			e = kv.Value
		}
		m.walk(e)
	}
}

// results negates what is returned; a comparison is negated as such.
func (m *maker) results(n *ast.ReturnStmt) {
	for _, r := range n.Results {
		if _, compared := r.(*ast.BinaryExpr); !compared && m.boolean(r) && !m.literal(r) {
			m.wrap(r, "not", "mutantBool(%d, ", ")")
		}
	}
}

// words tells whether e makes an error of a text. Its words are no behaviour,
// and what is returned beside it is nobody's.
func words(e ast.Expr) bool {
	c, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	s, ok := c.Fun.(*ast.SelectorExpr)
	return ok && s.Sel.Name == "Errorf"
}

// boolean tells whether e is a plain bool.
func (m *maker) boolean(e ast.Expr) bool {
	b, ok := m.info.Types[e].Type.(*types.Basic)
	return ok && (b.Kind() == types.Bool || b.Kind() == types.UntypedBool)
}

// literal tells whether e is true or false.
func (m *maker) literal(e ast.Expr) bool {
	_, ok := e.(*ast.Ident)
	v := m.info.Types[e].Value
	return ok && v != nil && v.Kind() == constant.Bool
}
