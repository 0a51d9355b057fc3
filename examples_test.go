package tenantgate

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/config"
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
	build := exec.Command("go", "build", "-buildvcs=false", "-o", bin, "./cmd/tenantgate")
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
