package main

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
)

// statements leaves out each statement that can be left out.
func (m *maker) statements(list []ast.Stmt) {
	for _, s := range list {
		switch s := s.(type) {
		case *ast.ExprStmt:
			if c, ok := s.X.(*ast.CallExpr); ok && isPanic(c) {
				continue
			}
		case *ast.AssignStmt:
			if s.Tok == token.DEFINE || blank(s.Lhs) {
				continue
			}
		case *ast.IncDecStmt, *ast.SendStmt:
		case *ast.BranchStmt:
			if s.Label != nil || s.Tok == token.FALLTHROUGH || s.Tok == token.GOTO {
				continue
			}
		default:
			continue
		}
		m.wrap(s, "left out", "if !mutantOn(%d) { ", " }")
	}
}

func isPanic(c *ast.CallExpr) bool {
	id, ok := c.Fun.(*ast.Ident)
	return ok && id.Name == "panic"
}

// blank tells whether nothing is assigned to.
func blank(left []ast.Expr) bool {
	for _, e := range left {
		if id, ok := e.(*ast.Ident); !ok || id.Name != "_" {
			return false
		}
	}
	return true
}

// cases leaves out each case of a switch.
func (m *maker) cases(s *ast.SwitchStmt) {
	if s.Init != nil {
		m.walk(s.Init)
	}
	if s.Tag != nil {
		m.walk(s.Tag)
	}
	for _, c := range s.Body.List {
		c := c.(*ast.CaseClause)
		for _, e := range c.List {
			m.one(s, e)
		}
		m.statements(c.Body)
		for _, b := range c.Body {
			m.walk(b)
		}
	}
}

// one leaves out one value of a case.
func (m *maker) one(s *ast.SwitchStmt, e ast.Expr) {
	if s.Tag == nil {
		m.wrap(e, "no case", "!mutantOn(%d) && (", ")")
		m.walk(e)
		return
	}
	b, ok := m.info.Types[e].Type.Underlying().(*types.Basic)
	if !ok || m.info.Types[e].Value == nil || types.IsInterface(m.info.Types[s.Tag].Type) {
		m.walk(e)
		return
	}
	t, ok := m.spelled(m.info.Types[s.Tag].Type)
	switch {
	case !ok:
	case b.Info()&types.IsString != 0:
		m.wrap(e, "no case", "mutantCase["+t+"](%d, ", ")")
	case b.Info()&types.IsInteger != 0:
		m.wrap(e, "no case", "mutantNumber["+t+"](%d, ", ")")
	}
}

// spelled returns the type as the package's own text can write it.
func (m *maker) spelled(t types.Type) (string, bool) {
	ok := true
	s := types.TypeString(t, func(p *types.Package) string {
		if p != m.types {
			ok = m.imports(p)
			return p.Name()
		}
		return ""
	})
	if b, basic := t.(*types.Basic); basic && b.Info()&types.IsUntyped != 0 {
		return "", false
	}
	return s, ok
}

// imports tells whether the file imports p by its own name.
func (m *maker) imports(p *types.Package) bool {
	for _, f := range m.files {
		if m.fset.File(f.Pos()) != m.file {
			continue
		}
		for _, i := range f.Imports {
			if i.Name == nil && i.Path.Value == `"`+p.Path()+`"` {
				return true
			}
		}
	}
	return false
}

// bounds are the comparisons that are off by one, and what makes them so.
var bounds = map[token.Token]string{token.LSS: "mutantLess", token.GTR: "mutantMore", token.LEQ: "mutantAtMost", token.GEQ: "mutantAtLeast"}

// expr makes the faults of one expression and tells whether to look inside.
func (m *maker) expr(e ast.Expr) bool {
	v := m.info.Types[e]
	switch {
	case v.IsType():
		return false
	case v.Value != nil:
		m.constant(e, v)
		return false
	case words(e):
		return false
	}
	if c, ok := e.(*ast.CallExpr); ok && m.info.Types[c.Fun].IsType() {
		for _, a := range c.Args {
			m.walk(a)
		}
		return false
	}
	if c, ok := e.(*ast.CallExpr); ok && m.makes(c) {
		return false
	}
	if b, ok := e.(*ast.BinaryExpr); ok {
		m.binary(b)
	}
	return true
}

// makes tells whether c is make, and leaves its capacity alone: nothing but
// the time it takes depends on that.
func (m *maker) makes(c *ast.CallExpr) bool {
	id, ok := c.Fun.(*ast.Ident)
	if !ok || id.Name != "make" {
		return false
	}
	if _, slice := m.info.Types[c].Type.Underlying().(*types.Slice); slice {
		m.walk(c.Args[1])
	}
	return true
}

// constant makes a number off by one and a truth a lie.
func (m *maker) constant(e ast.Expr, v types.TypeAndValue) {
	b, ok := v.Type.(*types.Basic)
	switch {
	case !ok || b.Info()&types.IsUntyped != 0 && v.Value.Kind() != constant.Bool:
	case v.Value.Kind() == constant.Bool:
		m.wrap(e, "not", "mutantBool(%d, ", ")")
	case b.Info()&types.IsInteger != 0:
		m.wrap(e, "off by one", "mutantPlus["+b.Name()+"](%d, ", ")")
	}
}

// binary makes the faults of a comparison, of && and of ||.
func (m *maker) binary(b *ast.BinaryExpr) {
	helper := bounds[b.Op]
	if b.Op == token.EQL || b.Op == token.NEQ || helper != "" {
		m.wrap(b, "not", "mutantBool(%d, ", ")")
	}
	size := len(b.Op.String())
	switch {
	case helper != "":
		m.wrap(b, "bound", helper+"(%d, ", ")")
		m.src.replace(m.file, b.OpPos, size, ",")
	case b.Op == token.LAND:
		m.wrap(b, "or", "mutantAnd(%d, ", ") })")
		m.src.replace(m.file, b.OpPos, size, ", func() bool { return (")
		m.operand(b.X, "(mutantOn(%d) || (", "))")
		m.operand(b.Y, "(mutantOn(%d) || (", "))")
	case b.Op == token.LOR:
		m.wrap(b, "and", "mutantOr(%d, ", ") })")
		m.src.replace(m.file, b.OpPos, size, ", func() bool { return (")
		m.operand(b.X, "(!mutantOn(%d) && (", "))")
		m.operand(b.Y, "(!mutantOn(%d) && (", "))")
	}
}

// operand ignores one operand. Of a && b && c, which is (a && b) && c, the
// first is no operand of its own.
func (m *maker) operand(e ast.Expr, before, after string) {
	b, ok := e.(*ast.BinaryExpr)
	if ok && (b.Op == token.LAND || b.Op == token.LOR) {
		return
	}
	m.wrap(e, "ignored", before, after)
}
