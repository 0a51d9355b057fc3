package siem_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A rule is an analytic rule or a hunting query in the layout of the
// Azure-Sentinel repository (its wiki, Query Style Guide).
type rule struct {
	ID                     string            `yaml:"id"`
	Name                   string            `yaml:"name"`
	Description            string            `yaml:"description"`
	Severity               string            `yaml:"severity"`
	Status                 string            `yaml:"status"`
	RequiredDataConnectors []connector       `yaml:"requiredDataConnectors"`
	QueryFrequency         string            `yaml:"queryFrequency"`
	QueryPeriod            string            `yaml:"queryPeriod"`
	TriggerOperator        string            `yaml:"triggerOperator"`
	TriggerThreshold       int               `yaml:"triggerThreshold"`
	Tactics                []string          `yaml:"tactics"`
	RelevantTechniques     []string          `yaml:"relevantTechniques"`
	Query                  string            `yaml:"query"`
	EntityMappings         []entity          `yaml:"entityMappings"`
	CustomDetails          map[string]string `yaml:"customDetails"`
	Version                string            `yaml:"version"`
	Kind                   string            `yaml:"kind"`
}

type connector struct {
	ConnectorID string   `yaml:"connectorId"`
	DataTypes   []string `yaml:"dataTypes"`
}

type entity struct {
	EntityType    string `yaml:"entityType" json:"entityType"`
	FieldMappings []struct {
		Identifier string `yaml:"identifier" json:"identifier"`
		ColumnName string `yaml:"columnName" json:"columnName"`
	} `yaml:"fieldMappings" json:"fieldMappings"`
}

func readRule(t *testing.T, path string) (r rule) {
	t.Helper()
	readYAML(t, path, &r)
	return r
}

// columns are those that the rule takes from its query's result.
func (r rule) columns() []string {
	all := slices.Collect(maps.Values(r.CustomDetails))
	for _, e := range r.EntityMappings {
		for _, m := range e.FieldMappings {
			all = append(all, m.ColumnName)
		}
	}
	return all
}

// A parser is an ASIM parser in the layout of the Azure-Sentinel repository.
type parser struct {
	Parser        struct{ Title, Version, LastUpdated string }
	Product       struct{ Name string }
	Normalization struct{ Schema, Version string }
	References    []struct{ Title, Link string }
	Description   string
	ParserName    string
	ParserParams  []struct{ Name, Type, Default string }
	ParserQuery   string
}

func readParser(t *testing.T, path string) (p parser) {
	t.Helper()
	var all map[string]any
	readYAML(t, path, &all)
	text, err := json.Marshal(all) // the layout's keys are in upper camel case
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`"Default":(true|false)`).ReplaceAll(text, []byte(`"Default":"$1"`))
	if err := json.Unmarshal(text, &p); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return p
}

// function is the workspace function that the parser becomes.
func (p parser) function() string {
	var params []string
	for _, one := range p.ParserParams {
		def := one.Default
		if one.Type == "string" {
			def = "'" + strings.Trim(def, "'") + "'"
		}
		params = append(params, one.Name+":"+one.Type+"="+def)
	}
	return "let " + p.ParserName + " = (" + strings.Join(params, ", ") + ") {\n" + p.ParserQuery + "\n};\n"
}

// tactics are those of Sentinel that our rules use, with techniques of MITRE
// ATT&CK that belong to them.
var tactics = map[string][]string{
	"InitialAccess":     {"T1078", "T1199"},
	"Persistence":       {"T1098", "T1078"},
	"DefenseEvasion":    {"T1562", "T1070", "T1078"},
	"CredentialAccess":  {"T1528", "T1552"},
	"LateralMovement":   {"T1550"},
	"Exfiltration":      {"T1537", "T1567"},
	"Impact":            {"T1489"},
	"CommandAndControl": {"T1090"},
}

// identifiers are those of Sentinel's entities (Entities reference).
var identifiers = map[string][]string{
	"IP": {"Address"}, "Account": {"FullName", "Name", "UPNSuffix"}, "Host": {"HostName", "FullName"}, "CloudApplication": {"AppId", "Name"}, "DNS": {"DomainName"}, "URL": {"Url"},
}

var (
	guid      = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	iso8601   = regexp.MustCompile(`^P(\d+D|T\d+[HM])$`)
	semantic  = regexp.MustCompile(`^\d+\.\d+\.\d+$`)
	technique = regexp.MustCompile(`^T\d{4}(\.\d{3})?$`)
)

