// Package needs skips tests for want of what they run: programs that are not
// installed, or rights. With REQUIRE_TOOLS=1 they fail instead, so that a run
// that is to be whole cannot pass by leaving something out.
package needs

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Tool returns the path of a program, also where only root looks.
func Tool(t testing.TB, name string) string {
	t.Helper()
	for _, dir := range []string{"", "/usr/sbin", "/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	Missing(t, name+" is not installed")
	return ""
}

// Root is for what only root may do.
func Root(t testing.TB) {
	t.Helper()
	if os.Getuid() != 0 {
		Missing(t, "only root may do this")
	}
}

// Missing ends the test for that reason.
func Missing(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("REQUIRE_TOOLS") == "1" {
		t.Fatal(why + ", and REQUIRE_TOOLS=1")
	}
	t.Skip(why)
}
