package links

import "strings"

const networkNamespace = "microsoft.network"

// anyNetwork is for a resource of a network that has no rule of its own.
var anyNetwork = rule{kind: NetworkReference}

// inNetwork tells whether the namespace behind the "providers" at at is that of
// networks. It allocates nothing.
func inNetwork(path string, at int) bool {
	if at < 0 {
		return false
	}
	rest := path[at+len(providers):]
	return len(rest) > len(networkNamespace) && rest[len(networkNamespace)] == '/' && strings.EqualFold(rest[:len(networkNamespace)], networkNamespace)
}

// references keeps every subscription that a network's resource names anywhere
// in its body, unless a rule of its own has said so. What an expression hides
// is not kept: it would be everything that refers to another resource. It has
// a bound of its own, so that a large network hides nothing that comes after.
func (f *finding) references(r resource, body value) {
	network := strings.HasPrefix(strings.ToLower(r.types), networkNamespace+"/")
	if !network || body.node == nil || f.referSteps > maxSteps { // that there is more is said once
		return
	}
	f.steps, f.referSteps = f.referSteps, f.steps
	f.refer(r, body, "", 0)
	if f.steps > maxSteps {
		f.hidden(NetworkReference, r, "more values than are read", "")
	}
	f.steps, f.referSteps = f.referSteps, f.steps
}

func (f *finding) refer(r resource, v value, field string, depth int) {
	if f.steps++; f.steps > maxSteps || depth > maxDepth {
		return
	}
	switch {
	case v.kind == '"' && v.in != nil && isExpression(v.text):
		for _, w := range f.evaluate(v) {
			if w.kind == '"' {
				f.referTo(r, w.text, field)
			}
		}
	case v.kind == '"':
		f.referTo(r, v.text, field)
	case v.kind == '{':
		for _, k := range v.kids {
			if v.in != nil && depth == 0 && strings.EqualFold(k.key, "resources") {
				continue // a template's child resources are looked at by themselves
			}
			f.refer(r, value{k, v.in}, k.key, depth+1)
		}
	default:
		for _, k := range v.kids {
			f.refer(r, value{k, v.in}, field, depth+1)
		}
	}
}

func (f *finding) referTo(r resource, text, field string) {
	id, ok := subscriptionIn(text)
	if !ok || id == r.subscription {
		return
	}
	for _, l := range f.links {
		if l.Target == id && strings.HasPrefix(l.Resource, shown(r.id)) {
			return
		}
	}
	f.add(Link{Kind: NetworkReference, Resource: r.id, Subscription: r.subscription, Target: id, TargetKind: Subscription, Field: field})
}
