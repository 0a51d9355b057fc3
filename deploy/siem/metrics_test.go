package siem_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/tenantgate/tenantgate/needs"
)

// A metric is a row of docs/metrics.md.
type metric struct {
	kind   string              // counter, gauge, histogram
	labels map[string][]string // values, none where any is possible
}

func metrics(t *testing.T) map[string]metric {
	t.Helper()
	row := regexp.MustCompile("(?m)^\\| `(tenantgate_[a-z_]+)` \\| ([a-z]+)[^|]*\\| ([^|]*)\\|")
	all := map[string]metric{}
	for _, m := range row.FindAllStringSubmatch(read(t, "../../docs/metrics.md"), -1) {
		one := metric{m[2], map[string][]string{}}
		for _, part := range strings.Split(m[3], ";") {
			names, values, _ := strings.Cut(part, ":")
			given := backticked(values)
			for _, name := range backticked(names) {
				one.labels[name] = given
			}
		}
		all[m[1]] = one
	}
	if len(all) < 15 {
		t.Fatalf("only %d metrics in docs/metrics.md", len(all))
	}
	return all
}

func backticked(s string) (all []string) {
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(s, -1) {
		all = append(all, m[1])
	}
	return all
}

// An expression is PromQL and where it stands.
type expression struct{ where, text string }

type promRules struct {
	Groups []struct {
		Name  string `yaml:"name"`
		Rules []struct {
			Alert       string            `yaml:"alert"`
			Expr        string            `yaml:"expr"`
			For         string            `yaml:"for"`
			Labels      map[string]string `yaml:"labels"`
			Annotations map[string]string `yaml:"annotations"`
		} `yaml:"rules"`
	} `yaml:"groups"`
}

func expressions(t *testing.T) (all []expression) {
	t.Helper()
	var rules promRules
	readYAML(t, "prometheus/tenantgate.rules.yml", &rules)
	for _, group := range rules.Groups {
		for _, r := range group.Rules {
			all = append(all, expression{r.Alert, r.Expr})
			if r.Annotations["summary"] == "" || r.Annotations["description"] == "" || !slices.Contains([]string{"critical", "warning", "info"}, r.Labels["severity"]) {
				t.Errorf("%s: %+v", r.Alert, r)
			}
		}
	}
	for _, path := range files(t, "grafana/*.json", 2) {
		all = append(all, dashboard(t, path)...)
	}
	return all
}

// dashboard returns what the panels of a Grafana dashboard ask, with values for
// Grafana's variables.
func dashboard(t *testing.T, path string) (all []expression) {
	t.Helper()
	var d struct {
		UID, Title    string
		SchemaVersion int
		Templating    struct {
			List []struct {
				Name  string
				Query any
			}
		}
		Panels []struct {
			ID          int
			Type, Title string
			GridPos     struct{ H, W, X, Y int }
			Targets     []struct{ RefID, Expr string }
		}
	}
	readJSON(t, path, &d)
	if d.UID == "" || d.Title == "" || d.SchemaVersion < 36 {
		t.Errorf("%s: uid %q, title %q, schema %d", path, d.UID, d.Title, d.SchemaVersion)
	}
	ids, cells := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] {
			t.Errorf("%s: two panels have id %d", path, p.ID)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := cells[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%s: %q lies over %q", path, p.Title, other)
				}
				cells[[2]int{x, y}] = p.Title
			}
		}
		for _, target := range p.Targets {
			text := strings.NewReplacer("$__rate_interval", "5m", "$instance", ".*").Replace(target.Expr)
			all = append(all, expression{path + ": " + p.Title, text})
		}
	}
	return all
}

var (
	selector = regexp.MustCompile(`\b([a-z_]+)(?:\{([^}]*)\})`)
	matcher  = regexp.MustCompile(`([a-z_]+)(=~|!~|=|!=)"([^"]*)"`)
	named    = regexp.MustCompile(`\b(tenantgate|process|go)_[a-z_]+\b`)
	counted  = regexp.MustCompile(`\b(rate|increase)\(([a-z_]+)`)
	grouped  = regexp.MustCompile(`\bby \(([^)]*)\)`)
)

// series are labels that Prometheus gives every series itself.
var series = []string{"instance", "job", "le"}

