package siem_test

import (
	"encoding/csv"
	"encoding/xml"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const app = "splunk/tenantgate"

// conf is a .conf file: stanza, key, value.
type conf map[string]map[string]string

// readConf reads a file of Splunk's configuration: stanzas in brackets, "key =
// value" lines, comments. What is none of these, and what stands twice, fails.
func readConf(t *testing.T, path string) conf {
	t.Helper()
	all, stanza := conf{}, ""
	for i, line := range strings.Split(read(t, path), "\n") {
		switch {
		case strings.TrimSpace(line) == "", strings.HasPrefix(line, "#"):
			continue
		case strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]"):
			stanza = line[1 : len(line)-1]
			if all[stanza] != nil {
				t.Errorf("%s:%d: a second [%s]", path, i+1, stanza)
			}
			all[stanza] = map[string]string{}
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		key = strings.TrimSpace(key)
		if !ok || all[stanza] == nil || all[stanza][key] != "" || strings.HasSuffix(line, `\`) {
			t.Errorf("%s:%d: %q", path, i+1, line)
			continue
		}
		all[stanza][key] = strings.TrimSpace(value)
	}
	return all
}

// confKeys are the settings that each file may have (its .conf.spec).
var confKeys = map[string]string{
	"app.conf":           `^(is_configured|is_visible|label|author|description|version|id|check_for_updates)$`,
	"macros.conf":        `^(definition|iseval)$`,
	"eventtypes.conf":    `^search$`,
	"tags.conf":          `^[a-z]+$`,
	"transforms.conf":    `^(filename|case_sensitive_match|max_matches|min_matches|default_match)$`,
	"savedsearches.conf": `^(description|search|cron_schedule|dispatch\.(earliest|latest)_time|enableSched|counttype|relation|quantity|alert\.(track|severity|suppress))$`,
	"props.conf": `^(KV_MODE|SHOULD_LINEMERGE|LINE_BREAKER|TIME_PREFIX|TIME_FORMAT|TZ|MAX_TIMESTAMP_LOOKAHEAD|TRUNCATE|category|description|pulldown_type|` +
		`FIELDALIAS-\w+|EVAL-\w+|LOOKUP-\w+)$`,
}

func TestSplunkConfigurationParses(t *testing.T) {
	seen := 0
	for _, path := range files(t, app+"/default/*.conf", 7) {
		seen++
		keys, ok := confKeys[filepath.Base(path)]
		if !ok {
			t.Errorf("%s is not known here", path)
			continue
		}
		for stanza, values := range readConf(t, path) {
			for key := range values {
				if !regexp.MustCompile(keys).MatchString(key) {
					t.Errorf("%s: [%s] %s is no setting", path, stanza, key)
				}
			}
		}
	}
	readConf(t, app+"/metadata/default.meta")
	cron := regexp.MustCompile(`^(\*|\*/\d+|\d+) (\*|\d+) \* \* \*$`)
	for name, search := range readConf(t, app+"/default/savedsearches.conf") {
		if !cron.MatchString(search["cron_schedule"]) || search["search"] == "" || search["dispatch.earliest_time"] == "" {
			t.Errorf("%s: %v", name, search)
		}
	}
	types := readConf(t, app+"/default/eventtypes.conf")
	for stanza := range readConf(t, app+"/default/tags.conf") {
		if types[strings.TrimPrefix(stanza, "eventtype=")] == nil {
			t.Errorf("tags of %s, which is no event type", stanza)
		}
	}
	if seen != len(confKeys) {
		t.Errorf("%d files of %d", seen, len(confKeys))
	}
}

// indexed is an event as KV_MODE=json extracts it.
func indexed(event map[string]any) map[string][]string {
	all := map[string][]string{}
	var into func(at string, v any)
	into = func(at string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, inner := range v {
				into(strings.TrimPrefix(at+"."+key, "."), inner)
			}
		case []any:
			for _, inner := range v {
				into(at+"{}", inner)
			}
		case float64:
			all[at] = append(all[at], strconv.FormatFloat(v, 'f', -1, 64))
		default:
			all[at] = append(all[at], fmt.Sprint(v))
		}
	}
	into("", event)
	return all
}

// enrich does what props.conf says to an event, in Splunk's order: aliases,
// calculated fields side by side, look-ups.
func enrich(t *testing.T, props map[string]string, event map[string][]string) map[string][]string {
	t.Helper()
	for key, value := range props {
		if !strings.HasPrefix(key, "FIELDALIAS-") {
			continue
		}
		words := strings.Fields(value)
		for i := 0; i+2 < len(words); i += 3 {
			if words[i+1] != "ASNEW" {
				t.Fatalf("%s: %s", key, value)
			}
			if _, taken := event[words[i+2]]; !taken && event[words[i]] != nil {
				event[words[i+2]] = event[words[i]]
			}
		}
	}
	made := map[string][]string{}
	for key, value := range props {
		name, ok := strings.CutPrefix(key, "EVAL-")
		if !ok {
			continue
		}
		v, _, err := evaluate(value, event)
		if err != nil {
			t.Errorf("%s: %v", key, err)
		}
		if v != nil {
			made[name] = []string{printed(v)}
		}
	}
	maps.Copy(event, made)
	return event
}

// Both formats of the sink give the same fields: what the app makes of an event
// in ECS is what the program writes with format cim.
func TestTheAppGivesEventsTheFieldsOfTheCommonInformationModel(t *testing.T) {
	props := readConf(t, app+"/default/props.conf")
	for name, ecs := range rendered(t)["ecs"] {
		got := enrich(t, props["tenantgate:tenant"], indexed(ecs))
		for field, v := range rendered(t)["cim"][name] {
			if field == "ecs_event" {
				continue
			}
			want := fmt.Sprint(v)
			if f, ok := v.(float64); ok {
				want = strconv.FormatFloat(math.Trunc(f), 'f', -1, 64)
			}
			if !slices.Equal(got[field], []string{want}) {
				t.Errorf("%s: %s is %q, with format cim %q", name, field, got[field], want)
			}
		}
	}
	if !maps.Equal(props["tenantgate:tenant"], withDescription(props["tenantgate:access"], props["tenantgate:tenant"]["description"])) {
		t.Error("the two sourcetypes differ in more than their description")
	}
	who := enrich(t, props["tenantgate:tenant"], indexed(rendered(t)["ecs"]["refused by Entra"]))
	for field, want := range map[string]string{"account": `CONTOSO\ada`, "application": "Azure CLI", "external_tenant": "fabrikam.com", "action": "allowed"} {
		if !slices.Equal(who[field], []string{want}) {
			t.Errorf("%s is %q, want %q", field, who[field], want)
		}
	}
}

func withDescription(m map[string]string, text string) map[string]string {
	m = maps.Clone(m)
	m["description"] = text
	return m
}

func TestSplunkReadsTheTimeOfAnEvent(t *testing.T) {
	props := readConf(t, app+"/default/props.conf")["tenantgate:tenant"]
	line := string((sample()["refused"]).JSON(observer))
	at := regexp.MustCompile(props["TIME_PREFIX"]).FindStringIndex(line)
	if at == nil {
		t.Fatalf("TIME_PREFIX %s is not in %.60s", props["TIME_PREFIX"], line)
	}
	layout := strings.NewReplacer("%Y", "2006", "%m", "01", "%d", "02", "%H", "15", "%M", "04", "%S", "05", "%6N", "000000").Replace(props["TIME_FORMAT"])
	text := line[at[1] : at[1]+len(layout)]
	if when, err := time.Parse(layout, text); err != nil || when.Format(layout) != text { // Parse takes a comma for a point
		t.Errorf("TIME_FORMAT does not read %s: %v", text, err)
	}
	if n, _ := strconv.Atoi(props["TRUNCATE"]); n < 32<<10 {
		t.Errorf("TRUNCATE %d cuts the longest event", n)
	}
}

// searches are all searches of the app by name, macros expanded.
func searches(t *testing.T) map[string]string {
	t.Helper()
	macros := readConf(t, app+"/default/macros.conf")
	var expand func(string) string
	expand = func(s string) string {
		return regexp.MustCompile("`([^`]*)`").ReplaceAllStringFunc(s, func(m string) string {
			macro := macros[strings.Trim(m, "`")]
			if macro == nil {
				t.Errorf("no macro %s", m)
			}
			return expand(macro["definition"])
		})
	}
	all := map[string]string{}
	for name, one := range readConf(t, app+"/default/savedsearches.conf") {
		all[name] = expand(one["search"])
	}
	for name, one := range readConf(t, app+"/default/eventtypes.conf") {
		all["event type "+name] = expand(one["search"])
	}
	for i, query := range viewQueries(t) {
		all["dashboard "+strconv.Itoa(i)] = expand(query)
	}
	return all
}

// viewQueries are the searches of the dashboard, each behind its base.
func viewQueries(t *testing.T) (all []string) {
	t.Helper()
	type search struct {
		ID    string `xml:"id,attr"`
		Base  string `xml:"base,attr"`
		Query string `xml:"query"`
	}
	var form struct {
		XMLName xml.Name `xml:"form"`
		Inputs  []struct {
			Token string `xml:"token,attr"`
		} `xml:"fieldset>input"`
		Searches []search `xml:"search"`
		Rows     []struct {
			Panels []struct {
				Inner string `xml:",innerxml"`
			} `xml:"panel"`
		} `xml:"row"`
	}
	text := read(t, app+"/default/data/ui/views/tenantgate.xml")
	if err := xml.Unmarshal([]byte(text), &form); err != nil {
		t.Fatal(err)
	}
	tokens := map[string]bool{}
	for _, input := range form.Inputs {
		tokens[input.Token] = true
	}
	for _, m := range regexp.MustCompile(`\$([a-z.]+)\$`).FindAllStringSubmatch(text, -1) {
		if name, _, _ := strings.Cut(m[1], "."); !tokens[name] {
			t.Errorf("nothing sets %s", m[0])
		}
	}
	base := map[string]string{}
	for _, s := range form.Searches {
		base[s.ID] = s.Query
		all = append(all, s.Query)
	}
	for _, row := range form.Rows {
		for _, panel := range row.Panels {
			var inner struct {
				Search search `xml:"search"`
			}
			_, rest, _ := strings.Cut(panel.Inner, "<search")
			rest, _, _ = strings.Cut("<p><search"+rest, "</search>")
			if err := xml.Unmarshal([]byte(rest+"</search></p>"), &inner); err != nil {
				t.Fatalf("panel %s: %v", panel.Inner, err)
			}
			query := inner.Search.Query
			if id := inner.Search.Base; id != "" {
				if base[id] == "" {
					t.Errorf("no search %s", id)
				}
				query = base[id] + " | " + query
			}
			all = append(all, query)
		}
	}
	if len(all) < 10 {
		t.Fatalf("only %d searches in the dashboard", len(all))
	}
	return all
}

// splunkFields are what a search may name: what events have, what the app makes
// of them, and Splunk's own.
func splunkFields(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{"_time": true, "index": true, "sourcetype": true, "severity": true, "reason_group": true}
	props := readConf(t, app+"/default/props.conf")["tenantgate:tenant"]
	for _, event := range rendered(t)["ecs"] {
		for name := range enrich(t, props, indexed(event)) {
			all[name] = true
		}
	}
	return all
}

func TestSearchesNameOnlyFieldsThatAreThere(t *testing.T) {
	fields := splunkFields(t)
	follow := func(search string) []string {
		p := pipeline{fields: maps.Clone(fields)}
		for i, command := range commands(search) {
			p.run(command, i == 0)
		}
		return p.errs
	}
	for name, search := range searches(t) {
		for _, err := range follow(search) {
			t.Errorf("%s: %s", name, err)
		}
	}
	for _, wrong := range []string{"index=* tenantgate.nothing=1", "index=* | stats count BY nobody", "index=* | stats count AS n BY src | where m > 1", "index=* | eval a=len(", "index=* | table src | search dest=1", "index=* | guess src"} {
		if len(follow(wrong)) == 0 {
			t.Errorf("%s: nothing was found", wrong)
		}
	}
}

// Reasons and actions that a search compares with have to exist.
func TestSearchesCompareOnlyWithValuesThatExist(t *testing.T) {
	known := map[string][]string{"tenantgate.reason": words(t, "reasons.md"), "event.action": words(t, "events.md"), "tenantgate.relation": words(t, "events.md"), "tenantgate.plane": words(t, "events.md"), "tenantgate.verdict": words(t, "events.md")}
	term := regexp.MustCompile(`(tenantgate\.(?:reason|relation|plane|verdict)|event\.action)\s*(?:=|!=|\bIN\b)\s*(\([^)]*\)|"[^"]*"|[\w-]+)`)
	seen := 0
	for name, search := range searches(t) {
		for _, m := range term.FindAllStringSubmatch(search, -1) {
			for _, value := range strings.FieldsFunc(m[2], func(c rune) bool { return strings.ContainsRune(`(), "`, c) }) {
				if seen++; !slices.Contains(known[m[1]], value) {
					t.Errorf("%s: %s is never %q", name, m[1], value)
				}
			}
		}
	}
	if seen < 25 {
		t.Errorf("only %d values were looked at", seen)
	}
	file, err := os.Open(app + "/lookups/tenantgate_reasons.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		if !slices.Contains(known["tenantgate.reason"], row[0]) || !slices.Contains([]string{"critical", "high", "medium", "low", "informational"}, row[2]) {
			t.Errorf("look-up row %v", row)
		}
	}
}
