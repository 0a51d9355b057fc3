package audit

import (
	"flag"
	"os"
	"testing"

	"go.uber.org/goleak"
)

var update = flag.Bool("update", false, "rewrite testdata/*.golden")

func TestMain(m *testing.M) {
	if run, ok := children[os.Getenv("AUDIT_TEST_CHILD")]; ok {
		os.Exit(run())
	}
	goleak.VerifyTestMain(m)
}
