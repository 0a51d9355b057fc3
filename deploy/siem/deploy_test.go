package siem_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write sentinel/content.json anew")

// A resource is one of an Azure Resource Manager template.
type resource struct {
	Type       string         `json:"type"`
	APIVersion string         `json:"apiVersion"`
	Name       string         `json:"name"`
	Location   string         `json:"location,omitempty"`
	Kind       string         `json:"kind,omitempty"`
	Properties map[string]any `json:"properties"`
}

func inWorkspace(name string) string { return "[concat(parameters('workspace'), '/" + name + "')]" }

// literalText keeps Resource Manager from taking text that begins with a bracket
// for an expression.
func literalText(s string) string {
	if strings.HasPrefix(s, "[") {
		return "[" + s
	}
	return s
}

func (r rule) text() string { return strings.Trim(strings.TrimSpace(r.Description), "'") }

func (r rule) alert() resource {
	return resource{
		Type: "Microsoft.OperationalInsights/workspaces/providers/alertRules", APIVersion: "2023-11-01", Kind: "Scheduled",
		Name: inWorkspace("Microsoft.SecurityInsights/" + r.ID),
		Properties: map[string]any{
			"displayName": "tenantgate: " + r.Name, "description": r.text(), "severity": r.Severity, "enabled": "[parameters('enableRules')]", "query": literalText(r.Query),
			"queryFrequency": r.QueryFrequency, "queryPeriod": r.QueryPeriod, "triggerOperator": "GreaterThan", "triggerThreshold": r.TriggerThreshold,
			"suppressionEnabled": false, "suppressionDuration": "PT5H", "tactics": r.Tactics, "techniques": r.RelevantTechniques,
			"entityMappings": r.EntityMappings, "customDetails": r.CustomDetails, "templateVersion": r.Version,
		},
	}
}

func (r rule) hunt() resource {
	tag := func(name, value string) map[string]string { return map[string]string{"name": name, "value": value} }
	return resource{
		Type: "Microsoft.OperationalInsights/workspaces/savedSearches", APIVersion: "2020-08-01", Name: inWorkspace(r.ID),
		Properties: map[string]any{
			"category": "Hunting Queries", "displayName": "tenantgate: " + r.Name, "query": literalText(r.Query), "version": 2,
			"tags": []any{tag("description", r.text()), tag("tactics", strings.Join(r.Tactics, ",")), tag("techniques", strings.Join(r.RelevantTechniques, ","))},
		},
	}
}

func (p parser) workspaceFunction() resource {
	_, rest, _ := strings.Cut(p.function(), "= (")
	params, _, _ := strings.Cut(rest, ") {\n")
	return resource{
		Type: "Microsoft.OperationalInsights/workspaces/savedSearches", APIVersion: "2020-08-01", Name: inWorkspace(p.ParserName),
		Properties: map[string]any{
			"category": "ASIM", "displayName": p.Parser.Title, "functionAlias": p.ParserName, "functionParameters": params, "query": literalText(p.ParserQuery), "version": 1,
		},
	}
}

// content is the template that brings parsers, rules, hunting queries and the
// workbook into a workspace.
func content(t *testing.T) []byte {
	t.Helper()
	all := []resource{}
	for _, path := range files(t, "sentinel/parsers/*.yaml", 4) {
		all = append(all, readParser(t, path).workspaceFunction())
	}
	for _, path := range files(t, "sentinel/analytics/*.yaml", 6) {
		all = append(all, readRule(t, path).alert())
	}
	for _, path := range files(t, "sentinel/hunting/*.yaml", 3) {
		all = append(all, readRule(t, path).hunt())
	}
	workspace := "[resourceId('Microsoft.OperationalInsights/workspaces', parameters('workspace'))]"
	all = append(all, resource{
		Type: "Microsoft.Insights/workbooks", APIVersion: "2022-04-01", Kind: "shared", Location: "[parameters('location')]",
		Name: "[guid(resourceGroup().id, parameters('workspace'), 'tenantgate-cross-tenant-access')]",
		Properties: map[string]any{
			"displayName": "tenantgate: cross-tenant access activity", "category": "sentinel", "version": "1.0", "sourceId": workspace, "serializedData": read(t, "sentinel/workbook.json"),
		},
	})
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(map[string]any{
		"$schema":        "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
		"contentVersion": "1.0.0.0",
		"metadata":       map[string]string{"description": "Made from parsers/, analytics/, hunting/ and workbook.json: go test ./deploy/siem -run Template -update"},
		"parameters": map[string]any{
			"workspace":   map[string]any{"type": "string", "metadata": map[string]string{"description": "Name of the Log Analytics workspace in this resource group."}},
			"location":    map[string]any{"type": "string", "defaultValue": "[resourceGroup().location]"},
			"enableRules": map[string]any{"type": "bool", "defaultValue": false, "metadata": map[string]string{"description": "Run the analytic rules at once."}},
		},
		"resources": all,
	}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestTheTemplateIsMadeFromTheFilesBesideIt(t *testing.T) {
	const path = "sentinel/content.json"
	want := content(t)
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(strings.Split(read(t, path), "\n"), strings.Split(string(want), "\n")); diff != "" {
		t.Errorf("%s (-) is not what the files beside it make (+); -update writes it:\n%s", path, diff)
	}
	names := map[string]bool{}
	var template struct{ Resources []resource }
	readJSON(t, path, &template)
	for _, r := range template.Resources {
		if names[r.Type+r.Name] {
			t.Errorf("two resources are called %s", r.Name)
		}
		names[r.Type+r.Name] = true
	}
}
