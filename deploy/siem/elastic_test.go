package siem_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// mapped returns the type of every field of the index template.
func mapped(t *testing.T) map[string]string {
	t.Helper()
	var template struct {
		IndexPatterns []string       `json:"index_patterns"`
		DataStream    map[string]any `json:"data_stream"`
		Template      struct {
			Settings map[string]map[string]any
			Mappings struct{ Properties map[string]any }
		} `json:"template"`
	}
	readJSON(t, "elastic/index-template.json", &template)
	if template.DataStream == nil || template.Template.Settings["index"]["default_pipeline"] != "tenantgate" || !slices.Equal(template.IndexPatterns, []string{"logs-tenantgate.*-*"}) {
		t.Errorf("%+v", template)
	}
	all := map[string]string{}
	var into func(at string, properties map[string]any)
	into = func(at string, properties map[string]any) {
		for name, v := range properties {
			spec, _ := v.(map[string]any)
			if inner, ok := spec["properties"].(map[string]any); ok {
				into(at+name+".", inner)
				continue
			}
			all[at+name], _ = spec["type"].(string)
		}
	}
	into("", template.Template.Mappings.Properties)
	return all
}

// fits says whether Elasticsearch takes a value for a field of the type.
func fits(kind string, v any) bool {
	text, isText := v.(string)
	switch kind {
	case "keyword", "wildcard", "match_only_text":
		return isText
	case "long":
		_, ok := v.(float64)
		return ok
	case "boolean":
		_, ok := v.(bool)
		return ok
	case "date":
		_, err := time.Parse(time.RFC3339, text)
		return err == nil
	case "ip":
		_, err := netip.ParseAddr(text)
		return err == nil
	}
	return false
}

func TestTheIndexTemplateMapsEveryFieldAndNoOther(t *testing.T) {
	types, left := mapped(t), mapped(t)
	for name, event := range rendered(t)["ecs"] {
		document := ingest(t, event)
		document["error"] = map[string]any{"message": "of a pipeline that failed"}
		fields := map[string]any{}
		flatten(fields, "", "", document)
		for field, v := range fields {
			if field == "_id" {
				continue
			}
			delete(left, field)
			switch {
			case v == nil && types[field+".kind"] != "": // an empty list of objects
			case types[field] == "":
				t.Errorf("%s: %s is not mapped", name, field)
			case v != nil && !fits(types[field], v):
				t.Errorf("%s: %s is %v, mapped as %s", name, field, v, types[field])
			}
		}
	}
	for field := range left {
		t.Errorf("%s is mapped, and no event has it", field)
	}
}

// A processor is one step of an ingest pipeline.
type processor map[string]struct {
	Field            string          `json:"field"`
	Value            any             `json:"value"`
	CopyFrom         string          `json:"copy_from"`
	Override         *bool           `json:"override"`
	IgnoreEmptyValue bool            `json:"ignore_empty_value"`
	IgnoreMissing    bool            `json:"ignore_missing"`
	AllowDuplicates  *bool           `json:"allow_duplicates"`
	If               string          `json:"if"`
	Processor        json.RawMessage `json:"processor"`
	Description      string          `json:"description"`
	Lang             string          `json:"lang"`
	Source           string          `json:"source"`
}

// ingest does to an event what elastic/ingest-pipeline.json says.
func ingest(t *testing.T, event map[string]any) map[string]any {
	t.Helper()
	var pipeline struct {
		Processors []processor `json:"processors"`
	}
	readJSON(t, "elastic/ingest-pipeline.json", &pipeline)
	text, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	var document map[string]any
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	metadata := map[string]any{"timestamp": "2026-11-21T19:00:01.000Z"}
	document["_ingest"] = metadata
	for i, p := range pipeline.Processors {
		if err := step(p, document, metadata); err != nil {
			t.Fatalf("processor %d: %v", i, err)
		}
	}
	delete(document, "_ingest")
	return document
}

