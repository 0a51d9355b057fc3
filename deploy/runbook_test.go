package deploy_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/tenantgate/tenantgate/needs"
)

// What the runbook says and the tests of the documentation cannot run is read by
// a shell at least, and every file that it names is there.
func TestEveryBlockOfTheRunbookIsShell(t *testing.T) {
	page := read(t, "../docs/runbook.md")
	blocks := regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(page, -1)
	if len(blocks) < 15 {
		t.Fatalf("%d blocks", len(blocks))
	}
	sh := needs.Tool(t, "sh")
	for _, b := range blocks {
		if out, err := output(t, ".", sh, "-n", "-c", b[1]); err != nil {
			t.Errorf("%v: %s\n%s", err, out, b[1])
		}
	}
	for _, name := range regexp.MustCompile(`\bdeploy/[a-z./_-]+[a-z]`).FindAllString(page, -1) {
		if name == "deploy/tenantgate.yaml" || name == "deploy/secrets" { // the reader makes these
			continue
		}
		if _, err := os.Stat("../" + name); err != nil {
			t.Error(err)
		}
	}
	for _, section := range []string{"Install", "Observe", "Enforce", "Rotate the CA", "Upgrade", "Roll back", "Remove"} {
		if !strings.Contains(page, ". "+section+"\n") {
			t.Errorf("no section %s", section)
		}
	}
}

// A command that stands in a block that is not run is one that the program has.
func TestTheRunbookNamesOnlyCommandsThatThereAre(t *testing.T) {
	bin := program(t)
	for _, m := range regexp.MustCompile(`(?m)^tenantgate ((?:[a-z]+ )*[a-z]+)`).FindAllStringSubmatch(read(t, "../docs/runbook.md"), -1) {
		if out, err := output(t, ".", bin, append(strings.Fields(m[1]), "--help")...); err != nil || !strings.Contains(out, "tenantgate "+m[1]) {
			t.Errorf("tenantgate %s: %v, %s", m[1], err, out)
		}
	}
}
