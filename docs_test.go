package tenantgate

import (
	"bytes"
	"go/ast"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tenantgate/tenantgate/config"
	"github.com/tenantgate/tenantgate/hosts"
	"github.com/tenantgate/tenantgate/tagging"
	"github.com/tenantgate/tenantgate/tokens"
)

// block is one fenced block of a page.
type block struct {
	page   string
	line   int    // of the opening fence
	lang   string // sh, console, yaml, json, text or nothing
	marker string // the text of an HTML comment on the line before: "run: no, …", "needs: tool", "file: name"
	text   string
}

func (b block) String() string { return b.page + ":" + strconv.Itoa(b.line) }

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

func blocks(t *testing.T, page string) []block {
	t.Helper()
	var all []block
	var open *block
	before := ""
	for i, line := range strings.Split(read(t, page), "\n") {
		lang, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && open != nil:
			all = append(all, *open)
			open = nil
		case fence:
			marker := strings.TrimSuffix(strings.TrimPrefix(before, "<!--"), "-->")
			if marker == before {
				marker = ""
			}
			open = &block{page: page, line: i + 1, lang: strings.TrimSpace(lang), marker: strings.TrimSpace(marker)}
		case open != nil:
			open.text += line + "\n"
		}
		before = line
	}
	if open != nil {
		t.Errorf("%v: the block is not closed", open)
	}
	return all
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

// A YAML block is a whole file, or a piece of one that becomes whole with the
// tenant that every file must name.
const tenantSection = "tenant: {id: 11111111-1111-1111-1111-111111111111, policy: 22222222-2222-2222-2222-222222222222}\n"

func TestEveryConfigurationInTheDocumentationLoads(t *testing.T) {
	for _, page := range pages(t) {
		for _, b := range blocks(t, page) {
			if b.lang != "yaml" || strings.HasPrefix(b.marker, "yaml: no") {
				continue
			}
			src := b.text
			if !regexp.MustCompile(`(?m)^tenant:`).MatchString(src) {
				src = tenantSection + src
			}
			if _, err := config.Parse(b.String(), []byte(src)); err != nil {
				t.Errorf("%v: %v", b, err)
			}
		}
	}
	example := "deploy/tenantgate.example.yaml"
	if _, err := config.Parse(example, []byte(read(t, example))); err != nil {
		t.Errorf("%s: %v", example, err)
	}
}

// Blocks fenced sh are run, one shell per block, in a directory that a page's
// blocks share; blocks fenced console are run and compared with what they
// show; a block marked "file: name" is written there first. A block that
// cannot run here says so in a comment before it: "run: no, needs root". One
// that needs a tool beside ours names it, "needs: openssl", and is left out
// where that is not installed.
func TestEveryCommandInTheDocumentationRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program and runs every example")
	}
	bin := t.TempDir()
	build := exec.Command("go", "build", "-o", bin, "./cmd/tenantgate")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	env := append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "NO_COLOR=1")
	for _, page := range pages(t) {
		t.Run(page, func(t *testing.T) {
			dir := t.TempDir()
			for _, b := range blocks(t, page) {
				if name, ok := strings.CutPrefix(b.marker, "file: "); ok {
					if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), []byte(b.text), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				if strings.HasPrefix(b.marker, "run: no, ") || lacks(t, b) {
					continue
				}
				switch b.lang {
				case "sh":
					if out, err := shell(t, dir, env, b.text); err != nil {
						t.Errorf("%v: %v\n%s", b, err, out)
					}
				case "console":
					compare(t, dir, env, b)
				}
			}
		})
	}
}

// lacks tells whether this machine lacks the tool that b needs.
func lacks(t *testing.T, b block) bool {
	t.Helper()
	tool, ok := strings.CutPrefix(b.marker, "needs: ")
	if !ok {
		return false
	}
	if _, err := exec.LookPath(tool); err == nil {
		return false
	}
	if os.Getenv("REQUIRE_TOOLS") == "1" {
		t.Errorf("%v: %s is not installed", b, tool)
	}
	t.Logf("%v: left out, %s is not installed", b, tool)
	return true
}

func shell(t *testing.T, dir string, env []string, script string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-eu", "-c", script)
	cmd.Dir, cmd.Env = dir, env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

// compare runs the commands of a transcript, the lines that start with "$ ",
// and looks for the lines below each in its output, in order. "…" stands for
// anything; what differs between runs is folded on both sides.
func compare(t *testing.T, dir string, env []string, b block) {
	t.Helper()
	for step := range strings.SplitSeq("\n"+b.text, "\n$ ") {
		command, want, _ := strings.Cut(step, "\n")
		if command == "" {
			continue
		}
		out, _ := shell(t, dir, env, command) // a refusal may exit 1: the lines are what counts
		rest := strings.Split(fold(out), "\n")
		for line := range strings.SplitSeq(fold(want), "\n") {
			if line == "" || line == "…" {
				continue
			}
			like := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(line), "…", ".*") + "$")
			at := slices.IndexFunc(rest, like.MatchString)
			if at < 0 {
				t.Errorf("%v: %s no longer prints %q; it prints\n%s", b, command, line, out)
				break
			}
			rest = rest[at+1:]
		}
	}
}

var varying = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{12,}|\d{4}-\d\d-\d\dT[0-9:.]+Z?|[0-9.]+(ms|µs|s)\b|127\.0\.0\.1:\d+|[ \t]+$`)

// fold replaces what differs between two runs: ids, digests, times, ports.
func fold(s string) string {
	var lines []string
	for line := range strings.SplitSeq(s, "\n") {
		lines = append(lines, strings.TrimRight(varying.ReplaceAllString(line, "#"), "# \t"))
	}
	return strings.Join(lines, "\n")
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
