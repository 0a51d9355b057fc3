package siem_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantgate/tenantgate/needs"
)

// A question is one query for the Kusto language service, and what it said.
type question struct {
	Name   string `json:"name"`
	Schema string `json:"schema"`
	Query  string `json:"query"`

	wants []string // columns that the result must have
}

type kqlAnswer struct {
	Name     string            `json:"name"`
	Columns  map[string]string `json:"columns"`
	Problems []string          `json:"problems"`
}

// ingestion is the part of sentinel/ingestion.json that describes data.
type ingestion struct {
	Variables struct {
		Columns, Stream []column
		Transform       string
	} `json:"variables"`
	Resources []struct {
		Type, Name string
		Properties struct {
			Schema    struct{ Name string }
			DataFlows []struct {
				Streams                    []string
				TransformKql, OutputStream string
			}
			StreamDeclarations map[string]any
		}
	} `json:"resources"`
}

type column struct{ Name, Type string }

// datatable is a let statement that gives a table without rows.
func datatable(name string, columns []column) string {
	var all []string
	for _, c := range columns {
		all = append(all, c.Name+": "+strings.Replace(c.Type, "boolean", "bool", 1))
	}
	return "let " + name + " = datatable(" + strings.Join(all, ", ") + ")[];\n"
}

func workspace(t *testing.T) (in ingestion, schema string) {
	t.Helper()
	readJSON(t, "sentinel/ingestion.json", &in)
	var signins []column
	for line := range strings.Lines(read(t, "testdata/signinlogs.txt")) {
		if name, kind, ok := strings.Cut(strings.TrimSpace(line), " "); ok && !strings.HasPrefix(name, "#") {
			signins = append(signins, column{name, kind})
		}
	}
	return in, datatable("TenantgateTenant_CL", in.Variables.Columns) + datatable("TenantgateAccess_CL", in.Variables.Columns) + datatable("SigninLogs", signins)
}

// kusto has Microsoft's language service read the questions.
func kusto(t *testing.T, asked []question) []kqlAnswer {
	t.Helper()
	node := needs.Tool(t, "node")
	if _, err := os.Stat(filepath.Join("kql", "node_modules", "@kusto")); err != nil {
		needs.Missing(t, "@kusto/language-service-next is not installed (npm ci in deploy/siem/kql)")
	}
	input, err := json.Marshal(asked)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), node, "check.mjs")
	cmd.Dir, cmd.Stdin = "kql", strings.NewReader(string(input))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v: %.2000s", err, stderr.String())
	}
	var answers []kqlAnswer
	if err := json.Unmarshal(out, &answers); err != nil || len(answers) != len(asked) {
		t.Fatalf("node: %v, %d answers to %d questions", err, len(answers), len(asked))
	}
	return answers
}

// asked are all queries of sentinel/, and some that must not pass.
func asked(t *testing.T) []question {
	t.Helper()
	in, schema := workspace(t)
	all := []question{
		{Name: "sentinel/NamedSignIns.kql", Schema: schema, Query: read(t, "sentinel/NamedSignIns.kql"), wants: []string{"Account", "EntraUser", "SrcIpAddr"}},
		{Name: "transformKql", Schema: datatable("source", in.Variables.Stream), Query: in.Variables.Transform},
		{Name: "wrong: column", Schema: schema, Query: "TenantgateTenant_CL | where TargetTenant == 'x'"},
		{Name: "wrong: column of SigninLogs", Schema: schema, Query: "SigninLogs | where Correlation == 'x'"},
		{Name: "wrong: type", Schema: schema, Query: "TenantgateTenant_CL | where SrcBytes has 'x'"},
		{Name: "wrong: syntax", Schema: schema, Query: "TenantgateTenant_CL | where (SrcBytes > 1"},
		{Name: "wrong: table", Schema: schema, Query: "Tenantgate_CL | take 1"},
	}
	for _, path := range slices.Concat(files(t, "sentinel/analytics/*.yaml", 6), files(t, "sentinel/hunting/*.yaml", 3)) {
		r := readRule(t, path)
		all = append(all, question{Name: path, Schema: schema, Query: r.Query, wants: r.columns()})
	}
	for _, path := range files(t, "sentinel/parsers/*.yaml", 4) {
		p := readParser(t, path)
		all = append(all, question{Name: path, Schema: schema, Query: p.function() + p.ParserName + "()", wants: []string{"EventType", "EventResult", "SrcIpAddr", "Src", "User", "Rule", "EventSchema"}})
	}
	for _, q := range workbookQueries(t) {
		q.Schema = schema
		all = append(all, q)
	}
	return all
}

// Unknown columns, tables and functions, types that do not fit and syntax that
// is none fail: see the queries called wrong.
func TestKustoUnderstandsEveryQuery(t *testing.T) {
	all := asked(t)
	for i, a := range kusto(t, all) {
		if strings.HasPrefix(a.Name, "wrong: ") {
			if len(a.Problems) == 0 {
				t.Errorf("%s: nothing was found", a.Name)
			}
			continue
		}
		for _, p := range a.Problems {
			t.Errorf("%s:%s", a.Name, p)
		}
		for _, want := range all[i].wants {
			if a.Columns[want] == "" {
				t.Errorf("%s: the result has no column %s; it has %v", a.Name, want, slices.Sorted(maps.Keys(a.Columns)))
			}
		}
		if a.Name != "transformKql" {
			continue
		}
		in, _ := workspace(t)
		table := map[string]string{}
		for _, c := range in.Variables.Columns {
			table[c.Name] = strings.Replace(c.Type, "boolean", "bool", 1)
		}
		if diff := cmp.Diff(table, a.Columns); diff != "" {
			t.Errorf("the columns of the tables (-) and what transformKql makes (+) differ:\n%s", diff)
		}
	}
}

