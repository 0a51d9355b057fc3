package siem_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A workbook is an Azure workbook, as far as it is looked at.
type workbook struct {
	Version string `json:"version"`
	Items   []struct {
		Type    int    `json:"type"`
		Name    string `json:"name"`
		Content struct {
			Version             string
			JSON                string
			Query, Title        string
			ExportFieldName     string
			ExportParameterName string
			Parameters          []struct {
				Name, Label, Query string
				Type               int
				TypeSettings       struct {
					SelectableValues []struct{ DurationMs int64 }
				}
			}
			Links []struct{ CellValue, LinkTarget, SubTarget string }
		} `json:"content"`
	} `json:"items"`
}

// parameters of the workbook, with a value each such as the portal would put
// in their place.
var parameters = map[string]string{
	"TimeRange": "> ago(1d)", "ExternalTenant": foreign, "UserPrincipalName": "eve@fabrikam.com", "Application": "Azure CLI", "Status": "Failure",
	"Direction": "Foreign", "SelectedTenant": foreign, "SelectedApplication": "*",
}

var placeholder = regexp.MustCompile(`\{([A-Za-z]+)(:escape)?\}`)

func workbookQueries(t *testing.T) (all []question) {
	t.Helper()
	var w workbook
	readJSON(t, "sentinel/workbook.json", &w)
	ask := func(name, query string, wants ...string) {
		if query == "" {
			return
		}
		query = placeholder.ReplaceAllStringFunc(query, func(s string) string {
			value, ok := parameters[placeholder.FindStringSubmatch(s)[1]]
			if !ok {
				t.Errorf("workbook, %s: %s is no parameter", name, s)
			}
			return value
		})
		all = append(all, question{Name: "workbook: " + name, Query: query, wants: wants})
	}
	for _, item := range w.Items {
		var wants []string
		if item.Content.ExportFieldName != "" {
			wants = []string{item.Content.ExportFieldName}
		}
		ask(item.Name, item.Content.Query, wants...)
		for _, p := range item.Content.Parameters {
			ask(p.Name, p.Query, "value", "label")
		}
	}
	return all
}

// Microsoft's workbook "Cross-tenant access activity" has four sections and
// five filters (learn.microsoft.com, Cross-tenant access activity workbook).
func TestTheWorkbookHasTheSectionsAndFiltersOfMicrosofts(t *testing.T) {
	var w workbook
	readJSON(t, "sentinel/workbook.json", &w)
	var text strings.Builder
	labels, names, given := []string{}, map[string]bool{}, []string{}
	for _, item := range w.Items {
		if names[item.Name] {
			t.Errorf("two items are called %s", item.Name)
		}
		names[item.Name] = true
		text.WriteString(item.Content.JSON + "\n" + item.Content.Title + "\n")
		for _, p := range item.Content.Parameters {
			labels, given = append(labels, p.Label), append(given, p.Name)
			for _, v := range p.TypeSettings.SelectableValues {
				if v.DurationMs > 90*86400000 {
					t.Errorf("a time range of %d ms is more than 90 days", v.DurationMs)
				}
			}
		}
		if item.Content.ExportParameterName != "" {
			given = append(given, item.Content.ExportParameterName)
		}
		for _, l := range item.Content.Links {
			if l.CellValue != "Direction" || l.LinkTarget != "parameter" {
				t.Errorf("link %+v", l)
			}
		}
	}
	for _, section := range []string{
		"All inbound and outbound activity by tenant ID", "Sign-in status summary by tenant ID for inbound and outbound collaboration",
		"Applications accessed for inbound and outbound collaboration by tenant ID", "Individual users for inbound and outbound collaboration by tenant ID",
	} {
		if !strings.Contains(strings.ToLower(text.String()), strings.ToLower(section)) {
			t.Errorf("no section %q", section)
		}
	}
	for _, filter := range []string{"Time range", "External tenant ID", "User principal name", "Application", "Status of the sign-in"} {
		if !slices.Contains(labels, filter) {
			t.Errorf("no filter %q", filter)
		}
	}
	for name := range parameters {
		if !slices.Contains(given, name) {
			t.Errorf("nothing sets %s", name)
		}
	}
	if w.Version != "Notebook/1.0" {
		t.Errorf("version %q", w.Version)
	}
}
