package config

import (
	"reflect"
	"strings"
)

// fieldsOf returns the keys of the section that t holds, with the fields they set.
func fieldsOf(t reflect.Type) map[string][]int {
	fields := map[string][]int{}
	for _, f := range reflect.VisibleFields(t) {
		if key, ok := keyOf(f); ok {
			fields[key] = f.Index
		}
	}
	return fields
}

// keysOf returns the keys of the section that t holds, in the order of its fields.
func keysOf(t reflect.Type) []string {
	var keys []string
	for _, f := range reflect.VisibleFields(t) {
		if key, ok := keyOf(f); ok {
			keys = append(keys, key)
		}
	}
	return keys
}

func keyOf(f reflect.StructField) (string, bool) {
	key, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	if !f.IsExported() || f.Anonymous || key == "-" {
		return "", false
	}
	if key == "" {
		key = strings.ToLower(f.Name)
	}
	return key, true
}

// paths calls yield with the path of every key in and below t; a list's
// entries are written []. A setting with a short form counts as one.
func paths(t reflect.Type, path string, yield func(path string)) {
	if hasShortForm(t) {
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		paths(t.Elem(), path, yield)
	case reflect.Slice:
		paths(t.Elem(), path+"[]", yield)
	case reflect.Struct:
		for key, index := range fieldsOf(t) {
			at := below(path, key)
			yield(at)
			paths(t.FieldByIndex(index).Type, at, yield)
		}
	}
}

// headers are what somebody may paste from Microsoft's documentation as a key.
var headers = map[string]string{
	"restricttenantaccesspolicy":    "write the two IDs as tenant.id and tenant.policy",
	"secrestricttenantaccesspolicy": "write the two IDs as tenant.id and tenant.policy",
	"restrictaccesstotenants":       "with tagging.version: v1 write the list as tagging.v1.allowed",
	"restrictaccesscontext":         "with tagging.version: v1 write the ID as tagging.v1.context",
}

// unknown records a key that the section at path does not have.
func (d *document) unknown(path, key string, known []string) {
	shown := []rune(printable(key))
	if len(shown) > 60 {
		shown = append(shown[:59], '…')
	}
	d.at(d.keys[below(path, key)], below(path, string(shown)), hintFor(path, key, known), "unknown key")
}

func hintFor(path, key string, known []string) string {
	if hint, ok := headers[squash(key)]; ok {
		return hint
	}
	for _, like := range []string{same(key, known), elsewhere(path, key), nearest(key, known)} {
		if like != "" {
			return "did you mean " + like + "?"
		}
	}
	return "known here: " + strings.Join(known, ", ")
}

// elsewhere returns the one path in the whole configuration that key could
// be meant for: tenant_id and tenantId at the root are tenant.id.
func elsewhere(path, key string) string {
	found := map[string]bool{}
	paths(reflect.TypeFor[File](), "", func(p string) {
		last := p[strings.LastIndexByte(p, '.')+1:]
		whole := squash(p)
		if whole == squash(key) || whole == squash(below(path, key)) || squash(last) == squash(key) {
			found[p] = true
		}
	})
	if len(found) != 1 {
		return ""
	}
	for p := range found {
		return p
	}
	return ""
}

// same returns the word that is s but for case and separators.
func same(s string, words []string) string {
	for _, w := range words {
		if squash(w) == squash(s) {
			return w
		}
	}
	return ""
}

// nearest returns the word closest to s, at most a third of its letters away.
func nearest(s string, words []string) string {
	best, bestAt := "", len(s)/3+1
	for _, w := range words {
		if n := distance(squash(s), squash(w)); n < bestAt && n < len(w) {
			best, bestAt = w, n
		}
	}
	return best
}

func squash(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("-_. []", r) {
			return -1
		}
		return r
	}, strings.ToLower(s))
}

// distance is how many letters must be added, dropped, changed or swapped
// with their neighbour to get from a to b (optimal string alignment).
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			change := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			rows[i][j] = min(change, rows[i-1][j]+1, rows[i][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
