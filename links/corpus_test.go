package links

import (
	"bytes"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// example is one file of testdata/corpus: a request line, the body, and after a
// line "---" the links it makes, one a line: kind, kind of target, target,
// resource. A body may name a transformation in a comment line before it.
type example struct {
	method, path string
	body         []byte
	want         []string
}

func TestCorpus(t *testing.T) {
	files, err := filepath.Glob("testdata/corpus/*.txt")
	if err != nil || len(files) < 40 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	found := map[Kind]bool{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			e := load(t, file)
			var got []string
			for _, l := range Find(serviceOf(e.path), e.method, e.path, func() ([]byte, error) { return e.body, nil }) {
				found[l.Kind] = true
				got = append(got, fmt.Sprintf("%s %s %s %s", l.Kind, l.TargetKind, l.Target, l.Resource))
			}
			if diff := cmp.Diff(e.want, got); diff != "" {
				t.Errorf("links (-want +got):\n%s", diff)
			}
		})
	}
	for _, k := range Kinds() {
		if !found[k] {
			t.Errorf("no file of the corpus has a %s", k)
		}
	}
}

func serviceOf(path string) Service {
	if strings.HasPrefix(path, "/v1.0/") || strings.HasPrefix(path, "/beta/") || strings.HasPrefix(path, "/graph/") {
		return MicrosoftGraph
	}
	return ResourceManager
}

// words stand for IDs in the corpus.
var words = strings.NewReplacer(
	"OURS", "aaaaaaaa-0000-0000-0000-000000000001", "THEIRS", "bbbbbbbb-0000-0000-0000-000000000002",
	"THIRD", "cccccccc-0000-0000-0000-000000000003", "TENANT", "33333333-3333-3333-3333-333333333333",
)

func load(t testing.TB, file string) example {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, want, _ := strings.Cut(words.Replace(string(src)), "\n---\n")
	line, body, _ := strings.Cut(head, "\n")
	method, target, _ := strings.Cut(line, " ")
	target, _, _ = strings.Cut(target, "?")
	path, err := url.PathUnescape(target)
	if err != nil {
		t.Fatal(err)
	}
	e := example{method: method, path: path, body: bytes.TrimSpace([]byte(body))}
	for l := range strings.Lines(want) {
		if l = strings.TrimSpace(l); l != "" {
			e.want = append(e.want, l)
		}
	}
	return e
}
