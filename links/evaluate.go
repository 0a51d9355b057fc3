package links

import "strings"

// maxValues is how many values one expression may have: each element of an
// array that is indexed, each branch of a condition.
const maxValues = 64

// evaluate returns every value that an expression can have. What it cannot
// follow is hidden; the values of the parameters and variables in it that name
// a subscription are then returned too.
func (f *finding) evaluate(v value) []value {
	e, ok := parseExpression(v.text)
	if !ok {
		return []value{hiddenValue()}
	}
	all := f.call(e, v.in, 0)
	for _, one := range all {
		if one.kind == hiddenKind {
			f.mentioned(e, v.in, &all)
			break
		}
	}
	return all
}

// call evaluates e in s.
func (f *finding) call(e *expression, s *scope, depth int) []value {
	if f.steps++; f.steps > maxSteps || depth > maxNestedCalls {
		return []value{hiddenValue()}
	}
	if e.call == "" {
		return []value{textValue(e.literal)}
	}
	all := f.function(e, s, depth+1)
	for _, t := range e.takes {
		all = f.take(all, t, s, depth+1)
	}
	if len(all) > maxValues {
		return append(all[:maxValues:maxValues], hiddenValue())
	}
	return all
}

// maxNestedCalls also ends parameters and variables that refer to themselves.
const maxNestedCalls = 64

// function is one of a template's functions (Microsoft, template-functions).
// Those that depend on what is deployed are hidden.
func (f *finding) function(e *expression, s *scope, depth int) []value {
	switch e.call {
	case "parameters":
		return f.parameter(e, s, depth)
	case "variables":
		return f.variable(e, s, depth)
	case "concat":
		return f.concat(e, s, depth)
	case "format":
		return f.format(e, s, depth)
	case "resourceid", "subscriptionresourceid":
		return f.resourceID(e, s, depth)
	case "subscription":
		return []value{object("subscriptionId", s.subscription, "id", "/subscriptions/"+s.subscription, "tenantId", "")}
	case "resourcegroup":
		return []value{object("id", "/subscriptions/"+s.subscription+"/resourceGroups/this", "name", "this", "location", "here")}
	case "tenant":
		return []value{object("tenantId", "")}
	case "tolower", "toupper", "string", "trim", "first", "last", "array", "createarray", "union", "coalesce", "flatten", "distinct":
		return f.either(e.args, s, depth)
	case "if":
		return f.either(e.args[min(1, len(e.args)):], s, depth)
	case "uniquestring", "guid", "copyindex", "utcnow", "newguid", "length", "true", "false", "null":
		return []value{textValue("0")}
	}
	return []value{hiddenValue()}
}

// object returns an object of names and texts in turn.
func object(pairs ...string) value {
	n := &node{kind: '{'}
	for i := 0; i < len(pairs); i += 2 {
		n.kids = append(n.kids, &node{kind: '"', key: pairs[i], text: pairs[i+1]})
	}
	return value{n, nil}
}

// either returns the values of all arguments.
func (f *finding) either(args []*expression, s *scope, depth int) (all []value) {
	for _, a := range args {
		all = append(all, f.call(a, s, depth)...)
	}
	return all
}

// follow replaces expressions by what they are.
func (f *finding) follow(v value, depth int) []value {
	if v.in == nil || v.kind != '"' || !isExpression(v.text) {
		return []value{v}
	}
	e, ok := parseExpression(v.text)
	if !ok {
		return []value{hiddenValue()}
	}
	return f.call(e, v.in, depth)
}

// parameter returns the value that was given, else the default.
func (f *finding) parameter(e *expression, s *scope, depth int) (all []value) {
	for _, name := range f.names(e, s, depth) {
		given := 0
		for _, p := range s.parameters.named(name) {
			for _, v := range p.named("value") {
				given++
				all = append(all, f.follow(value{v, s.outer}, depth)...)
			}
			if len(p.named("reference")) > 0 { // a secret of a key vault
				given++
				all = append(all, hiddenValue())
			}
		}
		if given > 0 {
			continue
		}
		if s.open {
			all = append(all, hiddenValue())
		}
		for _, v := range s.template.at("parameters", name, "defaultValue") {
			all = append(all, f.follow(value{v, s}, depth)...)
		}
	}
	return orHidden(all)
}

func (f *finding) variable(e *expression, s *scope, depth int) (all []value) {
	for _, name := range f.names(e, s, depth) {
		for _, v := range s.template.at("variables", name) {
			all = append(all, f.follow(value{v, s}, depth)...)
		}
		for _, list := range s.template.at("variables", "copy") {
			for _, one := range list.kids {
				for _, n := range one.named("name") {
					if strings.EqualFold(n.text, name) {
						for _, input := range one.named("input") {
							all = append(all, f.follow(value{input, s}, depth)...)
						}
					}
				}
			}
		}
	}
	return orHidden(all)
}

func orHidden(all []value) []value {
	if len(all) == 0 {
		return []value{hiddenValue()}
	}
	return all
}

// take returns a member of each object, and each element of an array, whatever
// the index.
func (f *finding) take(from []value, index *expression, s *scope, depth int) (all []value) {
	names, ok := f.texts(index, s, depth)
	for _, v := range from {
		switch {
		case v.kind == '[':
			for _, k := range v.kids {
				all = append(all, f.follow(value{k, v.in}, depth)...)
			}
		case v.kind == '{' && ok:
			for _, name := range names {
				for _, k := range v.named(name) {
					all = append(all, f.follow(value{k, v.in}, depth)...)
				}
			}
		case v.kind == '"' && v.in == nil: // an element that was taken out of its array already
			all = append(all, v)
		default:
			all = append(all, hiddenValue())
		}
	}
	return orHidden(all)
}

// mentioned adds the texts that name a subscription among the literals,
// parameters and variables of e.
func (f *finding) mentioned(e *expression, s *scope, all *[]value) {
	for _, a := range append(e.args, e.takes...) {
		f.mentioned(a, s, all)
	}
	var from []value
	switch e.call {
	case "":
		from = []value{textValue(e.literal)}
	case "parameters":
		from = f.parameter(e, s, 1)
	case "variables":
		from = f.variable(e, s, 1)
	}
	for _, v := range from {
		f.strings(v, 0, all)
	}
}

// strings adds every text in v that names a subscription.
func (f *finding) strings(v value, depth int, all *[]value) {
	if f.steps++; f.steps > maxSteps || depth > maxDepth || len(*all) > maxValues {
		return
	}
	if v.kind == '"' {
		if _, ok := subscriptionIn(v.text); ok {
			*all = append(*all, textValue(v.text))
		}
	}
	for _, k := range v.kids {
		f.strings(value{k, v.in}, depth+1, all)
	}
}
