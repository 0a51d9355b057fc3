package audit

import (
	"errors"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/tenantgate/tenantgate/audit/audittest"
)

var kills = flag.Int("kills", 20, "how often the delivery test kills the proxy")

// down is an address where nobody listens.
const down = "http://127.0.0.1:1"

// Killed wherever it happens to be, between a sink's acknowledgement and the
// cursor, between two segments, in the middle of a record: whoever got an
// answer left an event, and the receiver has it.
func TestEveryAnsweredEventReachesTheReceiverThroughKill9(t *testing.T) {
	r, dir := newReceiver(t), t.TempDir()
	r.mu.Lock() // who asks is another process, which orders nothing here
	r.answer = func(n int, _ []audittest.Line) (int, http.Header) {
		switch n % 17 {
		case 3:
			return 0, nil // taken, and the acknowledgement is lost
		case 5:
			return http.StatusServiceUnavailable, nil
		}
		return http.StatusOK, nil
	}
	r.mu.Unlock()
	t.Setenv("AUDIT_TEST_URL", r.URL)
	var answered []string
	for round := range *kills {
		answered = append(answered, killedAfter(t, dir, 50+97*(round%20))...)
	}
	r.mu.Lock()
	r.answer = nil // or the backlog would take as long as its patience
	r.mu.Unlock()
	l := open(t, childConfig(), dir)
	t.Logf("%d kills, %d answered, %d received before the last start", *kills, len(answered), len(r.ids()))
	r.await(t, answered)
	for i, one := range read(t, filepath.Join(dir, "events.jsonl")) {
		if one.Tenantgate.Seq != uint64(i+1) {
			t.Fatalf("line %d of the file has number %d", i+1, one.Tenantgate.Seq)
		}
	}
	for _, s := range l.Stats().Sinks {
		if s.Dropped+s.Damaged+s.Dead > 0 {
			t.Errorf("%+v", s)
		}
	}
}

func TestAFullDiskFailsEveryCallerWithASpoolToo(t *testing.T) {
	dir := t.TempDir()
	mounted := unshared(t, dir, "")
	t.Setenv("AUDIT_TEST_URL", down)
	check(t, "full", dir, mounted...)
}

func TestASpoolThatCannotGrowFailsEveryCallerUntilItCan(t *testing.T) {
	t.Setenv("AUDIT_TEST_URL", down)
	check(t, "limit", t.TempDir())
}

// passFullDisk expects that with events.full: pass nobody is refused, that it
// is counted, and that it is told once there is room.
func passFullDisk() int {
	dir := os.Getenv("AUDIT_TEST_DIR")
	ballast := filepath.Join(dir, "ballast")
	cfg := childConfig()
	cfg.Full = "pass"
	l, err := Open(cfg, filepath.Join(dir, "events"), testObserver)
	if err != nil {
		return complain("%v", err)
	}
	if err := os.WriteFile(ballast, make([]byte, 600<<10), 0o600); !errors.Is(err, syscall.ENOSPC) {
		return complain("the disk is not full: %v", err)
	}
	for l.Stats().Passed < 10 {
		if err := l.Record(blocked()); err != nil {
			return complain("refused: %v", err)
		}
	}
	passed := l.Stats().Passed
	if err := os.Remove(ballast); err != nil {
		return complain("%v", err)
	}
	if err := errors.Join(l.Record(blocked()), l.Close()); err != nil {
		return complain("%v", err)
	}
	lines, err := audittest.Read(filepath.Join(dir, "events", "events.jsonl"))
	if err != nil {
		return complain("%v", err)
	}
	if last := lines[len(lines)-1]; last.Event.Action != "events-not-recorded" || last.Tenantgate.Count != passed {
		return complain("the last event is %s with count %d, want %d", last.Event.Action, last.Tenantgate.Count, passed)
	}
	for i, one := range lines {
		if one.Tenantgate.Seq != uint64(i+1) {
			return complain("line %d has number %d", i+1, one.Tenantgate.Seq)
		}
	}
	return 0
}

func TestAFullDiskCanBeLetPassAndIsToldAfterwards(t *testing.T) {
	for _, url := range []string{"", down} {
		dir := t.TempDir()
		mounted := unshared(t, dir, "")
		t.Setenv("AUDIT_TEST_URL", url)
		check(t, "passfull", dir, mounted...)
	}
}

func TestEveryPolicyOfSyncingKeepsEvents(t *testing.T) {
	for _, when := range []string{"always", "interval", "never"} {
		dir := t.TempDir()
		l, err := Open(Config{Sync: when}, dir, testObserver)
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			keep(t, l, blocked())
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if n := len(read(t, filepath.Join(dir, "events.jsonl"))); n != 5 {
			t.Errorf("%s: %d events", when, n)
		}
	}
}
