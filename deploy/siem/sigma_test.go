package siem_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A sigmaRule is a detection rule (sigma-specification, Sigma Rules 2.0).
type sigmaRule struct {
	Title          string         `yaml:"title"`
	ID             string         `yaml:"id"`
	Status         string         `yaml:"status"`
	Description    string         `yaml:"description"`
	References     []string       `yaml:"references"`
	Author         string         `yaml:"author"`
	Date           string         `yaml:"date"`
	Tags           []string       `yaml:"tags"`
	LogSource      sigmaSource    `yaml:"logsource"`
	Detection      map[string]any `yaml:"detection"`
	FalsePositives []string       `yaml:"falsepositives"`
	Level          string         `yaml:"level"`
}

type sigmaSource struct {
	Product string `yaml:"product"`
	Service string `yaml:"service"`
}

// matches evaluates the rule over one event: named selections joined by "and",
// "or" and "not", each a map of fields; a list of values is any of them.
func (r sigmaRule) matches(event map[string][]string) (bool, error) {
	if !slices.Equal(event["tenantgate.kind"], []string{r.LogSource.Service}) {
		return false, nil
	}
	condition, _ := r.Detection["condition"].(string)
	for _, either := range strings.Split(condition, " or ") {
		all := true
		for _, term := range strings.Split(either, " and ") {
			name, not := strings.CutPrefix(term, "not ")
			selection, ok := r.Detection[name].(map[string]any)
			if !ok {
				return false, fmt.Errorf("no selection %q", name)
			}
			yes, err := selected(selection, event)
			if err != nil {
				return false, err
			}
			all = all && yes != not
		}
		if all {
			return true, nil
		}
	}
	return false, nil
}

func selected(selection map[string]any, event map[string][]string) (bool, error) {
	all := true
	for key, want := range selection {
		field, modifier, _ := strings.Cut(key, "|")
		list, ok := want.([]any)
		if !ok {
			list = []any{want}
		}
		one := false
		for _, value := range list {
			yes, err := compareSigma(modifier, event[field], value)
			if err != nil {
				return false, fmt.Errorf("%s: %w", key, err)
			}
			one = one || yes
		}
		all = all && one
	}
	return all, nil
}

func compareSigma(modifier string, values []string, want any) (bool, error) {
	text := strings.ToLower(fmt.Sprint(want))
	test := map[string]func(string) bool{
		"":           func(v string) bool { return v == text },
		"startswith": func(v string) bool { return strings.HasPrefix(v, text) },
		"endswith":   func(v string) bool { return strings.HasSuffix(v, text) },
		"contains":   func(v string) bool { return strings.Contains(v, text) },
	}[modifier]
	switch {
	case modifier == "exists":
		return (len(values) > 0) == (want == true), nil
	case test == nil:
		return false, fmt.Errorf("modifier %s is not known here", modifier)
	}
	return slices.ContainsFunc(values, func(v string) bool { return test(strings.ToLower(v)) }), nil
}

// sigmaEvent has elements of lists at the list's own name.
func sigmaEvent(event map[string]any) map[string][]string {
	all := map[string][]string{}
	for name, values := range indexed(event) {
		name = strings.ReplaceAll(name, "{}", "")
		all[name] = append(all[name], values...)
	}
	return all
}

func TestSigmaRulesMatchWhatTheySay(t *testing.T) {
	want := map[string]string{}
	for line := range strings.Lines(read(t, "testdata/sigma.txt")) {
		if name, samples, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && !strings.HasPrefix(name, "#") {
			want[name] = samples
		}
	}
	got := map[string]string{}
	for _, path := range files(t, "sigma/*.yml", 6) {
		var r sigmaRule
		readYAML(t, path, &r)
		var matched []string
		for name, event := range rendered(t)["ecs"] {
			yes, err := r.matches(sigmaEvent(event))
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			if yes {
				matched = append(matched, name)
			}
		}
		slices.Sort(matched)
		got[filepath.Base(path)] = strings.Join(matched, ", ")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("testdata/sigma.txt (-) and what matches (+):\n%s", diff)
	}
}

func TestSigmaRulesFollowTheSpecification(t *testing.T) {
	ids, fields := map[string]bool{}, map[string][]string{}
	for _, event := range rendered(t)["ecs"] {
		for name, values := range sigmaEvent(event) {
			fields[name] = append(fields[name], values...)
		}
	}
	known := slices.Concat(words(t, "reasons.md"), words(t, "events.md"))
	for _, path := range files(t, "sigma/*.yml", 6) {
		var r sigmaRule
		readYAML(t, path, &r)
		switch {
		case !guid.MatchString(r.ID) || ids[r.ID]:
			t.Errorf("%s: id %q", path, r.ID)
		case len(r.Title) > 256 || r.Title == "" || r.Description == "" || len(r.References) == 0 || len(r.FalsePositives) == 0:
			t.Errorf("%s: title, description, references or falsepositives", path)
		case !regexp.MustCompile(`^\d{4}-\d\d-\d\d$`).MatchString(r.Date), r.Status != "experimental", r.Author == "":
			t.Errorf("%s: date %q, status %q", path, r.Date, r.Status)
		case !slices.Contains([]string{"informational", "low", "medium", "high", "critical"}, r.Level):
			t.Errorf("%s: level %q", path, r.Level)
		case r.LogSource.Product != "tenantgate" || !slices.Contains([]string{"tenant", "access"}, r.LogSource.Service):
			t.Errorf("%s: logsource %+v", path, r.LogSource)
		}
		ids[r.ID] = true
		for _, tag := range r.Tags {
			if !regexp.MustCompile(`^attack\.(t\d{4}(\.\d{3})?|[a-z]+(-[a-z]+)*)$`).MatchString(tag) {
				t.Errorf("%s: tag %q", path, tag)
			}
		}
		for name, selection := range r.Detection {
			keys, _ := selection.(map[string]any)
			for key, value := range keys {
				field, modifier, _ := strings.Cut(key, "|")
				if fields[field] == nil {
					t.Errorf("%s: %s names %s, which no event has", path, name, field)
				}
				for _, one := range regexp.MustCompile(`[a-z]+(?:-[a-z]+)*`).FindAllString(fmt.Sprint(value), -1) {
					if modifier == "" && !slices.Contains(known, one) && !slices.Contains(fields[field], one) {
						t.Errorf("%s: %s is never %q", path, field, one)
					}
				}
			}
		}
	}
}
