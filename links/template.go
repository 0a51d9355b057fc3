package links

import "strings"

// deployment reads what holds a template: a deployment, a deployment stack, a
// blueprint's artifact, or a template spec, which keeps one for later.
func (f *finding) deployment(r resource, body value) {
	r = f.within(r, body)
	for _, field := range []string{"templateLink", "parametersLink"} {
		for _, link := range f.at(body, "properties", field) {
			f.linked(r, link, field)
		}
	}
	for _, p := range f.at(body, "properties") {
		for _, t := range p.named("template") {
			f.resources(r, f.scopeOf(r, value{t, p.in}, p), resource{})
		}
		for _, t := range p.named("mainTemplate") {
			f.resources(r, f.scopeOf(r, value{t, nil}, value{}), resource{})
		}
		for _, artifact := range f.at(p, "linkedTemplates") {
			for _, t := range artifact.named("template") {
				f.resources(r, f.scopeOf(r, value{t, nil}, value{}), resource{})
			}
		}
	}
}

// linked reports a template, or its parameters, that stand elsewhere: in a
// URL, or in a template spec. What is in them does not pass here.
func (f *finding) linked(r resource, link value, field string) {
	if link.kind != '{' {
		return
	}
	what := Link{Kind: TemplateLink, Resource: r.id, Subscription: r.subscription, TargetKind: Name, Field: "properties." + field}
	for _, name := range []string{"uri", "id", "relativePath"} {
		for _, v := range f.at(link, name) {
			if what.Target == "" && v.kind == '"' {
				what.Target, _, _ = strings.Cut(v.text, "?") // the query may hold a signature
				what.Field = "properties." + field + "." + name
			}
		}
	}
	if what.Target == "" {
		f.hidden(TemplateLink, r, "an expression", what.Field)
		return
	}
	f.add(what)
}

// within returns a nested deployment as it stands where it puts its resources.
func (f *finding) within(r resource, body value) resource {
	if body.in == nil {
		return r
	}
	for _, v := range f.at(body, "subscriptionId") {
		id, ok := guid(strings.TrimSpace(v.text))
		switch {
		case v.kind == hiddenKind, v.kind == '"' && v.text != "" && !ok:
			r.subscription = "" // nobody can tell: no far end is then near
		case ok && id != r.subscription:
			r.subscription = id
			r.id = "/subscriptions/" + id + r.id[max(lastFold(r.id, providers), 0):]
		}
	}
	return r
}

// scope is what the expressions of a template refer to.
type scope struct {
	subscription string
	template     *node
	outer        *scope // parameters' values are of the template around
	parameters   *node  // the values given, by name
	open         bool   // values may be given elsewhere
}

// scopeOf returns the template t with its scope. A nested template's own is
// that of the one around it, unless it says inner (Microsoft,
// linked-templates, expression evaluation scope).
func (f *finding) scopeOf(r resource, t, properties value) value {
	if t.kind == '"' { // a template that is written as text, or made by an expression
		f.hidden(TemplateLink, r, "an expression", "properties.template")
		return value{&node{}, nil}
	}
	if properties.in != nil && !f.inner(properties) {
		return value{t.node, properties.in}
	}
	s := &scope{subscription: r.subscription, template: t.node, outer: properties.in}
	for _, p := range properties.named("parameters") {
		s.parameters = p
	}
	s.open = len(properties.named("parametersLink")) > 0
	return value{t.node, s}
}

func (f *finding) inner(properties value) bool {
	for _, v := range f.at(properties, "expressionEvaluationOptions", "scope") {
		if strings.EqualFold(v.text, "inner") {
			return true
		}
	}
	return false
}

// resources reads the resources of a template, or of a resource in one: a
// list, or an object where they have symbolic names.
func (f *finding) resources(deployment resource, in value, parent resource) {
	for _, list := range in.named("resources") {
		if list.kind == '"' {
			f.hidden(TemplateLink, deployment, "an expression", "resources")
		}
		for _, one := range list.kids {
			if f.steps++; f.steps > maxSteps {
				f.hidden(Unreadable, deployment, "more resources than are read", "")
				return
			}
			if one.kind == '"' {
				f.hidden(TemplateLink, deployment, "an expression", "resources")
				continue
			}
			f.resource(deployment, value{one, in.in}, parent)
		}
	}
}

// resource reads one resource of a template. Whether its condition holds, and
// how often it is copied, does not matter.
func (f *finding) resource(deployment resource, one value, parent resource) {
	for _, t := range f.at(one, "type") {
		if t.kind == hiddenKind {
			f.hidden(TemplateLink, deployment, "an expression", "resources.type")
			continue
		}
		types, name := strings.Trim(t.text, "/ "), f.nameOf(one)
		if parent.types != "" && !strings.Contains(types, ".") {
			types, name = parent.types+"/"+types, parent.name+"/"+name
		}
		r := resource{id: place(deployment, types, name), subscription: deployment.subscription, types: types, name: name}
		k := ruleFor(types[strings.LastIndexByte(types, '/')+1:], strings.ToLower(types))
		if k == nil {
			k = &anyNetwork // it looks at networks alone
		}
		f.apply(k, r, one)
		f.resources(deployment, one, r)
	}
}

// place returns the path of a resource that deployment makes: its types and
// names in turn.
func place(deployment resource, types, name string) string {
	id := deployment.id[:max(lastFold(deployment.id, providers), 0)] + "/providers"
	namespace, types, _ := strings.Cut(types, "/")
	id += "/" + namespace
	for types != "" {
		var t, n string
		t, types, _ = strings.Cut(types, "/")
		n, name, _ = strings.Cut(name, "/")
		id += "/" + t + "/" + n
	}
	return id
}

// child returns the resource that one is beneath r.
func (f *finding) child(r resource, kind string, one value) resource {
	return resource{id: r.id + "/" + kind + "/" + f.nameOf(one), subscription: r.subscription}
}

func (f *finding) nameOf(one value) string {
	for _, v := range f.at(one, "name") {
		if v.kind == '"' {
			return v.text
		}
	}
	return "?"
}