// reserved are names that Azure Monitor keeps for itself (Logs Ingestion API,
// supported columns).
var reserved = regexp.MustCompile(`(?i)^(tenantid|type|resource.*|subscriptionid)$`)

func TestTheStreamHasTheColumnsThatTheSinkSends(t *testing.T) {
	in, _ := workspace(t)
	sent := map[string]any{}
	for _, event := range rendered(t)["asim"] {
		maps.Copy(sent, event)
	}
	declared := map[string]bool{}
	for _, c := range in.Variables.Stream {
		declared[c.Name] = true
		v, ok := sent[c.Name]
		if !ok {
			t.Errorf("the stream declares %s, which is never sent", c.Name)
			continue
		}
		if got := fmt.Sprintf("%T", v); !slices.Contains(jsonTypes[c.Type], got) {
			t.Errorf("%s is declared %s and sent as %s", c.Name, c.Type, got)
		}
	}
	for name := range sent {
		if !declared[name] {
			t.Errorf("%s is sent and not declared: Azure Monitor would drop it", name)
		}
	}
	for _, c := range in.Variables.Columns {
		if reserved.MatchString(c.Name) || len(c.Name) > 45 {
			t.Errorf("a column cannot be called %s", c.Name)
		}
	}
	if len(in.Variables.Columns) > 300 {
		t.Errorf("%d columns", len(in.Variables.Columns))
	}
}

var jsonTypes = map[string][]string{
	"string": {"string"}, "datetime": {"string"}, "int": {"float64"}, "long": {"float64"}, "boolean": {"bool"}, "dynamic": {"map[string]interface {}", "[]interface {}"},
}

// The names of streams are those that audit.SentinelConfig has by default.
func TestTheRuleTakesTheStreamsOfTheSink(t *testing.T) {
	in, _ := workspace(t)
	var tables, streams []string
	for _, r := range in.Resources {
		if name := r.Properties.Schema.Name; name != "" {
			tables = append(tables, "Custom-"+name)
			if r.Name != "[concat(parameters('workspace'), '/"+name+"')]" {
				t.Errorf("table %s is called %s", name, r.Name)
			}
		}
		for _, flow := range r.Properties.DataFlows {
			streams = append(streams, flow.Streams...)
			if flow.OutputStream != flow.Streams[0] || r.Properties.StreamDeclarations[flow.OutputStream] == nil || flow.TransformKql != "[variables('transform')]" {
				t.Errorf("flow %+v", flow)
			}
		}
	}
	want := []string{"Custom-TenantgateTenant_CL", "Custom-TenantgateAccess_CL"}
	if diff := cmp.Diff(want, tables) + cmp.Diff(want, streams); diff != "" {
		t.Error(diff)
	}
}

// The language service knows nothing of what is inside a dynamic column.
func TestQueriesReachIntoEventsOnlyForWhatIsThere(t *testing.T) {
	fields := fieldsOf(t, "ecs", "")
	object := func(path string) bool {
		for f := range fields {
			if f == path || strings.HasPrefix(f, path+".") {
				return true
			}
		}
		return false
	}
	into := map[*regexp.Regexp]string{
		regexp.MustCompile(`AdditionalFields((?:\.[a-z_]+|\[\d+\])+)`): "",
		regexp.MustCompile(`\bLink((?:\.[a-z_]+)+)`):                   "tenantgate.links",
	}
	seen := 0
	for _, q := range asked(t) {
		for re, at := range into {
			for _, m := range re.FindAllStringSubmatch(q.Query, -1) {
				seen++
				path := strings.TrimPrefix(at+regexp.MustCompile(`\[\d+\]`).ReplaceAllString(m[1], ""), ".")
				if !object(path) {
					t.Errorf("%s reads %s, which no event has", q.Name, path)
				}
			}
		}
	}
	if seen < 15 {
		t.Errorf("only %d paths were looked at", seen)
	}
}

// columnValues are what the rendering made of the samples in columns whose
// words no page of the documentation has.
func columnValues(t *testing.T) map[string][]string {
	made := map[string][]string{}
	for _, event := range rendered(t)["asim"] {
		for _, name := range []string{"DvcAction", "EventSchema"} {
			made[name] = append(made[name], event[name].(string))
		}
	}
	return made
}

var compared = regexp.MustCompile(`\b(RuleName|EventOriginalType|TenantRelation|TrafficPlane|DvcAction|EventSchema|Direction|EntraCode) *(?:==|!=|in|!in) *(\([^()]*\)|"[^"]*")`)

func TestQueriesCompareOnlyWithValuesThatExist(t *testing.T) {
	reasons, events, metrics := words(t, "reasons.md"), words(t, "events.md"), words(t, "metrics.md")
	made := columnValues(t)
	known := map[string][]string{
		"RuleName": reasons, "EventOriginalType": events, "TenantRelation": events, "TrafficPlane": events, "EntraCode": metrics,
		"Direction": {"Inbound", "Outbound", "Foreign"}, "DvcAction": made["DvcAction"], "EventSchema": made["EventSchema"],
	}
	seen := 0
	for _, q := range asked(t) {
		for _, m := range compared.FindAllStringSubmatch(q.Query, -1) {
			for _, literal := range regexp.MustCompile(`"([^"]*)"`).FindAllStringSubmatch(m[2], -1) {
				if seen++; !slices.Contains(known[m[1]], literal[1]) {
					t.Errorf("%s compares %s with %q, which it never is", q.Name, m[1], literal[1])
				}
			}
		}
	}
	if seen < 40 {
		t.Errorf("only %d comparisons were looked at", seen)
	}
}
