package audittest

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTailGoesOnWhereItEndedAndWaitsForWholeLines(t *testing.T) {
	const event = `{"tenantgate":{"seq":1}}`
	path := filepath.Join(t.TempDir(), "events.jsonl")
	next := int64(0)
	for _, step := range []struct {
		add  string
		want int
	}{{event + "\n", 1}, {"", 0}, {event[:9], 0}, {event[9:] + "\n" + event + "\n", 2}} {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(step.add); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		var lines []Line
		if lines, next, err = Tail(path, next); err != nil || len(lines) != step.want {
			t.Errorf("after %q: %d lines, %v; want %d", step.add, len(lines), err, step.want)
		}
	}
}

func TestALineThatIsNoEventIsAnError(t *testing.T) {
	for _, line := range []string{"", "{}", "[]", `{"tenantgate":{}} {}`, `{"tenantgate":{"unknown":1}}`, "\x00"} {
		if _, err := Parse([]byte(line)); err == nil {
			t.Errorf("%q is taken for an event", line)
		}
	}
}
