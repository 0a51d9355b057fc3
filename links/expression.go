package links

import (
	"strings"
)

// expression is a parsed template expression: a literal, or a function's call
// with what is taken of its result.
type expression struct {
	literal string
	call    string // lower case; empty for a literal
	args    []*expression
	takes   []*expression // .name as a literal, [index] as it is
}

// maxExpression is the longest expression that is followed: Resource Manager
// takes 24,576 characters (Microsoft, syntax, template limits).
const maxExpression = 24_576

// parseExpression reads what stands between the brackets.
func parseExpression(s string) (*expression, bool) {
	if len(s) > maxExpression {
		return nil, false
	}
	p := &parser{s: s[1 : len(s)-1]}
	e, ok := p.expression(0)
	p.blank()
	return e, ok && p.at == len(p.s)
}

type parser struct {
	s  string
	at int
}

func (p *parser) blank() {
	for p.at < len(p.s) && strings.IndexByte(" \t\r\n", p.s[p.at]) >= 0 {
		p.at++
	}
}

// takes tells whether c stands next, and passes over it.
func (p *parser) takes(c byte) bool {
	p.blank()
	if p.at < len(p.s) && p.s[p.at] == c {
		p.at++
		return true
	}
	return false
}

func (p *parser) expression(depth int) (*expression, bool) {
	p.blank()
	if depth > maxDepth || p.at == len(p.s) {
		return nil, false
	}
	if p.s[p.at] == '\'' {
		text, ok := p.quoted()
		return &expression{literal: text}, ok
	}
	word := p.word()
	if word == "" {
		return nil, false
	}
	if !p.takes('(') {
		return &expression{literal: word}, true // a number
	}
	e := &expression{call: strings.ToLower(word)}
	if !p.takes(')') {
		for {
			arg, ok := p.expression(depth + 1)
			if !ok {
				return nil, false
			}
			e.args = append(e.args, arg)
			if p.takes(')') {
				break
			}
			if !p.takes(',') {
				return nil, false
			}
		}
	}
	return e, p.suffixes(e, depth)
}

// suffixes reads what is taken of a result: .name and [index].
func (p *parser) suffixes(e *expression, depth int) bool {
	for {
		switch {
		case p.takes('.'):
			name := p.word()
			if name == "" {
				return false
			}
			e.takes = append(e.takes, &expression{literal: name})
		case p.takes('['):
			index, ok := p.expression(depth + 1)
			if !ok || !p.takes(']') {
				return false
			}
			e.takes = append(e.takes, index)
		default:
			return true
		}
	}
}

func (p *parser) word() string {
	start := p.at
	for p.at < len(p.s) {
		c := p.s[p.at]
		if !('0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || strings.IndexByte("_-$", c) >= 0) {
			break
		}
		p.at++
	}
	return p.s[start:p.at]
}

// quoted reads a text in single quotes; two of them are one.
func (p *parser) quoted() (string, bool) {
	var b strings.Builder
	for p.at++; p.at < len(p.s); p.at++ {
		if p.s[p.at] != '\'' {
			b.WriteByte(p.s[p.at])
			continue
		}
		if p.at++; p.at == len(p.s) || p.s[p.at] != '\'' {
			return b.String(), true
		}
		b.WriteByte('\'')
	}
	return "", false
}
