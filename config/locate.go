package config

import (
	"errors"
	"slices"

	"github.com/tenantgate/tenantgate/setting"
)

// Locate returns what err joins as *Problems in the order of the file: each
// *setting.Error, whose path must start with its section (see setting.In), at
// the place of its setting or of the nearest one above it; a Problem
// likewise if it has no place yet; anything else as a problem of the file as a whole. A setting that has a
// problem already is not reported twice. Locate returns nil for nil.
//
// To tell everything at once, give it the error of Read together with those
// of the packages that were built from f:
//
//	err = f.Locate(errors.Join(err, setting.In("tagging", taggingErr)))
func (f *File) Locate(err error) error {
	if err == nil {
		return nil
	}
	d := f.doc
	if d == nil {
		d = newDocument("", "")
	}
	found := newFinding(d)
	for _, one := range setting.List(err) {
		found.add(one)
	}
	inOrder(found.all)
	return &Problems{All: found.all, lines: d.lines}
}

// finding collects problems without repeating consequences. It works on a
// copy, so that f can locate again after a reload failed.
type finding struct {
	doc *document
	all []Problem
}

func newFinding(d *document) *finding {
	scratch := *d
	scratch.reported = map[string]bool{}
	return &finding{doc: &scratch}
}

func (f *finding) add(err error) {
	if p, ok := errors.AsType[Problem](err); ok && (p.Line > 0 || p.File != "" || p.Path == "" || f.doc.flags != "") {
		f.all = append(f.all, p)
		f.cover(p)
		return
	}
	p := f.doc.mapped(err)
	if f.doc.covered(p.covers) || slices.ContainsFunc(f.all, func(q Problem) bool { return p.Error() == q.Error() }) {
		return
	}
	f.cover(p)
	f.all = append(f.all, p)
}

func (f *finding) cover(p Problem) {
	if p.covers != "" {
		f.doc.reported[p.covers] = true
	}
}

// mapped returns the problem that err is.
func (d *document) mapped(err error) Problem {
	if e, ok := errors.AsType[Problem](err); ok {
		return d.problem(e.Path, e.Hint, e.What)
	}
	if e, ok := errors.AsType[*setting.Error](err); ok {
		p := d.problem(e.Path, e.Hint, e.What)
		p.err = err
		return p
	}
	return Problem{File: d.name, What: d.redact(err.Error()), err: err}
}