func step(p processor, document, metadata map[string]any) error {
	for kind, s := range p {
		if s.If != "" {
			yes, err := painless(s.If, document)
			if err != nil || !yes {
				return err
			}
		}
		switch kind {
		case "set":
			v := expand(s.Value, document)
			if s.CopyFrom != "" {
				v = at(document, s.CopyFrom)
			}
			if s.IgnoreEmptyValue && (v == nil || v == "") || s.Override != nil && !*s.Override && at(document, s.Field) != nil {
				return nil
			}
			if v == nil {
				return fmt.Errorf("%s has no value for %s", s.CopyFrom, s.Field)
			}
			put(document, s.Field, v)
		case "append":
			list, _ := at(document, s.Field).([]any)
			v := expand(s.Value, document)
			if s.AllowDuplicates != nil && !*s.AllowDuplicates && slices.Contains(list, v) {
				return nil
			}
			put(document, s.Field, append(list, v))
		case "foreach":
			list, ok := at(document, s.Field).([]any)
			if !ok && !s.IgnoreMissing {
				return fmt.Errorf("%s is no list", s.Field)
			}
			var inner processor
			if err := json.Unmarshal(s.Processor, &inner); err != nil {
				return err
			}
			for _, one := range list {
				metadata["_value"] = one
				if err := step(inner, document, metadata); err != nil {
					return err
				}
			}
			delete(metadata, "_value")
		case "script":
			m := regexp.MustCompile(`^ctx\.([a-z.]+)\.removeIf\(u -> u == ''\)$`).FindStringSubmatch(s.Source)
			if m == nil {
				return fmt.Errorf("script %q is not known here", s.Source)
			}
			list, _ := at(document, m[1]).([]any)
			put(document, m[1], slices.DeleteFunc(list, func(v any) bool { return v == "" }))
		default:
			return fmt.Errorf("%s is not known here", kind)
		}
	}
	return nil
}

// expand fills in a Mustache template, three braces as Elasticsearch has them
// for text that is not escaped.
func expand(v any, document map[string]any) any {
	text, ok := v.(string)
	if !ok {
		return v
	}
	return regexp.MustCompile(`\{\{\{([^}]*)\}\}\}`).ReplaceAllStringFunc(text, func(m string) string {
		if v := at(document, strings.Trim(m, "{}")); v != nil {
			return fmt.Sprint(v)
		}
		return ""
	})
}

func at(document map[string]any, path string) any {
	var v any = document
	for _, key := range strings.Split(path, ".") {
		object, _ := v.(map[string]any)
		v = object[key]
	}
	return v
}

func put(document map[string]any, path string, v any) {
	keys := strings.Split(path, ".")
	for _, key := range keys[:len(keys)-1] {
		inner, ok := document[key].(map[string]any)
		if !ok {
			inner = map[string]any{}
			document[key] = inner
		}
		document = inner
	}
	document[keys[len(keys)-1]] = v
}

var painlessTerm = regexp.MustCompile(`^(ctx[\w.?]*) (==|!=) (ctx[\w.?]*|'[^']*'|null|true|false)$`)

// painless evaluates a condition: comparisons joined by || and &&, no brackets.
// As in Painless, "." behind what is null is an error and "?." is not.
func painless(text string, document map[string]any) (bool, error) {
	for _, either := range strings.Split(text, " || ") {
		all := true
		for _, term := range strings.Split(either, " && ") {
			m := painlessTerm.FindStringSubmatch(term)
			if m == nil {
				return false, fmt.Errorf("condition %q", term)
			}
			a, err := operand(m[1], document)
			if err != nil {
				return false, err
			}
			b, err := operand(m[3], document)
			if err != nil {
				return false, err
			}
			if all = (a == b) == (m[2] == "=="); !all {
				break
			}
		}
		if all {
			return true, nil
		}
	}
	return false, nil
}

func operand(text string, document map[string]any) (any, error) {
	switch {
	case text == "null":
		return nil, nil
	case text == "true", text == "false":
		return text == "true", nil
	case text[0] == '\'':
		return strings.Trim(text, "'"), nil
	}
	var v any = document
	for _, m := range regexp.MustCompile(`(\??\.)(\w+)`).FindAllStringSubmatch(text, -1) {
		if v == nil && m[1] == "." {
			return nil, fmt.Errorf("%s: null pointer at %s", text, m[2])
		}
		object, _ := v.(map[string]any)
		v = object[m[2]]
	}
	return v, nil
}

