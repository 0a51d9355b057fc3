package siem_test

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// An evaluation reads an expression of Splunk's eval as far as this app uses
// it, evaluates it over one event, and remembers which fields it names. A value
// is nil, a bool, a float64 or a string; a field is text until it is reckoned
// with.
type evaluation struct {
	tokens []string
	at     int
	event  map[string][]string
	named  []string
	err    error
}

var evalToken = regexp.MustCompile(`^\s*("(?:[^"\\]|\\.)*"|'[^']*'|\d+(?:\.\d+)?|==|!=|<=|>=|[-+*/.,()<>=]|[A-Za-z_][A-Za-z0-9_]*)`)

// evaluate returns the value of an expression, the fields it names, and what
// is wrong with it.
func evaluate(text string, event map[string][]string) (value any, named []string, err error) {
	e := evaluation{event: event}
	for rest := text; strings.TrimSpace(rest) != ""; {
		m := evalToken.FindStringSubmatch(rest)
		if m == nil {
			return nil, nil, fmt.Errorf("cannot read %q", rest)
		}
		e.tokens, rest = append(e.tokens, m[1]), rest[len(m[0]):]
	}
	value = e.binary(0)
	if e.err == nil && e.at < len(e.tokens) {
		e.err = fmt.Errorf("%q is too much", strings.Join(e.tokens[e.at:], " "))
	}
	return value, e.named, e.err
}

func (e *evaluation) peek() string {
	if e.at < len(e.tokens) {
		return e.tokens[e.at]
	}
	return ""
}

func (e *evaluation) next() string {
	token := e.peek()
	e.at++
	return token
}

func (e *evaluation) expect(token string) {
	if got := e.next(); got != token && e.err == nil {
		e.err = fmt.Errorf("%q stands where %q belongs", got, token)
	}
}

// precedence has what binds least first.
var precedence = [][]string{{"OR"}, {"AND"}, {"==", "=", "!=", "<", ">", "<=", ">="}, {"+", "-", "."}, {"*", "/"}}

func (e *evaluation) binary(level int) any {
	if level == len(precedence) {
		return e.operand()
	}
	left := e.binary(level + 1)
	for e.err == nil && slices.Contains(precedence[level], e.peek()) {
		op := e.next()
		left = apply(op, left, e.binary(level+1))
	}
	return left
}

func apply(op string, a, b any) any {
	x, isX := a.(bool)
	y, isY := b.(bool)
	switch op {
	case "OR":
		return isX && x || isY && y
	case "AND":
		return isX && x && isY && y
	}
	if a == nil || b == nil {
		return nil
	}
	if op == "." {
		return printed(a) + printed(b)
	}
	m, n := number(a), number(b)
	switch op {
	case "==", "=":
		return printed(a) == printed(b)
	case "!=":
		return printed(a) != printed(b)
	case "<":
		return m < n
	case ">":
		return m > n
	case "<=":
		return m <= n
	case ">=":
		return m >= n
	case "+":
		return m + n
	case "-":
		return m - n
	case "*":
		return m * n
	}
	return m / n
}

func number(v any) float64 {
	if f, ok := v.(float64); ok {
		return f
	}
	f, err := strconv.ParseFloat(fmt.Sprint(v), 64)
	if err != nil {
		return math.NaN()
	}
	return f
}

func printed(v any) string {
	if f, ok := v.(float64); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

func (e *evaluation) operand() any {
	token := e.next()
	switch {
	case token == "":
		e.err = fmt.Errorf("it ends too early")
		return nil
	case token == "(":
		v := e.binary(0)
		e.expect(")")
		return v
	case token == "NOT":
		b, _ := e.operand().(bool)
		return !b
	case token[0] == '"':
		s, err := strconv.Unquote(token)
		if err != nil && e.err == nil {
			e.err = err
		}
		return s
	case token[0] >= '0' && token[0] <= '9':
		return number(token)
	case e.peek() == "(":
		return e.call(token)
	}
	name := strings.Trim(token, "'")
	e.named = append(e.named, name)
	if values := e.event[name]; len(values) > 0 {
		return values[0]
	}
	return nil
}

func (e *evaluation) call(function string) any {
	e.expect("(")
	var args []any
	for e.err == nil && e.peek() != ")" {
		if function == "mvindex" && len(args) == 0 {
			args = append(args, strings.Trim(e.peek(), "'")) // the field, not its value
		}
		v := e.binary(0)
		if function != "mvindex" || len(args) != 1 || v != nil && e.tokens[e.at-1][0] != '\'' {
			args = append(args, v)
		}
		if e.peek() == "," {
			e.next()
		}
	}
	e.expect(")")
	v, err := called(function, args, e.event)
	if err != nil && e.err == nil {
		e.err = err
	}
	return v
}

// arity is how many arguments the functions that this app calls take; -1 is
// any number.
var arity = map[string]int{
	"coalesce": -1, "case": -1, "if": 3, "isnull": 1, "null": 0, "true": 0, "len": 1, "floor": 1, "mvindex": 2, "now": 0, "relative_time": 2,
}

func called(function string, args []any, event map[string][]string) (any, error) {
	n, known := arity[function]
	if !known || n >= 0 && n != len(args) || function == "case" && len(args)%2 != 0 {
		return nil, fmt.Errorf("%s with %d arguments", function, len(args))
	}
	switch function {
	case "coalesce":
		for _, a := range args {
			if a != nil {
				return a, nil
			}
		}
	case "case":
		for i := 0; i < len(args); i += 2 {
			if args[i] == true {
				return args[i+1], nil
			}
		}
	case "if":
		if args[0] == true {
			return args[1], nil
		}
		return args[2], nil
	case "isnull":
		return args[0] == nil, nil
	case "true":
		return true, nil
	case "len":
		if args[0] != nil {
			return float64(len(printed(args[0]))), nil
		}
	case "floor":
		if args[0] != nil {
			return math.Floor(number(args[0])), nil
		}
	case "mvindex":
		if values := event[printed(args[0])]; int(number(args[1])) < len(values) {
			return values[int(number(args[1]))], nil
		}
	}
	return nil, nil
}

// A pipeline follows the fields of a search from command to command.
type pipeline struct {
	fields map[string]bool
	errs   []string
}

func (p *pipeline) need(command string, names ...string) {
	for _, name := range names {
		name = strings.Trim(strings.TrimSpace(name), `"'`)
		if name != "" && !p.fields[name] {
			p.errs = append(p.errs, fmt.Sprintf("%s: no field %s", command, name))
		}
	}
}

func (p *pipeline) only(names []string) {
	p.fields = map[string]bool{}
	p.add(names...)
}

func (p *pipeline) add(names ...string) {
	for _, name := range names {
		p.fields[strings.Trim(strings.TrimSpace(name), `"'`)] = true
	}
}

// commands splits a search at its bars.
func commands(text string) (all []string) {
	quoted, depth, from := false, 0, 0
	for i, c := range text {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '(' || c == '[':
			depth++
		case c == ')' || c == ']':
			depth--
		case c == '|' && depth == 0:
			all, from = append(all, text[from:i]), i+1
		}
	}
	return append(all, text[from:])
}

