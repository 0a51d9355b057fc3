package links

import (
	"strconv"
	"strings"
)

// names returns the texts of e's first argument.
func (f *finding) names(e *expression, s *scope, depth int) (all []string) {
	if len(e.args) == 0 {
		return nil
	}
	for _, v := range f.call(e.args[0], s, depth) {
		if v.kind == '"' {
			all = append(all, v.text)
		}
	}
	return all
}

// texts returns the texts of a value: all elements of an array.
func (f *finding) texts(e *expression, s *scope, depth int) (all []string, ok bool) {
	for _, v := range f.call(e, s, depth) {
		var ends []value
		f.walk(v, nil, depth, &ends)
		for _, end := range ends {
			if end.kind != '"' && end.kind != 'w' {
				return nil, false
			}
			all = append(all, end.text)
		}
	}
	return all, len(all) > 0 && len(all) <= maxValues
}

// concat joins texts, or arrays: then each element stands for itself.
func (f *finding) concat(e *expression, s *scope, depth int) []value {
	joined := []string{""}
	for _, a := range e.args {
		texts, ok := f.texts(a, s, depth)
		if !ok {
			return []value{hiddenValue()}
		}
		joined = product(joined, texts)
		if joined == nil {
			return []value{hiddenValue()}
		}
	}
	return textValues(joined)
}

// product returns each of a before each of b; nil if there are too many.
func product(a, b []string) []string {
	if len(a)*len(b) > maxValues {
		return nil
	}
	var all []string
	for _, x := range a {
		for _, y := range b {
			if len(x)+len(y) > maxExpression {
				return nil
			}
			all = append(all, x+y)
		}
	}
	return all
}

func textValues(texts []string) []value {
	all := make([]value, len(texts))
	for i, t := range texts {
		all[i] = textValue(t)
	}
	return all
}

// format fills {0} and its like; a format of another form is hidden.
func (f *finding) format(e *expression, s *scope, depth int) []value {
	if len(e.args) == 0 {
		return []value{hiddenValue()}
	}
	filled, ok := f.texts(e.args[0], s, depth)
	if !ok || len(filled) != 1 {
		return []value{hiddenValue()}
	}
	parts := strings.Split(filled[0], "{")
	joined := []string{parts[0]}
	for _, part := range parts[1:] {
		index, rest, closed := strings.Cut(part, "}")
		i, err := strconv.Atoi(index)
		if err != nil || !closed || i < 0 || i+1 >= len(e.args) {
			return []value{hiddenValue()}
		}
		texts, ok := f.texts(e.args[i+1], s, depth)
		if !ok {
			return []value{hiddenValue()}
		}
		if joined = product(joined, texts); joined != nil {
			joined = product(joined, []string{rest})
		}
		if joined == nil {
			return []value{hiddenValue()}
		}
	}
	return textValues(joined)
}

// resourceID evaluates resourceId([subscription], [group], type, names…). Only
// what stands before the type can name another subscription.
func (f *finding) resourceID(e *expression, s *scope, depth int) []value {
	subscriptions := []string{s.subscription}
	for i, a := range e.args {
		texts, ok := f.texts(a, s, depth)
		if !ok {
			return []value{hiddenValue()}
		}
		if strings.Contains(texts[0], "/") {
			var all []value
			for _, id := range subscriptions {
				if id == "" { // where the template is deployed, wherever that is
					all = append(all, textValue(""))
					continue
				}
				all = append(all, textValue("/subscriptions/"+id+"/providers/"+texts[0]))
			}
			return all
		}
		if _, isID := guid(texts[0]); isID && i == 0 {
			subscriptions = texts
		}
	}
	return []value{hiddenValue()}
}
