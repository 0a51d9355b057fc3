package console

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Field is one field of an event: its dotted name and its value as text.
type Field struct{ Name, Value string }

// fields returns every field of the event that is not empty, by name. Those of
// the observer are left out: they are the same in all events. So is uptime,
// which only the log's own line has.
func (e entry) fields() ([]Field, error) {
	d := json.NewDecoder(bytes.NewReader(e.line))
	d.UseNumber()
	var tree map[string]any
	if err := d.Decode(&tree); err != nil {
		return nil, err
	}
	delete(tree, "observer")
	if own, ok := tree["tenantgate"].(map[string]any); ok {
		own["seq"] = strconv.FormatUint(e.seq, 10)
		delete(own, "uptime")
	}
	return flatten(nil, "", tree), nil
}

func flatten(to []Field, name string, value any) []Field {
	switch v := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			to = flatten(to, strings.TrimPrefix(name+"."+key, "."), v[key])
		}
		return to
	case []any:
		return flattenList(to, name, v)
	default:
		if text := fmt.Sprint(v); text != "" {
			to = append(to, Field{name, text})
		}
		return to
	}
}

// flattenList puts a list of plain values on one line, objects on lines of
// their own.
func flattenList(to []Field, name string, list []any) []Field {
	var plain []string
	for i, one := range list {
		if _, object := one.(map[string]any); object {
			to = flatten(to, name+"["+strconv.Itoa(i)+"]", one)
			continue
		}
		plain = append(plain, fmt.Sprint(one))
	}
	if len(plain) == 0 {
		return to
	}
	return append(to, Field{name, strings.Join(plain, ", ")})
}
