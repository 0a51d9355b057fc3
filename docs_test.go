package tenantgate

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/token"
	"io/fs"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantgate/tenantgate/audit"
	"github.com/tenantgate/tenantgate/config"
	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/policy"
	"github.com/tenantgate/tenantgate/tagging"
	"github.com/tenantgate/tenantgate/tokens"
)

// pages returns the Markdown files of the repository, README first.
func pages(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"docs", "deploy", "bench"} {
		err := filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
			if err == nil && filepath.Ext(p) == ".md" {
				all = append(all, filepath.ToSlash(p))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all
}

func read(t *testing.T, page string) string {
	t.Helper()
	src, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	return string(src)
}

func TestReasonsPageListsEveryReason(t *testing.T) {
	var declared []string
	for _, s := range program(t) {
		if s.dir == "policy" {
			declared = append(declared, constantsOf(s.file, "Reason")...)
		}
	}
	row := regexp.MustCompile("(?m)^\\| `([a-z0-9-]+)` \\|")
	var documented []string
	for _, m := range row.FindAllStringSubmatch(read(t, "docs/reasons.md"), -1) {
		documented = append(documented, m[1])
	}
	slices.Sort(declared)
	slices.Sort(documented)
	if diff := cmp.Diff(declared, documented); diff != "" {
		t.Errorf("policy's reasons (-) and docs/reasons.md (+) differ:\n%s", diff)
	}
}

// constantsOf returns the values of the file's string constants of a type.
func constantsOf(file *ast.File, typ string) []string {
	var values []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if id, ok := spec.Type.(*ast.Ident); !ok || id.Name != typ {
			return true
		}
		for _, v := range spec.Values {
			if lit, ok := v.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				values = append(values, strings.Trim(lit.Value, `"`))
			}
		}
		return true
	})
	return values
}

func TestMetricsPageNamesEveryMetric(t *testing.T) {
	name := regexp.MustCompile("[\"`](tenantgate_[a-z_]+)[\"`]")
	declared, documented := map[string]bool{}, map[string]bool{}
	for _, s := range program(t) {
		ast.Inspect(s.file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && name.MatchString(lit.Value) {
				declared[name.FindStringSubmatch(lit.Value)[1]] = true
			}
			return true
		})
	}
	for _, m := range name.FindAllStringSubmatch(read(t, "docs/metrics.md"), -1) {
		documented[m[1]] = true
	}
	if diff := cmp.Diff(declared, documented); diff != "" {
		t.Errorf("the metrics in the program (-) and docs/metrics.md (+) differ:\n%s", diff)
	}
}

func TestConfigurationPageDocumentsEveryKey(t *testing.T) {
	declared := keys(reflect.TypeFor[config.File](), "")
	row := regexp.MustCompile("(?m)^\\| `([a-z0-9_.\\[\\]]+)` \\|")
	var documented []string
	for _, m := range row.FindAllStringSubmatch(read(t, "docs/configuration.md"), -1) {
		documented = append(documented, m[1])
	}
	slices.Sort(declared)
	slices.Sort(documented)
	if diff := cmp.Diff(declared, documented); diff != "" {
		t.Errorf("the configuration's keys (-) and docs/configuration.md (+) differ:\n%s", diff)
	}
}

// keys returns the YAML path of every leaf below typ: policy.default.keys,
// policy.partners[].tenant.
func keys(typ reflect.Type, at string) []string {
	switch {
	case typ == reflect.TypeFor[policy.Access](): // its sections are the same everywhere: docs/policy.md
		return []string{at}
	case typ.Kind() == reflect.Pointer:
		return keys(typ.Elem(), at)
	case typ.Kind() == reflect.Slice && typ.Elem().Kind() == reflect.Struct:
		return keys(typ.Elem(), at+"[]")
	case typ.Kind() != reflect.Struct:
		return []string{at}
	}
	var all []string
	for f := range fields(typ) {
		name, opts, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case name == "-" || !f.IsExported():
		case opts == "inline" || name == "" && f.Anonymous:
			all = append(all, keys(f.Type, at)...)
		case at == "":
			all = append(all, keys(f.Type, name)...)
		default:
			all = append(all, keys(f.Type, at+"."+name)...)
		}
	}
	return all
}

func fields(typ reflect.Type) func(yield func(reflect.StructField) bool) {
	return func(yield func(reflect.StructField) bool) {
		for i := range typ.NumField() {
			if !yield(typ.Field(i)) {
				return
			}
		}
	}
}

func TestLinksBetweenPagesLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for _, page := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(read(t, page), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			file, anchor, _ := strings.Cut(m[1], "#")
			target := page
			if file != "" {
				target = filepath.Join(filepath.Dir(page), file)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which is not there", page, m[1])
				continue
			}
			if anchor != "" && !slices.Contains(anchors(read(t, target)), anchor) {
				t.Errorf("%s links to %s, which has no such heading", page, m[1])
			}
		}
	}
}

// anchors returns the ids that GitHub gives the headings of a page.
func anchors(page string) []string {
	var all []string
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(page, -1) {
		id := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(m[1]), "")
		all = append(all, strings.ReplaceAll(id, " ", "-"))
	}
	return all
}

