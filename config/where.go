package config

import "strconv"

// Where returns the place of the setting at path, as file:line; empty if the
// file does not have it, so that the default applies.
func (f *File) Where(path string) string {
	if f.doc == nil || f.doc.name == "" {
		return ""
	}
	if there, ok := f.doc.borrowed[path]; ok {
		return there
	}
	at, ok := f.doc.places[path]
	if !ok {
		return ""
	}
	return f.doc.name + ":" + strconv.Itoa(at.line)
}
