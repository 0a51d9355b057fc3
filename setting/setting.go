// Package setting names a setting that cannot be used: where it stands, what
// is wrong with it, and what to write instead.
//
// Every package that owns a section of the configuration reports its problems
// with it, all of them at once; config adds the file, the line and the column.
package setting

import (
	"errors"
	"fmt"
)

// Error is one problem with one setting.
type Error struct {
	Path string // YAML path from the section's root, such as partners[0].tenant
	What string // what is wrong, with the offending value: "contoso" is not a directory ID
	Hint string // what to write instead; may be empty
}

func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Path + ": " + e.What
	}
	return e.Path + ": " + e.What + " (" + e.Hint + ")"
}

// Errorf returns an Error at path whose What is formatted from format and args.
func Errorf(path, hint, format string, args ...any) error {
	return &Error{Path: path, What: fmt.Sprintf(format, args...), Hint: hint}
}

// In returns err with the path of every Error in it put below section.
func In(section string, err error) error {
	var all []error
	for _, e := range List(err) {
		if found, ok := errors.AsType[*Error](e); ok {
			e = &Error{Path: join(section, found.Path), What: found.What, Hint: found.Hint}
		}
		all = append(all, e)
	}
	return errors.Join(all...)
}

func join(section, path string) string {
	if path == "" {
		return section
	}
	return section + "." + path
}

// List returns the single errors that err joins, in order; none for nil.
func List(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, List(e)...)
	}
	return all
}