var (
	searchTerm = regexp.MustCompile(`(?:^|[\s(])([A-Za-z_][\w.{}]*)\s*(?:=|!=|<|>|\bIN\b)`)
	aggregate  = regexp.MustCompile(`^(\w+)(?:\((.*)\))?(?:\s+AS\s+(\S+))?$`)
	literal    = regexp.MustCompile(`"[^"]*"`)
)

// aggregates are the functions of stats that are used.
var aggregates = []string{"count", "dc", "values", "min", "max", "sum", "latest", "last"}

// run follows one command.
func (p *pipeline) run(text string, first bool) {
	command, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	if first {
		command, rest = "search", strings.TrimSpace(text)
	}
	switch command {
	case "search":
		for _, m := range searchTerm.FindAllStringSubmatch(literal.ReplaceAllString(rest, `""`), -1) {
			p.need(command, m[1])
		}
	case "where":
		_, named, err := evaluate(rest, nil)
		p.expression(command, named, err)
	case "eval":
		name, text, _ := strings.Cut(rest, "=")
		_, named, err := evaluate(text, nil)
		p.expression(command, named, err)
		p.add(name)
	case "stats", "timechart", "streamstats":
		p.stats(command, rest)
	case "table", "fields", "dedup":
		names := strings.FieldsFunc(rest, func(c rune) bool { return c == ',' || c == ' ' })
		p.need(command, names...)
		if command != "dedup" {
			p.only(names)
		}
	case "sort":
		for _, name := range strings.FieldsFunc(rest, func(c rune) bool { return c == ',' || c == ' ' || c == '-' }) {
			if name != "0" {
				p.need(command, name)
			}
		}
	case "fillnull":
		_, names, _ := strings.Cut(rest, " ")
		p.need(command, strings.Fields(names)...)
	case "convert":
		p.need(command, strings.TrimSuffix(strings.TrimPrefix(rest, "ctime("), ")"))
	default:
		p.errs = append(p.errs, "command "+command+" is not known here")
	}
}

func (p *pipeline) expression(command string, named []string, err error) {
	p.need(command, named...)
	if err != nil {
		p.errs = append(p.errs, command+": "+err.Error())
	}
}

func (p *pipeline) stats(command, text string) {
	rest, by, _ := strings.Cut(text, " BY ")
	var made []string
	for _, one := range splitList(strings.TrimPrefix(rest, "current=f ")) {
		m := aggregate.FindStringSubmatch(strings.TrimSpace(one))
		if m == nil || !slices.Contains(aggregates, m[1]) {
			p.errs = append(p.errs, command+": "+one)
			continue
		}
		if inner, ok := strings.CutPrefix(m[2], "eval("); ok {
			_, named, err := evaluate(strings.TrimSuffix(inner, ")"), nil)
			p.expression(command, named, err)
		} else {
			p.need(command, m[2])
		}
		if m[3] != "" {
			made = append(made, m[3])
		} else {
			made = append(made, one)
		}
	}
	names := strings.FieldsFunc(by, func(c rune) bool { return c == ',' || c == ' ' })
	p.need(command, names...)
	if command == "streamstats" {
		p.add(made...)
		return
	}
	p.only(append(made, names...))
	if command == "timechart" {
		p.add("_time")
	}
}

// splitList splits at commas outside brackets.
func splitList(text string) (all []string) {
	depth, from := 0, 0
	for i, c := range text {
		switch {
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			all, from = append(all, text[from:i]), i+1
		}
	}
	return append(all, text[from:])
}