func TestAnalyticRulesFollowTheCommunityLayout(t *testing.T) {
	seen := map[string]string{}
	for _, path := range slices.Concat(files(t, "sentinel/analytics/*.yaml", 6), files(t, "sentinel/hunting/*.yaml", 3)) {
		r := readRule(t, path)
		wrong := func(format string, args ...any) { t.Errorf("%s: "+format, append([]any{path}, args...)...) }
		if !guid.MatchString(r.ID) || seen[r.ID] != "" {
			wrong("id %q (also of %q)", r.ID, seen[r.ID])
		}
		seen[r.ID] = path
		description := strings.Trim(strings.TrimSpace(r.Description), "'")
		switch {
		case len(r.Name) > 50 || strings.HasSuffix(r.Name, "."):
			wrong("the name has %d characters, at most 50 and no full stop", len(r.Name))
		case len(description) > 255:
			wrong("the description has %d characters, at most 255", len(description))
		case strings.Contains(path, "analytics") && !strings.HasPrefix(description, "Identifies"), strings.Contains(path, "hunting") && !strings.HasPrefix(description, "This query searches for"):
			wrong("description %q", description)
		case !semantic.MatchString(r.Version):
			wrong("version %q", r.Version)
		case len(r.EntityMappings) == 0 || len(r.EntityMappings) > 10:
			wrong("%d entities", len(r.EntityMappings))
		}
		checkTechniques(r, wrong)
		for _, e := range r.EntityMappings {
			for _, m := range e.FieldMappings {
				if !slices.Contains(identifiers[e.EntityType], m.Identifier) {
					wrong("%s has no identifier %s", e.EntityType, m.Identifier)
				}
			}
		}
		if strings.Contains(r.Query, "SigninLogs") != (len(r.RequiredDataConnectors) > 0) && strings.Contains(path, "analytics") {
			wrong("connectors %v", r.RequiredDataConnectors)
		}
		if strings.Contains(path, "analytics") {
			checkSchedule(r, wrong)
		}
	}
}

func checkTechniques(r rule, wrong func(string, ...any)) {
	if len(r.Tactics) == 0 || len(r.RelevantTechniques) == 0 {
		wrong("no tactics or no techniques")
	}
	var of []string
	for _, tactic := range r.Tactics {
		if tactics[tactic] == nil {
			wrong("tactic %q", tactic)
		}
		of = append(of, tactics[tactic]...)
	}
	for _, id := range r.RelevantTechniques {
		if !technique.MatchString(id) || !slices.Contains(of, id) {
			wrong("technique %q is of none of the tactics %v", id, r.Tactics)
		}
	}
}

// checkSchedule holds a rule to what Sentinel takes: every 5 minutes to 14
// days, looking back 14 days at most and no less than it runs often.
func checkSchedule(r rule, wrong func(string, ...any)) {
	often, back := minutes(r.QueryFrequency), minutes(r.QueryPeriod)
	switch {
	case often < 5 || back < often || back > 14*24*60:
		wrong("runs every %s and looks back %s", r.QueryFrequency, r.QueryPeriod)
	case back >= 2*24*60 && often < 60: // looking back two days or more, a rule runs hourly at most
		wrong("looks back %s", r.QueryPeriod)
	case !slices.Contains([]string{"High", "Medium", "Low", "Informational"}, r.Severity):
		wrong("severity %q", r.Severity)
	case r.Kind != "Scheduled" || r.Status != "Available" || r.TriggerOperator != "gt":
		wrong("kind %q, status %q, operator %q", r.Kind, r.Status, r.TriggerOperator)
	}
	longest := 0
	for _, m := range regexp.MustCompile(`ago\((\d+)([dhm])\)`).FindAllStringSubmatch(r.Query, -1) {
		n := 0
		fmt.Sscan(m[1], &n)
		longest = max(longest, n*map[string]int{"d": 24 * 60, "h": 60, "m": 1}[m[2]])
	}
	if longest != back {
		wrong("the query looks back %d minutes, queryPeriod says %d", longest, back)
	}
}

func minutes(period string) (n int) {
	if !iso8601.MatchString(period) {
		return -1
	}
	unit := map[byte]int{'D': 24 * 60, 'H': 60, 'M': 1}[period[len(period)-1]]
	fmt.Sscan(strings.TrimLeft(period[:len(period)-1], "PT"), &n)
	return n * unit
}

func TestASIMParsersFollowTheLayout(t *testing.T) {
	for _, path := range files(t, "sentinel/parsers/*.yaml", 4) {
		p := readParser(t, path)
		switch {
		case p.ParserName+".yaml" != filepath.Base(path):
			t.Errorf("%s is called %s", path, p.ParserName)
		case !strings.Contains(p.ParserName, p.Normalization.Schema):
			t.Errorf("%s is of schema %s", path, p.Normalization.Schema)
		case p.Parser.Title == "" || p.Parser.Version == "" || p.Description == "" || len(p.References) == 0:
			t.Errorf("%s: %+v", path, p)
		}
		var versions []string
		for _, event := range rendered(t)["asim"] {
			if event["EventSchema"] == p.Normalization.Schema {
				versions = append(versions, event["EventSchemaVersion"].(string))
			}
		}
		if !slices.Contains(versions, p.Normalization.Version) {
			t.Errorf("%s is of version %s, events are of %v", path, p.Normalization.Version, versions)
		}
		for _, one := range p.ParserParams {
			if !strings.Contains(p.ParserQuery, one.Name) {
				t.Errorf("%s: parameter %s is not used", path, one.Name)
			}
		}
	}
}
