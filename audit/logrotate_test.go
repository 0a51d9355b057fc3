package audit

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tenantgate/tenantgate/audit/audittest"
	"github.com/tenantgate/tenantgate/needs"
)

// The rules that are shipped for logrotate lose no event, and what is older than
// they say goes.
func TestLogrotateKeepsWhatIsYoungAndRemovesWhatIsOld(t *testing.T) {
	program, dir := needs.Tool(t, "logrotate"), t.TempDir()
	rules, err := os.ReadFile("../deploy/tenantgate.logrotate")
	if err != nil {
		t.Fatal(err)
	}
	const shipped = "/var/lib/tenantgate/events/events.jsonl"
	if !strings.Contains(string(rules), shipped) {
		t.Fatalf("the rules are not for %s", shipped)
	}
	file := filepath.Join(dir, "events.jsonl")
	text := strings.NewReplacer(shipped, file, "\tsu tenantgate tenantgate\n", "").Replace(string(rules))
	conf := filepath.Join(t.TempDir(), "conf")
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	old := file + "-20200101.gz"
	if err := os.WriteFile(old, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	long := time.Now().Add(-91 * 24 * time.Hour)
	if err := os.Chtimes(old, long, long); err != nil {
		t.Fatal(err)
	}
	l := open(t, Config{}, dir)
	keep(t, l, blocked())
	if out, err := exec.Command(program, "-f", "-s", filepath.Join(filepath.Dir(conf), "state"), conf).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	keep(t, l, blocked())
	closeLog(t, l)
	if _, err := os.Stat(old); err == nil {
		t.Error("what is older than 90 days is there")
	}
	moved, err := filepath.Glob(file + "-2*")
	if err != nil || len(moved) != 1 {
		t.Fatalf("moved: %v, %v", moved, err)
	}
	for i, name := range []string{moved[0], file} {
		events, err := audittest.Read(name)
		if err != nil || len(events) != 1 || events[0].Tenantgate.Seq != uint64(i+1) {
			t.Errorf("%s: %v, %v", name, events, err)
		}
	}
}