func TestEveryMetricAndLabelIsDocumented(t *testing.T) {
	known, used := metrics(t), map[string]bool{}
	base := func(name string) string { return strings.TrimSuffix(name, "_bucket") }
	for _, e := range expressions(t) {
		var here []string
		for _, name := range named.FindAllString(e.text, -1) {
			if strings.HasPrefix(name, "tenantgate_") {
				here = append(here, base(name))
				if _, ok := known[base(name)]; !ok {
					t.Errorf("%s: %s is not in docs/metrics.md", e.where, name)
				}
				used[base(name)] = true
			}
		}
		for _, m := range counted.FindAllStringSubmatch(e.text, -1) {
			if one, ok := known[base(m[2])]; ok && one.kind == "gauge" {
				t.Errorf("%s: %s of a gauge, %s", e.where, m[1], m[2])
			}
		}
		for _, m := range selector.FindAllStringSubmatch(e.text, -1) {
			one, ok := known[base(m[1])]
			for _, pair := range matcher.FindAllStringSubmatch(m[2], -1) {
				if slices.Contains(series, pair[1]) || !ok {
					continue
				}
				checkLabel(t, e.where, m[1], one, pair[1], pair[3])
			}
		}
		for _, m := range grouped.FindAllStringSubmatch(e.text, -1) {
			for _, label := range strings.Split(m[1], ",") {
				label = strings.TrimSpace(label)
				if slices.Contains(series, label) {
					continue
				}
				if !slices.ContainsFunc(here, func(name string) bool { _, ok := known[name].labels[label]; return ok }) {
					t.Errorf("%s: by (%s), which none of %v has", e.where, label, here)
				}
			}
		}
	}
	if len(used) < 20 {
		t.Errorf("only %d of %d metrics are on a dashboard or in an alert", len(used), len(known))
	}
}

// checkLabel holds the values of a matcher to what the documentation says.
func checkLabel(t *testing.T, where, name string, m metric, label, values string) {
	t.Helper()
	possible, ok := m.labels[label]
	if !ok {
		t.Errorf("%s: %s has no label %s", where, name, label)
		return
	}
	if label == "reason" {
		possible = words(t, "reasons.md")
	}
	for _, value := range strings.Split(values, "|") {
		if len(possible) > 0 && !slices.Contains(possible, value) {
			t.Errorf("%s: %s of %s is never %q", where, label, name, value)
		}
	}
}

func promtool(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), needs.Tool(t, "promtool"), args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func TestPrometheusTakesTheAlertsAndTheirTestsPass(t *testing.T) {
	if out, err := promtool(t, "prometheus", "check", "rules", "tenantgate.rules.yml"); err != nil {
		t.Error(out)
	}
	if out, err := promtool(t, "prometheus", "test", "rules", "tenantgate.test.yml", "tenantgate.week.test.yml"); err != nil {
		t.Error(out)
	}
	var rules promRules
	readYAML(t, "prometheus/tenantgate.rules.yml", &rules)
	tests := read(t, "prometheus/tenantgate.test.yml") + read(t, "prometheus/tenantgate.week.test.yml")
	for _, r := range rules.Groups[0].Rules {
		firing := regexp.MustCompile(`alertname: ` + r.Alert + `\n +exp_alerts:\n|alertname="` + r.Alert + `"`)
		if !firing.MatchString(tests) {
			t.Errorf("no test sees %s fire", r.Alert)
		}
	}
}

// Every expression of a panel becomes a recording rule, which Prometheus reads.
func TestPrometheusUnderstandsEveryPanel(t *testing.T) {
	type rule struct {
		Record string `yaml:"record"`
		Expr   string `yaml:"expr"`
	}
	var rules []rule
	for i, e := range expressions(t) {
		rules = append(rules, rule{fmt.Sprintf("panel:%d", i), e.text})
	}
	check := func(rules []rule) (string, error) {
		text, err := yaml.Marshal(map[string]any{"groups": []any{map[string]any{"name": "panels", "rules": rules}}})
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "panels.yml"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		return promtool(t, dir, "check", "rules", "panels.yml")
	}
	if out, err := check(rules); err != nil {
		t.Error(out)
	}
	if _, err := check([]rule{{"wrong", "sum(rate(x[5m])"}}); err == nil {
		t.Error("promtool takes what is no PromQL")
	}
}