func TestPagesThatCommentsNameAreThere(t *testing.T) {
	page := regexp.MustCompile(`\bdocs/(adr/\d{4}|[\w/-]+\.md)`)
	for _, s := range sources(t) {
		for _, c := range s.file.Comments {
			for _, name := range page.FindAllString(c.Text(), -1) {
				if found, _ := filepath.Glob(name + "*"); len(found) == 0 {
					t.Errorf("%s names %s, which is not there", s.path, name)
				}
			}
		}
	}
}

func TestArchitecturePageListsEveryPackage(t *testing.T) {
	text := read(t, "docs/architecture.md")
	for name, room := range house {
		if !strings.Contains(text, "| `"+name+"` | "+room.is) {
			t.Errorf("docs/architecture.md has no row for %s that starts with its sentence", name)
		}
	}
}

// What is in the repository is the same on every machine.
func TestNoFileNamesThisMachine(t *testing.T) {
	out, err := exec.Command("git", "ls-files").Output()
	if err != nil {
		t.Skip("not a git work tree: ", err)
	}
	elsewhere := regexp.MustCompile(`(^|[^a-z.])/(wor` + `k|far` + `m|roo` + `t|home/[a-z]+|tmp/bash_` + `jobs)/`)
	for name := range strings.Lines(string(out)) {
		name = strings.TrimSpace(name)
		src, err := os.ReadFile(name)
		if err != nil || filepath.Ext(name) == ".sum" || bytes.IndexByte(src, 0) >= 0 {
			continue
		}
		for i, line := range strings.Split(string(src), "\n") {
			if m := elsewhere.FindString(line); m != "" {
				t.Errorf("%s:%d names a directory of one machine: %s", name, i+1, m)
			}
		}
	}
}

func TestProvidersPageNamesEveryHost(t *testing.T) {
	table, err := tagging.New(tagging.Config{Version: "v2"}, "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222")
	if err != nil {
		t.Fatal(err)
	}
	finder, err := tokens.New(tokens.Config{}, make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	text := read(t, "docs/providers.md")
	for _, set := range []hosts.Set{table.Hosts(), table.Refused(), tagging.Exempt(), finder.Hosts()} {
		for _, pattern := range set.Patterns() {
			if !strings.Contains(text, "`"+pattern+"`") {
				t.Errorf("docs/providers.md does not name %s", pattern)
			}
		}
	}
}

// A full event names every field that the log can write.
func TestEventsPageNamesEveryField(t *testing.T) {
	dir := t.TempDir()
	log, err := audit.Open(audit.Config{}, dir, audit.Observer{Hostname: "h", Version: "v"})
	if err != nil {
		t.Fatal(err)
	}
	e := &audit.Event{
		Source: netip.MustParseAddrPort("192.0.2.1:1"), User: "u", Host: "h\xff", Addr: "192.0.2.2", Port: 443, Scheme: "https", Path: "/",
		Method: "GET", Version: "2", UserAgent: strings.Repeat("a", 4<<10), RequestID: "r", Status: 200, BytesIn: 1, BytesOut: 1, Duration: 1,
		TLSVersion: "1.3", DNS: audit.DNS{Type: "A", Code: "NOERROR", Transport: "udp"}, ResourceDomain: "d", Credentials: []audit.Credential{{Place: "header"}}, Tags: []string{"t"}, ClientTags: []string{"t"}, Rule: "r",
		Close: "c", ClientHello: "h", Mailbox: audit.Mailbox{User: "m", Tenant: "t"}, OriginTLS: audit.OriginTLS{Version: "TLS 1.3", Cipher: "c", Revocation: "good"}, For: "f", Count: 1,
		SignIn: audit.SignIn{Account: "a", Tenant: "t", Domain: "d", App: "a", AppName: "n", Flow: "f", Attempt: "a"},
		Entra:  audit.Entra{Code: "1", RequestID: "r", CorrelationID: "c", Blocked: true},
	}
	if err := errors.Join(log.Record(e), log.Close()); err != nil {
		t.Fatal(err)
	}
	var line map[string]any
	if err := json.Unmarshal([]byte(read(t, filepath.Join(dir, "events.jsonl"))), &line); err != nil {
		t.Fatal(err)
	}
	text := read(t, "docs/events.md")
	for _, name := range leaves(line, "") {
		own := strings.TrimPrefix(name, "tenantgate.")
		for _, object := range []string{"credentials.", "invalid_utf8.", "sign_in.", "entra.", "origin_tls.", "mailbox."} {
			own = strings.TrimPrefix(own, object)
		}
		short := name[max(0, strings.LastIndexByte(name, '.')):]
		switch {
		case strings.Contains(text, "`"+name+"`"), strings.Contains(text, "`"+own+"`"):
		case strings.HasPrefix(name, "observer.") && strings.Contains(text, "`"+short+"`"):
		default:
			t.Errorf("docs/events.md does not name %s", name)
		}
	}
}

// leaves returns the paths of the values in an object, dots between.
func leaves(v any, at string) []string {
	if list, ok := v.([]any); ok && len(list) > 0 {
		return leaves(list[0], at)
	}
	object, ok := v.(map[string]any)
	if !ok {
		return []string{at}
	}
	var all []string
	for key, inner := range object {
		all = append(all, leaves(inner, strings.TrimPrefix(at+"."+key, "."))...)
	}
	return all
}
