package config

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/tokens"
)

// fromHint says how the file of policy.from is made.
const fromHint = "make it with tenantgate policy sync or policy import"

// underlayFile puts the policy of the file that policy.from names beneath the
// settings of f.
func (d *document) underlayFile(f *File) {
	src, err := readBounded(f.Policy.From, maxFile)
	if err != nil {
		d.wrong("policy.from", fromHint, "%s: %s", d.quote("policy.from", f.Policy.From), unreadable(f.Policy.From, err))
		return
	}
	if err := f.Underlay(f.Policy.From, src); err != nil {
		d.wrong("policy.from", fromHint, "%v", err)
	}
}

// Underlay puts the policy section of src beneath that of f: what f says
// itself stays, the default's settings one by one, organizations each as a
// whole. name stands for src in errors and places.
func (f *File) Underlay(name string, src []byte) error {
	g := Default()
	g.doc = newDocument(name, "")
	root := g.doc.parse(src)
	if root != nil {
		g.doc.decode(&g, root)
	}
	for key := range g.doc.keys {
		if parent(key) == "" && key != "policy" {
			return fmt.Errorf("%s has a section %.60q, want policy alone", name, key)
		}
	}
	if len(g.doc.problems) > 0 {
		return g.doc.problems[0]
	}
	f.underlayDefault(&g)
	for i, p := range g.Policy.Partners {
		if slices.ContainsFunc(f.Policy.Partners, func(own policy.Partner) bool { return sameTenant(own.Tenant, p.Tenant) }) {
			continue
		}
		f.borrow(&g, fmt.Sprintf("policy.partners[%d]", i), fmt.Sprintf("policy.partners[%d]", len(f.Policy.Partners)))
		f.Policy.Partners = append(f.Policy.Partners, p)
	}
	return nil
}

func sameTenant(a, b string) bool {
	one, ok1 := tokens.ParseTenant(a)
	other, ok2 := tokens.ParseTenant(b)
	return ok1 && ok2 && one == other
}

// underlayDefault takes the settings of the default that f does not have.
func (f *File) underlayDefault(g *File) {
	own, more := reflect.ValueOf(&f.Policy.Default).Elem(), reflect.ValueOf(&g.Policy.Default).Elem()
	for key, index := range fieldsOf(own.Type()) {
		path := "policy.default." + key
		_, said := f.doc.keys[path]
		if _, told := g.doc.keys[path]; told && !said {
			own.FieldByIndex(index).Set(more.FieldByIndex(index))
			f.borrow(g, path, path)
		}
	}
}

// borrow notes for Where that the setting at path, and what is beneath, stands
// in the file of g.
func (f *File) borrow(g *File, there, path string) {
	if f.doc.borrowed == nil {
		f.doc.borrowed = map[string]string{}
	}
	for p := range g.doc.places {
		if rest, ok := beneath(p, there); ok {
			f.doc.borrowed[path+rest] = g.Where(p)
		}
	}
}

// beneath returns what of p follows path, if p is path or beneath it.
func beneath(p, path string) (string, bool) {
	if len(p) < len(path) || p[:len(path)] != path || len(p) > len(path) && p[len(path)] != '.' && p[len(path)] != '[' {
		return "", false
	}
	return p[len(path):], true
}