func TestThePipelineAddsWhatSearchesNeed(t *testing.T) {
	for name, want := range map[string]map[string]any{
		"refused":          {"event.severity": 73.0, "tenantgate.external_tenant": foreign, "event.dataset": "tenantgate.tenant", "url.full": "https://graph.microsoft.com/v1.0/me", "organization.id": home, "rule.name": "external-account"},
		"observed":         {"event.severity": 47.0},
		"signal":           {"event.severity": 47.0},
		"lost":             {"event.severity": 47.0},
		"passed":           {"event.severity": 1.0, "event.dataset": "tenantgate.access", "tenantgate.external_tenant": nil},
		"sign-in":          {"event.severity": 21.0, "tenantgate.external_tenant": "fabrikam.com"},
		"refused by Entra": {"tenantgate.external_tenant": "fabrikam.com"},
		"tunnel":           {"url.full": nil},
	} {
		event := rendered(t)["ecs"][name]
		document := ingest(t, event)
		for field, v := range want {
			if got := at(document, field); got != v {
				t.Errorf("%s: %s is %v, want %v", name, field, got, v)
			}
		}
		if document["_id"] != at(event, "event.id") {
			t.Errorf("%s: document id %v", name, document["_id"])
		}
	}
	users, _ := at(ingest(t, rendered(t)["ecs"]["refused"]), "related.user").([]any)
	if !slices.Equal(users, []any{`CONTOSO\ada`, "eve@fabrikam.com"}) {
		t.Errorf("related.user %v", users)
	}
	if _, ok := at(ingest(t, rendered(t)["ecs"]["key"]), "related.user").([]any); !ok {
		t.Error("the credential without a user leaves no list")
	}
	if _, err := painless("ctx.nothing.there == 'x'", map[string]any{}); err == nil {
		t.Error("a null pointer is no error")
	}
}

// A saved object is a line of elastic/saved-objects.ndjson.
type savedObject struct {
	Type, ID   string
	Attributes struct {
		Title, VisState, PanelsJSON, TimeFieldName string
		Columns                                    []string
		KibanaSavedObjectMeta                      struct{ SearchSourceJSON string }
	}
	References []struct{ ID, Name, Type string }
}

func TestSavedObjectsReferToEachOtherAndToFieldsThatAreThere(t *testing.T) {
	fields, known := mapped(t), map[string]bool{}
	var all []savedObject
	for line := range strings.Lines(read(t, "elastic/saved-objects.ndjson")) {
		var o savedObject
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			t.Fatal(err)
		}
		if all = append(all, o); known[o.Type+" "+o.ID] {
			t.Errorf("two are called %s", o.ID)
		}
		known[o.Type+" "+o.ID] = true
	}
	if len(all) < 8 {
		t.Fatalf("only %d objects", len(all))
	}
	for _, o := range all {
		named := slices.Clone(o.Attributes.Columns)
		for _, r := range o.References {
			if !known[r.Type+" "+r.ID] {
				t.Errorf("%s refers to %s %s, which is not there", o.ID, r.Type, r.ID)
			}
		}
		for _, text := range []string{o.Attributes.VisState, o.Attributes.PanelsJSON, o.Attributes.KibanaSavedObjectMeta.SearchSourceJSON} {
			if text != "" && !json.Valid([]byte(text)) {
				t.Errorf("%s: %q is no JSON", o.ID, text)
			}
			for _, m := range regexp.MustCompile(`"field": ?"([^"]+)"`).FindAllStringSubmatch(text, -1) {
				named = append(named, m[1])
			}
		}
		var source struct{ Query struct{ Query string } }
		_ = json.Unmarshal([]byte(o.Attributes.KibanaSavedObjectMeta.SearchSourceJSON), &source)
		for _, m := range regexp.MustCompile(`([\w.@]+) : `).FindAllStringSubmatch(source.Query.Query, -1) {
			named = append(named, m[1])
		}
		for _, field := range append(named, o.Attributes.TimeFieldName) {
			if field != "" && fields[field] == "" {
				t.Errorf("%s names %s, which is not mapped", o.ID, field)
			}
		}
		for _, m := range regexp.MustCompile(`"panelRefName": ?"([^"]+)"`).FindAllStringSubmatch(o.Attributes.PanelsJSON, -1) {
			if !slices.ContainsFunc(o.References, func(r struct{ ID, Name, Type string }) bool { return strings.HasSuffix(r.Name, ":"+m[1]) }) {
				t.Errorf("%s: panel %s refers to nothing", o.ID, m[1])
			}
		}
	}
}
