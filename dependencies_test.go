package tenantgate

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// direct are the modules that go.mod asks for itself.
func direct(t *testing.T) (paths []string) {
	t.Helper()
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range regexp.MustCompile(`(?m)^(?:require|\t)\s*([a-z][^ \t(]+/[^ ]+) v[^ \n]+$`).FindAllStringSubmatch(string(text), -1) {
		paths = append(paths, line[1])
	}
	return paths
}

// A module in bold has its paragraph, or its place in one.
func TestEveryDirectDependencyHasItsParagraphAndNoOtherHas(t *testing.T) {
	text, err := os.ReadFile("docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, m := range regexp.MustCompile(`\*\*([a-z0-9-]+(?:\.[a-z0-9-]+)+/[^* ]+)\*\*`).FindAllStringSubmatch(string(text), -1) {
		told = append(told, m[1])
	}
	asked := direct(t)
	if len(asked) < 20 || len(told) < 20 {
		t.Fatalf("%d modules in go.mod and %d in docs/dependencies.md: the test reads neither", len(asked), len(told))
	}
	for _, m := range asked {
		if !slices.Contains(told, m) {
			t.Errorf("%s is in go.mod and has no paragraph in docs/dependencies.md", m)
		}
	}
	for _, m := range told {
		if !slices.Contains(asked, m) {
			t.Errorf("%s has a paragraph in docs/dependencies.md and is not asked for in go.mod", m)
		}
	}
}

// The release that builds is part of what is built.
func TestTheToolchainIsPinned(t *testing.T) {
	text, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`(?m)^toolchain go1\.\d+\.\d+$`).Match(text) {
		t.Error("go.mod names no toolchain")
	}
	docker, err := os.ReadFile("deploy/Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	release := strings.TrimPrefix(regexp.MustCompile(`(?m)^toolchain (go\S+)$`).FindString(string(text)), "toolchain go")
	if !strings.Contains(string(docker), release) {
		t.Errorf("deploy/Dockerfile does not build with Go %s", release)
	}
}
